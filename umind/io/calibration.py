"""Millimetres per pixel from a DICOM header: never guessed, never scaled.

A wrong millimetre is worse than none: whatever contradicts itself gives no spacing.
"""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from umind.geometry.spacing import Spacing
from umind.schema.image import CalibrationSource

TWO_DIMENSIONAL = 1
"""Region Spatial Format (0018,6012), PS3.3 C.8.5.5.1.1; other values are M-mode, spectral, wave form and graphics."""
CENTIMETRES = 3
"""Physical Units X/Y Direction (0018,6024/6026), PS3.3 C.8.5.5.1.15; other values are seconds, hertz, cm/s and so on."""
BOUNDS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
AGREEMENT = 1e-3
"""Relative difference up to which two regions have the same scale."""


def calibration_of(header: Dataset, height: int, width: int) -> tuple[Spacing | None, CalibrationSource]:
    """Spacing of an image and where it comes from.

    In this order, with what the standard and files in the wild teach:

    1. ``SequenceOfUltrasoundRegions`` (PS3.3 C.8.5.5): regions that are 2D and in centimetres; millimetres are
       ``|PhysicalDelta| * 10``. A region outside the pixels means that the file was resampled after export: ``"suspect"``.
       2D regions that differ in scale give none, since one image has one spacing here.
    2. ``PixelSpacing`` (PS3.3 10.7.1.3), unless regions say that nothing here is 2D. Exactly 1 by 1 mm is what converters write
       into files whose scale they do not know: ``"suspect"``.

    Args:
        header: Data set of the image.
        height: Rows.
        width: Columns.
    """
    regions = list(header.get("SequenceOfUltrasoundRegions") or [])
    if any(not inside(region, height, width) for region in regions):
        return None, "suspect"
    flat = [region for region in regions if number(region, "RegionSpatialFormat") == TWO_DIMENSIONAL]
    found = [spacing for region in flat if (spacing := spacing_of_region(region))]
    if found:
        first = found[0]
        same = all(
            math.isclose(other.dy, first.dy, rel_tol=AGREEMENT) and math.isclose(other.dx, first.dx, rel_tol=AGREEMENT)
            for other in found
        )
        # an uncalibrated 2D region beside a calibrated one is as much of a trap as one with another scale
        return (first, "dicom-region") if same and len(found) == len(flat) else (None, "none")
    if regions and not flat:
        return None, "none"
    return pixel_spacing_of(header)


def inside(region: Dataset, height: int, width: int) -> bool:
    """True when the region's bounds are in order and within the image; a maximum of one past the end is a common reading."""
    x0, y0, x1, y1 = (number(region, keyword) for keyword in BOUNDS)
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return False
    return 0 <= x0 <= x1 <= width and 0 <= y0 <= y1 <= height


def spacing_of_region(region: Dataset) -> Spacing | None:
    """Spacing of a 2D region in centimetres; None for other units, or deltas that are zero or missing."""
    units = [number(region, keyword) for keyword in ("PhysicalUnitsXDirection", "PhysicalUnitsYDirection")]
    dy, dx = number(region, "PhysicalDeltaY"), number(region, "PhysicalDeltaX")
    if units != [CENTIMETRES, CENTIMETRES] or not dy or not dx:
        return None
    return Spacing(abs(dy) * 10, abs(dx) * 10)


def pixel_spacing_of(header: Dataset) -> tuple[Spacing | None, CalibrationSource]:
    """``PixelSpacing`` (row spacing, column spacing) in millimetres, when it holds two positive numbers."""
    value = header.get("PixelSpacing")
    if not value or isinstance(value, str) or len(value) != 2:
        return None, "none"
    dy, dx = float(value[0]), float(value[1])
    if not (math.isfinite(dy) and math.isfinite(dx) and dy > 0 and dx > 0):
        return None, "none"
    if dy == dx == 1:
        return None, "suspect"
    return Spacing(dy, dx), "dicom-pixel-spacing"


def number(data: Dataset, keyword: str) -> float | None:
    """A finite number of a data set; None when it is absent, empty, a list or no number."""
    value = data.get(keyword)
    if not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
