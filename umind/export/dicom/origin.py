"""The DICOM image that results were read from, as the objects written about it identify and reference it."""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, generate_uid

from umind.export.notice import NOTICE

VERSION = version("umind")
RESEARCH = "RESEARCH"
"""Content Qualification (0018,9004), PS3.3 C.12.1: the content is used solely for research."""
UTF_8 = "ISO_IR 192"
"""Specific Character Set of what is written: phrases are free text, and it holds whatever the source's names are made of."""
REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
"""What a reference to the source, or a place in its study, cannot do without (Type 1)."""
IDENTITY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
"""Attributes that may be empty but must be there (Type 2): Patient, PS3.3 C.7.1.1, and General Study, C.7.2.1."""
SPATIAL = frozenset(
    {
        *("NumberOfFrames", "FrameOfReferenceUID", "PositionReferenceIndicator", "PixelData"),
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    }
)
"""What makes highdicom look for frames and for planes in the patient, which an ultrasound image has none of."""
DatasetT = TypeVar("DatasetT", bound=Dataset)


@dataclass(frozen=True, eq=False)
class Origin:
    """A DICOM image, or one frame of a cine, without its pixels.

    Args:
        header: What highdicom takes for a source image: outside any patient coordinate system, its `IDENTITY` empty.
        identity: The `IDENTITY` of the source as it stands there, empty where it is missing.
        frame: Number of the frame, counted from 0; None for a still.
    """

    header: Dataset
    identity: Dataset
    frame: int | None

    @property
    def referenced_frames(self) -> list[int] | None:
        """Referenced Frame Number, which DICOM counts from 1; None for a still."""
        return None if self.frame is None else [self.frame + 1]

    def reference(self) -> Dataset:
        """An item that references the image (Image SOP Instance Reference Macro, PS3.3 Table 10-3)."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.header.SOPClassUID
        item.ReferencedSOPInstanceUID = self.header.SOPInstanceUID
        if self.referenced_frames:
            item.ReferencedFrameNumber = self.referenced_frames
        return item

    @property
    def orientation(self) -> list[str]:
        """Patient Orientation of the source, mostly unknown in ultrasound; Type 2C of images without planes in the patient."""
        return list(self.header.get("PatientOrientation") or [])

    def identify(self, written: DatasetT) -> DatasetT:
        """Put the patient and the study of the source into an object, as they are written there."""
        written.update(self.identity)
        return written


def origin_of(source: str | os.PathLike[str] | Dataset, frame: int | None) -> Origin:
    """The image that an object is to be written about.

    Args:
        source: DICOM file, or its data set.
        frame: Frame of a cine, counted from 0.

    Raises:
        ValueError: No DICOM; without an identity that can be referenced; of a retired or private class; or of several frames of
            which none, or none that exists, was chosen.
    """
    found = read_header(source)
    missing = [keyword for keyword in REQUIRED if not found.get(keyword)]
    if missing:
        raise ValueError(f"the source has no {', '.join(missing)}, so nothing can reference it")
    kind = UID(found.SOPClassUID)
    if not kind.keyword or kind.is_retired:
        raise ValueError(
            f"the source is of the class {kind.name}, which is not in use; wanted an image of the current standard"
        )
    num_frames = int(found.get("NumberOfFrames") or 1)
    if frame is None and num_frames > 1:
        raise ValueError(f"the source is a cine of {num_frames} frames; frame= says which one, counted from 0")
    if frame is not None and not 0 <= frame < num_frames:
        raise ValueError(f"the source has no frame {frame}; the last is {num_frames - 1}")
    kept = [deepcopy(element) for element in found if element.keyword not in SPATIAL and not element.tag.is_private]
    header, identity = Dataset(), Dataset()
    header.update({element.tag: element for element in kept if element.keyword not in IDENTITY})
    for keyword in IDENTITY:
        setattr(identity, keyword, "")
        setattr(header, keyword, "")
    identity.update({element.tag: element for element in kept if element.keyword in IDENTITY})
    return Origin(header, identity, frame if num_frames > 1 else None)


def read_header(source: str | os.PathLike[str] | Dataset) -> Dataset:
    """The data set of a source, without pixels where it is read from a file.

    Raises:
        ValueError: The file is no DICOM.
    """
    if isinstance(source, Dataset):
        return source
    try:
        return dcmread(source, stop_before_pixels=True)
    except InvalidDicomError as error:
        raise ValueError(f"{os.fspath(source)}: is no DICOM file") from error


def equipment(description: str, series_number: int) -> dict[str, Any]:
    """What every object says about itself and the software that made it, as highdicom's constructors take it.

    Args:
        description: Series Description; the notice is added to it.
        series_number: Above those of acquired series, so that viewers list the object behind them.
    """
    return {
        "series_instance_uid": generate_uid(prefix=None),
        "series_number": series_number,
        "sop_instance_uid": generate_uid(prefix=None),
        "instance_number": 1,
        "manufacturer": "umind",
        "manufacturer_model_name": "umind",
        "software_versions": VERSION,
        "device_serial_number": VERSION,
        "series_description": f"{description}. {NOTICE}",
        "content_qualification": RESEARCH,
        "specific_character_set": UTF_8,
    }


def one_line(text: str) -> str:
    """Text as a Long String holds it (PS3.5 6.2): one line, at most 64 characters, without the backslash that parts values."""
    return " ".join(text.split()).replace("\\", "/")[:64]
