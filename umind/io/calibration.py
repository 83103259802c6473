"""Millimetres per pixel from a DICOM header: never guessed, never scaled.

A wrong millimetre is worse than none: whatever contradicts itself gives no spacing, and a note says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pydicom.dataset import Dataset

from umind.geometry.region import Box, RegionKind, UltrasoundRegion, same_spacing
from umind.geometry.spacing import Spacing
from umind.schema.image import CalibrationSource

KINDS: Mapping[float, RegionKind] = MappingProxyType({1: "2D", 2: "M-mode", 3: "spectral", 4: "waveform", 5: "graphics"})
"""Region Spatial Format (0018,6012), PS3.3 C.8.5.5.1.1."""
CENTIMETRES = 3
"""Physical Units X/Y Direction (0018,6024/6026), PS3.3 C.8.5.5.1.15."""
UNITS: Mapping[float, str] = MappingProxyType(
    {0: "none", 1: "percent", 2: "dB", 3: "cm", 4: "s", 5: "Hz", 6: "dB/s", 7: "cm/s", 8: "cm2"}
)
"""All units; only one is a length. 9 to 12 are rates of areas and volumes, volumes and degrees."""
BOUNDS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
NO_REASON = "the header has neither ultrasound regions nor PixelSpacing"


@dataclass(frozen=True)
class Calibration:
    """What a header says about the scale of a frame.

    Args:
        spacing: Of the whole picture; None when there is none, or when it differs from region to region.
        source: Where it comes from.
        regions: Parts with a scale of their own.
        notes: What was found and refused, a sentence each.
    """

    spacing: Spacing | None
    source: CalibrationSource
    regions: tuple[UltrasoundRegion, ...] = ()
    notes: tuple[str, ...] = ()


def calibrations_of(header: Dataset, height: int, width: int, num_frames: int) -> tuple[Calibration, ...]:
    """Calibration of every frame, or one that holds for all of them.

    In this order, with what the standard and files in the wild teach:

    1. ``SequenceOfUltrasoundRegions`` (PS3.3 C.8.5.5), which holds for all frames: regions that are 2D and in centimetres;
       millimetres are ``|PhysicalDelta| * 10``. A region outside the pixels means that the file was resampled after export:
       ``"suspect"``.
    2. Pixel Measures (PS3.3 C.7.6.16.2.1) of Enhanced Ultrasound, per frame or shared.
    3. ``PixelSpacing`` (PS3.3 10.7.1.3).

    Both of the latter hold in the 2D regions where there are regions, and nowhere when nothing is 2D. Exactly 1 by 1 mm is what
    converters write into files whose scale they do not know: ``"suspect"``.

    Args:
        header: Data set of the image.
        height: Rows.
        width: Columns.
        num_frames: Frames.
    """
    found = [region_of(item, height, width) for item in header.get("SequenceOfUltrasoundRegions") or []]
    regions = tuple(region for region in found if region)
    faults = [
        f"{place(region)} leaves the {width} x {height} pixels" for region in regions if not region.lies_within(height, width)
    ]
    if len(regions) < len(found):
        faults.append("an ultrasound region has no bounds, or bounds out of order")
    if faults:
        return (refused(regions, faults),)
    if any(region.spacing for region in regions):
        return (of_regions(regions),)
    if regions and not any(region.kind == "2D" for region in regions):
        return (Calibration(None, "none", regions, ("none of the header's ultrasound regions is a 2D image",)),)
    return tuple(of_pixel_spacing(measure, regions) for measure in pixel_measures_of(header, num_frames))


def refused(regions: Sequence[UltrasoundRegion], faults: Sequence[str]) -> Calibration:
    """No scale in any region, because the header contradicts the pixels."""
    kept = tuple(replace(region, spacing=None, reason=region.reason or "the file is suspect") for region in regions)
    return Calibration(None, "suspect", kept, (*faults, "the file was cut or resampled after export: its scale is not used"))


def region_of(item: Dataset, height: int, width: int) -> UltrasoundRegion | None:
    """One region; None when its bounds are missing or out of order.

    Bounds are numbers of pixels that belong to the region, so that its right edge is one further; a maximum that equals the
    number of columns or rows is a common reading of the same edge.
    """
    x1, y1, x2, y2 = (number(item, keyword) for keyword in BOUNDS)
    if x1 is None or y1 is None or x2 is None or y2 is None or x2 < x1 or y2 < y1:
        return None
    xyxy: Box = (x1, y1, x2 if x2 == width else x2 + 1, y2 if y2 == height else y2 + 1)
    kind = KINDS.get(number(item, "RegionSpatialFormat") or 0, "other")
    if xyxy[0] >= xyxy[2] or xyxy[1] >= xyxy[3]:
        return None
    if kind != "2D":
        return UltrasoundRegion(xyxy, kind=kind, reason=f"a region of kind {kind} has no millimetres on both axes")
    units = [number(item, keyword) for keyword in ("PhysicalUnitsXDirection", "PhysicalUnitsYDirection")]
    if units != [CENTIMETRES, CENTIMETRES]:
        said = " and ".join("missing" if unit is None else UNITS.get(unit, f"code {unit:g}") for unit in units)
        return UltrasoundRegion(xyxy, kind=kind, reason=f"its units are {said}, wanted are centimetres on both axes")
    dy, dx = number(item, "PhysicalDeltaY"), number(item, "PhysicalDeltaX")
    if not dy or not dx:
        return UltrasoundRegion(xyxy, kind=kind, reason="its size of a pixel is zero or missing")
    return UltrasoundRegion(xyxy, kind=kind, spacing=Spacing(abs(dy) * 10, abs(dx) * 10))


def of_regions(regions: tuple[UltrasoundRegion, ...]) -> Calibration:
    """Calibration by regions of which at least one has a spacing."""
    flat = [region for region in regions if region.kind == "2D"]
    shared = same_spacing(flat)
    differ = () if shared else ("the 2D regions differ in scale: millimetres hold within one of them at a time",)
    return Calibration(shared, "dicom-region", regions, (*differ, *reasons(flat)))


def reasons(regions: Sequence[UltrasoundRegion]) -> list[str]:
    """Why regions have no scale, a sentence for each that has none."""
    return [f"{place(region)} has no scale: {region.reason}" for region in regions if region.reason]


def place(region: UltrasoundRegion) -> str:
    """Kind and bounds of a region in words."""
    x1, y1, x2, y2 = region.xyxy
    return f"the {region.kind} region x {x1:g} to {x2:g}, y {y1:g} to {y2:g}"


def pixel_measures_of(header: Dataset, num_frames: int) -> list[Sequence[float] | None]:
    """Pixel Spacing of every frame, or one for all of them, from functional groups or from the image itself.

    Raises:
        ValueError: There are functional groups of another number of frames.
    """
    groups = list(header.get("PerFrameFunctionalGroupsSequence") or [])
    shared = next(iter(header.get("SharedFunctionalGroupsSequence") or []), Dataset())
    common = measure_of(shared) or measure_of(header)
    if not any(measure_of(group) for group in groups):
        return [common]
    if len(groups) != num_frames:
        raise ValueError(f"the header describes {len(groups)} frames of {num_frames}")
    return [measure_of(group) or common for group in groups]


def measure_of(group: Dataset) -> Sequence[float] | None:
    """Pixel Spacing of a functional group's Pixel Measures, or of a data set itself; None when it is absent."""
    measures = next(iter(group.get("PixelMeasuresSequence") or []), group)
    value = measures.get("PixelSpacing")
    if not value or isinstance(value, str) or len(value) != 2:
        return None
    return float(value[0]), float(value[1])


def of_pixel_spacing(value: Sequence[float] | None, regions: tuple[UltrasoundRegion, ...]) -> Calibration:
    """Calibration by Pixel Spacing (row spacing, column spacing) in millimetres, in the 2D regions where there are any."""
    if value is None:
        return Calibration(None, "none", regions, tuple(reasons(regions)) or (NO_REASON,))
    dy, dx = value
    if dy == dx == 1:
        why = "PixelSpacing is 1 by 1 mm, which converters write when they do not know the scale"
        return Calibration(None, "suspect", regions, (why,))
    if not (math.isfinite(dy) and math.isfinite(dx) and dy > 0 and dx > 0):
        return Calibration(None, "none", regions, (f"PixelSpacing is {dy:g} by {dx:g}, which is no size of a pixel",))
    spacing = Spacing(dy, dx)
    flat = tuple(replace(region, spacing=spacing, reason="") if region.kind == "2D" else region for region in regions)
    return Calibration(spacing, "dicom-pixel-spacing", flat)


def number(data: Dataset, keyword: str) -> float | None:
    """A finite number of a data set; None when it is absent, empty, a list or no number."""
    value = data.get(keyword)
    if not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
