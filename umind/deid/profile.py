"""What becomes of each attribute of a header: a list of what stays, since nobody can list all that may name a person.

PS3.15 Annex E, Basic Application Level Confidentiality Profile, read as its note E.1.1 allows: attributes that are not needed
are removed, whether its table E.1-1 has them or not. None of those that are kept here is in that table (edition 2023e) with
another action than the one here. Dates and times are removed, not shifted: no date or time of day is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Action = Literal["K", "Z", "D", "U", "X"]
"""Codes of PS3.15 table E.1-1a: keep, empty, replace with a dummy, replace a UID consistently, remove."""

DISPLAY = (
    "Modality",
    "SeriesNumber",
    "InstanceNumber",
    "PatientOrientation",
    "FrameTime",
    "FrameTimeVector",
    "FrameDelay",
    "CineRate",
    "RecommendedDisplayFrameRate",
    "PreferredPlaybackSequencing",
    "StartTrim",
    "StopTrim",
    "PixelAspectRatio",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "UltrasoundColorDataPresent",
)
"""What a viewer needs beside the pixels, whose own attributes are written anew."""
SCALE = (
    "PixelSpacing",
    "SequenceOfUltrasoundRegions",
    "RegionSpatialFormat",
    "RegionDataType",
    "RegionFlags",
    "RegionLocationMinX0",
    "RegionLocationMinY0",
    "RegionLocationMaxX1",
    "RegionLocationMaxY1",
    "ReferencePixelX0",
    "ReferencePixelY0",
    "ReferencePixelPhysicalValueX",
    "ReferencePixelPhysicalValueY",
    "PhysicalUnitsXDirection",
    "PhysicalUnitsYDirection",
    "PhysicalDeltaX",
    "PhysicalDeltaY",
    "TransducerFrequency",
    "PulseRepetitionFrequency",
    "DopplerCorrectionAngle",
    "SteeringAngle",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "PixelMeasuresSequence",
    "SliceThickness",
    "SpacingBetweenSlices",
)
"""What lengths and times are measured with (PS3.3 C.8.5.5 and C.7.6.16.2.1)."""
MACHINE = (
    "Manufacturer",
    "ManufacturerModelName",
    "TransducerData",
    "TransducerType",
    "DepthOfScanField",
    "MechanicalIndex",
    "BoneThermalIndex",
    "CranialThermalIndex",
    "SoftTissueThermalIndex",
)
"""The make of scanner and probe and its settings, never a serial number, a station or a place."""
EMPTY = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "PatientBirthDate",
    "PatientSex",
)
"""Type 2 attributes of the ultrasound IODs (PS3.3 A.6 and A.7), which have to be there."""
PRESENT = (*EMPTY, "Manufacturer", "SeriesNumber", "InstanceNumber", "PatientOrientation")
"""Attributes that are added empty where a file lacks them: those above, and type 2 ones that are kept."""
DUMMY = ("PatientName", "PatientID")
"""One pseudonym a patient, the same in every file of a call."""
UIDS = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "ReferencedSOPInstanceUID",
)
"""Replaced, the same one everywhere in a call, so that studies and references hold together."""
REFERENCES = ("SOPClassUID", "ReferencedSOPClassUID", "ReferencedImageSequence", "SourceImageSequence")
"""What the replaced UIDs stand in. Class UIDs are the standard's own."""

PROFILE: Mapping[str, Action] = MappingProxyType(
    {
        **dict.fromkeys((*DISPLAY, *SCALE, *MACHINE, *REFERENCES), "K"),
        **dict.fromkeys(EMPTY, "Z"),
        **dict.fromkeys(DUMMY, "D"),
        **dict.fromkeys(UIDS, "U"),
    }
)
"""Action by keyword; whatever is not here is removed, and so is every private attribute."""
REBUILT = frozenset(
    {
        "ImageType",
        "SpecificCharacterSet",
        "NumberOfFrames",
        "FrameIncrementPointer",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "BurnedInAnnotation",
        "PatientIdentityRemoved",
        "DeidentificationMethod",
        "DeidentificationMethodCodeSequence",
    }
)
"""Written anew from the pixels and from what was done; their old values are not looked at."""
