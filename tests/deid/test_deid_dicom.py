"""Nothing that was planted in a DICOM cine is left, and what display and measurement need is."""

from pathlib import Path

import numpy as np
import pytest
from planted_scans import (
    HEIGHT,
    NAME,
    NUM_FRAMES,
    NUMBER,
    TEXTS,
    UID,
    WIDTH,
    inside,
    lettering,
    planted_frames,
    speckle,
    write_planted,
)
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import RLELossless

from umind.deid import Pseudonyms, deidentify
from umind.deid.dicom import encode
from umind.geometry.spacing import Spacing
from umind.io import read
from umind.schema.image import Clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deid")


@pytest.fixture(scope="module")
def cleaned(folder: Path) -> Path:
    source = write_planted(folder / "planted.dcm")
    deidentify(source, folder / "clean", sheet=folder / "sheet.png")
    return folder / "clean.dcm"


def test_nothing_planted_is_left_in_any_byte(folder: Path, cleaned: Path) -> None:
    before, after = ((folder / name).read_bytes().lower() for name in ("planted.dcm", cleaned.name))
    hidden = [NUMBER, *NAME.split("^"), UID, "19601120", "20260711", "071142", "065Y"]
    for text in hidden:
        assert text.lower().encode() in before
        assert text.lower().encode() not in after
    assert before.count(b"zyxwine") > 40
    assert len(TEXTS) >= 25


def test_no_text_is_left_in_the_pixels_and_every_echo_is(cleaned: Path) -> None:
    clip = read(cleaned)
    assert isinstance(clip, Clip)
    assert len(clip) == NUM_FRAMES
    for number, frame in enumerate(clip):
        assert not frame.pixels[lettering(number) > 0].any()
        assert not frame.pixels[~inside()].any()
        kept = frame.pixels == speckle(number)
        assert kept[inside()].mean() > 0.98


def test_display_and_scale_are_kept(cleaned: Path) -> None:
    clip = read(cleaned)
    assert isinstance(clip, Clip)
    assert clip.frame_rate == 25
    assert (clip[0].spacing, clip[0].calibration) == (Spacing(0.25, 0.3), "dicom-region")
    data = dcmread(cleaned)
    assert (data.Modality, data.SeriesNumber, data.NumberOfFrames, data.FrameTime) == ("US", 4, NUM_FRAMES, 40)
    assert data.FrameIncrementPointer == 0x00181063
    assert data.SOPInstanceUID == data.file_meta.MediaStorageSOPInstanceUID


def test_the_file_says_what_was_done(cleaned: Path) -> None:
    data = dcmread(cleaned)
    assert (data.PatientIdentityRemoved, data.BurnedInAnnotation) == ("YES", "NO")
    assert [item.CodeValue for item in data.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert len(data.DeidentificationMethod) <= 64
    assert data.PatientName == data.PatientID == "patient-001"
    assert data.ImageType == ["DERIVED", "PRIMARY"]
    elements = list(data.iterall())
    assert not [element.tag for element in elements if element.tag.is_private]
    assert not [element.keyword for element in elements if element.VR in ("DA", "TM", "DT") and element.value]


def test_the_record_counts_and_names_no_value(folder: Path, cleaned: Path) -> None:
    record = deidentify(folder / "planted.dcm", folder / "again", sheet=folder / "again.png")
    assert record.removed["private"] == 5
    assert record.removed["Manufacturer"] == record.removed["OverlayData"] == record.removed["InstitutionName"] == 1
    assert record.replaced["StudyInstanceUID"] == record.replaced["PatientName"] == 1
    assert record.emptied["StudyDate"] == 1
    assert record.num_frames == NUM_FRAMES
    assert record.marks == ()
    assert record.blanked == pytest.approx(1 - inside().mean(), abs=0.02)
    said = f"{record.to_dict()} {record.to_text()}".lower()
    assert "zyx" not in said
    assert "4711" not in said
    assert "no tool can promise" in said


def test_studies_patients_and_references_stay_together(folder: Path) -> None:
    pseudonyms, found = Pseudonyms(), []
    for name, patient, study, instance in (
        ("a", "1", f"{UID}.1", f"{UID}.3"),
        ("b", "1", f"{UID}.1", f"{UID}.9"),
        ("c", "2", f"{UID}.5", f"{UID}.6"),
    ):
        source = write_planted(folder / f"{name}.dcm", patient=patient, study=study, instance=instance)
        deidentify(source, folder / f"{name}-clean", sheet=folder / f"{name}.png", pseudonyms=pseudonyms)
        found.append(dcmread(folder / f"{name}-clean.dcm"))
    first, second, third = found
    assert first.StudyInstanceUID == second.StudyInstanceUID != third.StudyInstanceUID
    assert first.PatientID == second.PatientID == "patient-001"
    assert third.PatientID == "patient-002"
    assert first.SourceImageSequence[0].ReferencedSOPInstanceUID == second.SOPInstanceUID


def test_regions_follow_a_crop(folder: Path, cleaned: Path) -> None:
    record = deidentify(folder / "planted.dcm", folder / "cropped", sheet=folder / "cropped.png", crop=True)
    x1, y1, x2, y2 = record.crop
    assert record.size == (x2 - x1, y2 - y1)
    assert record.crop == record.view != (0, 0, WIDTH, HEIGHT)
    frame = read(folder / "cropped.dcm")[0]
    whole = read(cleaned)[0]
    np.testing.assert_array_equal(frame.pixels, whole.pixels[y1:y2, x1:x2])
    assert frame.spacing == Spacing(0.25, 0.3)
    region = dcmread(folder / "cropped.dcm").SequenceOfUltrasoundRegions[0]
    assert (region.RegionLocationMaxX1, region.RegionLocationMaxY1) == (x2 - x1 - 1, y2 - y1 - 1)
    assert (region.ReferencePixelX0, region.ReferencePixelY0) == (205 - x1, 30 - y1)


def test_marks_inside_the_field_are_reported_and_painted_over_when_asked(folder: Path) -> None:
    path = write_planted(folder / "marked.dcm")
    data = dcmread(path)
    frames = planted_frames() // 2
    frames[:, 150:153, 190:230] = 255
    data.PixelData = frames.tobytes()
    data.save_as(path)
    left = deidentify(path, folder / "left", sheet=folder / "left.png")
    assert len(left.marks) == 1
    np.testing.assert_allclose(left.marks[0], (190, 150, 230, 153), atol=1)
    written = dcmread(folder / "left.dcm")
    assert written.BurnedInAnnotation == "YES"
    assert [item.CodeValue for item in written.DeidentificationMethodCodeSequence] == ["113100"]
    painted = deidentify(path, folder / "painted", sheet=folder / "painted.png", paint=True)
    assert painted.painted
    assert dcmread(folder / "painted.dcm").BurnedInAnnotation == "NO"
    assert read(folder / "painted.dcm")[0].pixels[150:153, 190:230].max() < 200


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (231, 471), (33, 20, 3)])
def test_frames_of_any_size_are_coded_without_loss(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    options = {
        "rows": shape[0],
        "columns": shape[1],
        "samples_per_pixel": 3 if len(shape) == 3 else 1,
        "planar_configuration": 0,
    }
    options |= {"photometric_interpretation": "RGB" if len(shape) == 3 else "MONOCHROME2", "pixel_representation": 0}
    options |= {"bits_allocated": 8, "bits_stored": 8, "number_of_frames": 1, "pixel_keyword": "PixelData"}
    decoded, _ = get_decoder(RLELossless).as_array(encapsulate([encode(pixels)]), decoding_plugin="pydicom", **options)
    np.testing.assert_array_equal(decoded.reshape(shape), pixels)
