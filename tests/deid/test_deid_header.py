"""What the profile keeps of a header, empties and removes."""

from io import BytesIO

import pytest
from pydicom import config
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from umind.deid.header import Pseudonyms, cleaned
from umind.deid.profile import PROFILE, REBUILT

NAME = "Quill^Feather"
WORDS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
BYTES = frozenset({"OB", "UN"})


def test_every_keyword_of_the_profile_is_in_the_standard() -> None:
    for keyword in (*PROFILE, *REBUILT):
        assert tag_for_keyword(keyword), keyword


def test_no_kept_attribute_holds_a_person_date_or_free_text() -> None:
    kept = {dictionary_VR(keyword) for keyword, action in PROFILE.items() if action == "K"}
    assert kept <= {"CS", "LO", "DS", "IS", "UI", "SQ", "US", "SS", "UL", "SL", "FL", "FD"}


@pytest.mark.parametrize(
    ("keyword", "value", "stays"),
    [
        ("Manufacturer", "Maker", True),
        ("Manufacturer", "Maker of Smithson scanners", False),
        ("ManufacturerModelName", "X-Li", False),
        ("ManufacturerModelName", "Limitless 3", True),
        ("TransducerData", ["C5-1", "P12345", "x"], False),
        ("TransducerData", ["C5-1", "", "x"], True),
        ("ManufacturerModelName", "model\x00Anna", False),
        ("RegionSpatialFormat", [1, 2], False),
        ("RegionSpatialFormat", 1, True),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.6.1", True),
        ("SOPClassUID", "1.2.3.4", False),
        ("FrameTime", "33.3", True),
        ("SeriesNumber", "77", True),
        ("SeriesNumber", "196011", False),
    ],
)
def test_a_kept_text_goes_when_it_names_the_patient_or_breaks_its_form(keyword: str, value: object, stays: bool) -> None:
    header = Dataset()
    header.PatientName, header.PatientID = "Smithson^Li", "P12345"
    header.OtherPatientIDs = ["77", "196011"]
    setattr(header, keyword, value)
    kept, tally = cleaned(header, Pseudonyms())
    assert bool(kept.get(keyword)) is stays
    assert tally.removed[keyword] == (0 if stays else 1)


def test_names_of_nested_persons_are_looked_for_too() -> None:
    header, item = Dataset(), Dataset()
    item.ScheduledPerformingPhysicianName = "Quillfeather^A"
    header.RequestAttributesSequence = [item]
    header.ManufacturerModelName = "QUILLFEATHERS scanner"
    assert "ManufacturerModelName" not in cleaned(header, Pseudonyms())[0]


def test_a_value_that_cannot_be_decoded_goes() -> None:
    header = Dataset()
    header.add_new("PatientName", "PN", "A^B")
    header.add_new(0x00181063, "LO", "Anna")  # Frame Time under a representation that the standard does not give it
    kept, tally = cleaned(header, Pseudonyms())
    assert "FrameTime" not in kept
    assert tally.removed["FrameTime"] == 1


def test_what_has_to_be_there_is_there_and_empty() -> None:
    kept, tally = cleaned(Dataset(), Pseudonyms())
    for keyword in ("StudyDate", "AccessionNumber", "Manufacturer", "SeriesNumber", "ReferringPhysicianName"):
        assert keyword in kept
        assert not kept[keyword].value
    assert kept.StudyInstanceUID.startswith("2.25.")
    assert not tally.emptied
    assert not tally.removed


def test_nameless_files_are_not_taken_for_one_patient() -> None:
    pseudonyms = Pseudonyms()
    first, second = (cleaned(Dataset(), pseudonyms)[0].PatientID for _ in range(2))
    assert (first, second) == ("patient-001", "patient-002")


def test_a_name_in_any_attribute_of_the_standard_is_gone() -> None:
    header = Dataset()
    with config.disable_value_validation():
        for tag, (representation, _, _, _, keyword) in DicomDictionary.items():
            if representation in WORDS and tag >> 16 > 2 and keyword not in REBUILT:
                header.add_new(tag, representation, NAME)
            elif representation in BYTES and tag >> 16 > 2:
                header.add_new(tag, representation, NAME.encode())
        kept, tally = cleaned(header, Pseudonyms())
    assert len(header) > 1800
    assert sum(sum(counts.values()) for counts in (tally.removed, tally.emptied, tally.replaced)) == len(header)
    data = written(kept).lower()
    assert b"quill" not in data
    assert b"feather" not in data
    assert b"quill" in written(header).lower()


def written(data: Dataset) -> bytes:
    buffer = BytesIO()
    with config.disable_value_validation():
        data.save_as(buffer, implicit_vr=False, little_endian=True)
    return buffer.getvalue()
