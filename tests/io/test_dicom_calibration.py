"""Scale per region and per frame: files with known distances, and random ones whose unit has to be right every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_dicom import GRAPHICS, SPECTRAL, WAVE_FORM, duplex, measures, region, write_dicom
from pydicom import dcmread
from pydicom.data import get_testdata_file

from umind.geometry.caliper import Caliper
from umind.io import read
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage

Line = tuple[tuple[float, float], tuple[float, float]]


def length(image: UltrasoundImage, line: Line) -> float | None:
    spacing = image.spacing_at(np.array(line))
    return Caliper(*line).length(spacing) if spacing else None


@pytest.mark.parametrize(
    ("line", "millimetres"),
    [
        (((10.0, 20.0), (40.0, 60.0)), np.hypot(30 * 0.2, 40 * 0.1)),
        (((0.0, 0.0), (80.0, 80.0)), np.hypot(80 * 0.2, 80 * 0.1)),
        (((90.0, 20.0), (120.0, 60.0)), np.hypot(30 * 0.4, 40 * 0.3)),
        (((80.0, 0.0), (160.0, 80.0)), np.hypot(80 * 0.4, 80 * 0.3)),
        (((70.0, 20.0), (90.0, 20.0)), None),
        (((20.0, 70.0), (20.0, 90.0)), None),
        (((20.0, 90.0), (20.0, 110.0)), None),
    ],
)
def test_known_distances_in_every_frame(line: Line, millimetres: float | None, tmp_path: Path) -> None:
    clip = read(duplex(tmp_path / "a.dcm"))
    assert isinstance(clip, Clip)
    for image in (*clip, read(duplex(tmp_path / "b.dcm", num_frames=1))):
        assert (image.spacing, image.calibration) == (None, "dicom-region")
        assert length(image, line) == (None if millimetres is None else pytest.approx(millimetres))


def test_a_strip_beside_the_image_refuses(tmp_path: Path) -> None:
    strip = region((0, 60, 99, 79), units=(4, 0), kind=WAVE_FORM)
    pixels = np.zeros((80, 100), np.uint8)
    path = write_dicom(tmp_path / "a.dcm", pixels, SequenceOfUltrasoundRegions=[region((0, 0, 99, 59)), strip])
    image = read(path)
    assert (image.spacing.dy, image.spacing.dx) == pytest.approx((0.1, 0.2))
    assert image.spacing_at(np.array([(5, 5), (50, 50)])) == image.spacing
    assert image.spacing_at(np.array([(5, 65), (50, 70)])) is None
    given = read(path, spacing=0.7)
    assert (given.regions, given.calibration) == ((), "user")
    assert given.spacing_at(np.array([(5, 65), (50, 70)])).dy == 0.7


def test_pixel_spacing_holds_in_2d_regions_without_units(tmp_path: Path) -> None:
    regions = [region((0, 0, 99, 59), units=(0, 0)), region((0, 60, 99, 79), kind=GRAPHICS)]
    path = write_dicom(
        tmp_path / "a.dcm", np.zeros((80, 100), np.uint8), SequenceOfUltrasoundRegions=regions, PixelSpacing=[0.3, 0.4]
    )
    image = read(path)
    assert (image.calibration, image.spacing.dy) == ("dicom-pixel-spacing", 0.3)
    assert image.spacing_at(np.array([(5, 5), (50, 50)])) == image.spacing
    assert image.spacing_at(np.array([(5, 65), (50, 70)])) is None


def test_pixel_measures_by_frame(tmp_path: Path) -> None:
    frames = np.zeros((3, 8, 8), np.uint8)
    by_frame = [measures(0.1, 0.2), measures(0.3, 0.4), measures(1.0, 1.0)]
    groups = {"PerFrameFunctionalGroupsSequence": by_frame}
    clip = read(write_dicom(tmp_path / "a.dcm", frames, frames=3, PixelSpacing=[9, 9], **groups))
    assert [image.spacing and (image.spacing.dy, image.spacing.dx) for image in clip] == [(0.1, 0.2), (0.3, 0.4), None]
    assert [image.calibration for image in clip] == ["dicom-pixel-spacing", "dicom-pixel-spacing", "suspect"]
    shared = {"SharedFunctionalGroupsSequence": [measures(0.5, 0.6)]}
    clip = read(write_dicom(tmp_path / "b.dcm", frames, frames=3, **shared))
    assert {image.spacing.dx for image in clip} == {0.6}
    with pytest.raises(ImageReadError, match="describes 3 frames of 2"):
        read(write_dicom(tmp_path / "c.dcm", frames[:2], frames=2, **groups))


def test_files_whose_regions_leave_the_pixels_are_suspect() -> None:
    clip = read(get_testdata_file("examples_ybr_color.dcm", download=False))
    palette = read(get_testdata_file("examples_palette.dcm", download=False))
    for image in (clip[0], palette):
        assert (image.spacing, image.calibration) == (None, "suspect")
        assert all(region.spacing is None for region in image.regions)
        assert image.spacing_at(np.array([(100.0, 100.0), (200.0, 200.0)])) is None
    assert clip[0].notes[0] == "the 2D region x 84 to 596, y 31 to 415 leaves the 320 x 240 pixels"
    assert [region.kind for region in palette.regions] == ["2D", "waveform"]


def test_a_file_of_pydicom_with_the_rows_that_its_regions_want(tmp_path: Path) -> None:
    """``examples_palette.dcm`` is cut to 350 rows; with all of them its ECG strip refuses and its 2D region does not."""
    data = dcmread(get_testdata_file("examples_palette.dcm", download=False))
    data.Rows, data.PixelData = 600, bytes(600 * 800)
    data.save_as(tmp_path / "a.dcm")
    image = read(tmp_path / "a.dcm")
    assert image.calibration == "dicom-region"
    assert length(image, ((200.0, 100.0), (300.0, 100.0))) == pytest.approx(26.2288, abs=1e-4)
    assert length(image, ((200.0, 530.0), (300.0, 530.0))) is None
    assert length(image, ((200.0, 500.0), (300.0, 530.0))) is None


KINDS = {"blank": None, "2D": 1, "no units": 1, "spectral": SPECTRAL, "ecg": WAVE_FORM}
"""What a cell of a random picture may be."""


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[list[str]], list[list[tuple[float, float]]], bool, Line]:
    """Cells of 20 x 30 pixels, the spacing (y, x) of each, whether the header was left from before a resize, and a line."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cells = [[draw(st.sampled_from(list(KINDS))) for _ in range(columns)] for _ in range(rows)]
    steps = st.sampled_from([(0.1, 0.1), (0.1, 0.2), (0.3, 0.25)])
    spacings = [[draw(steps) for _ in range(columns)] for _ in range(rows)]
    ends = [(draw(st.integers(0, 30 * columns - 1)) + 0.5, draw(st.integers(0, 20 * rows - 1)) + 0.5) for _ in range(2)]
    return cells, spacings, draw(st.integers(0, 9)) == 0, (ends[0], ends[1])


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picture=pictures())
def test_the_unit_is_always_right(
    picture: tuple[list[list[str]], list[list[tuple[float, float]]], bool, Line], tmp_path: Path
) -> None:
    """500 random files: millimetres exactly when both ends lie in one calibrated 2D cell, and then the right number."""
    cells, spacings, shrunk, line = picture
    regions = [
        region(
            (30 * j, 20 * i, 30 * j + 29, 20 * i + 19),
            delta=(spacings[i][j][1] / 10, spacings[i][j][0] / 10),
            units=(3, 3) if cell in ("2D", "spectral") else (0, 0),
            kind=KINDS[cell] or 0,
        )
        for i, row in enumerate(cells)
        for j, cell in enumerate(row)
        if KINDS[cell]
    ]
    height, width = 20 * len(cells), 30 * len(cells[0])
    if shrunk:
        regions.append(region((0, 0, 2 * width, 2 * height)))
    path = write_dicom(tmp_path / "a.dcm", np.zeros((height, width), np.uint8), SequenceOfUltrasoundRegions=regions)
    image = read(path)
    (i, j), other = ((int(y // 20), int(x // 30)) for x, y in line)
    calibrated = (i, j) == other and cells[i][j] == "2D" and not shrunk
    (x1, y1), (x2, y2) = line
    dy, dx = spacings[i][j]
    assert length(image, line) == (pytest.approx(np.hypot((x2 - x1) * dx, (y2 - y1) * dy)) if calibrated else None)
