"""Scans of a drawn sector with a name planted wherever a file has room for one, for the tests beside it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

from umind.geometry.beams import Beams
from umind.geometry.probe import SectorProbe

NAME = "Planted^Zyxwine"
NUMBER = "ZYX-4711"
HEIGHT, WIDTH, NUM_FRAMES = 300, 400, 5
PROBE = SectorProbe(205.0, -20.0, 50.0, 270.0, 0.55)
UID = "1.2.826.0.1.3680043.8.498.4711"
TEXTS = (
    *("PatientName", "ReferringPhysicianName", "OperatorsName", "PerformingPhysicianName", "OtherPatientNames"),
    *("PatientID", "AccessionNumber", "StudyID", "OtherPatientIDs", "PatientAddress", "PatientComments"),
    *("InstitutionName", "InstitutionAddress", "StationName", "StudyDescription", "SeriesDescription"),
    *("ProtocolName", "ImageComments", "DerivationDescription", "AdditionalPatientHistory", "DeviceSerialNumber"),
    *("SoftwareVersions", "Manufacturer", "ManufacturerModelName", "TransducerData", "RequestedProcedureDescription"),
)
"""Attributes of texts that hold the name, among them some that stay in principle."""


def inside() -> np.ndarray:
    """Pixels of the sector."""
    return Beams.of(PROBE, (HEIGHT, WIDTH)).inside()


def speckle(seed: int) -> np.ndarray:
    """A frame without text."""
    rng = np.random.default_rng(seed)
    echoes = cv2.GaussianBlur(rng.rayleigh(70, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 1.2)
    return np.where(inside(), np.clip(echoes, 20, 255), 0).astype(np.uint8)


def lettering(seed: int) -> np.ndarray:
    """Text beside the sector, 0 or 255: a block of lines in two corners and a line at a place of the frame's own."""
    layer = np.zeros((HEIGHT, WIDTH), np.uint8)
    for row in range(12, 60, 11):
        cv2.putText(layer, "PLANTED ZYXWINE", (2, row), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255, 1)
        cv2.putText(layer, "ZYX-4711 20.11.1960", (272, row), cv2.FONT_HERSHEY_SIMPLEX, 0.33, 255, 1)
    cv2.putText(layer, "ZYXWINE", (4, 220 + 12 * seed), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    layer[cv2.dilate(inside().astype(np.uint8), np.ones((9, 9), np.uint8)) > 0] = 0  # as scanners keep clear of the echoes
    return layer


def planted_frames() -> np.ndarray:
    """Frames with text, ``(T, H, W)``."""
    return np.stack([np.maximum(speckle(seed), lettering(seed)) for seed in range(NUM_FRAMES)])


def region() -> Dataset:
    """A 2D region of 0.3 by 0.25 mm a pixel (x, y), with a name in it."""
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 0, 0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = WIDTH - 1, HEIGHT - 1
    item.ReferencePixelX0, item.ReferencePixelY0 = 205, 30
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = 0.03, 0.025
    item.PixelComponentOrganization = 0
    item.add_new(0x00111001, "LO", NAME)
    item.add_new(0x00080054, "AE", "ZYXWINE")
    return item


def write_planted(path: Path, *, patient: str = NUMBER, study: str = f"{UID}.1", instance: str = f"{UID}.3") -> Path:
    """A cine with the name in more than thirty attributes, the preamble, the file meta information and behind the pixels."""
    data = Dataset()
    for keyword in TEXTS:
        setattr(data, keyword, NAME)
    data.PatientID, data.PatientBirthDate, data.PatientAge, data.PatientSex = patient, "19601120", "065Y", "F"
    data.StudyDate = data.SeriesDate = data.ContentDate = "20260711"
    data.StudyTime = data.ContentTime = "071142"
    data.SOPClassUID, data.SOPInstanceUID = UltrasoundMultiFrameImageStorage, instance
    data.StudyInstanceUID, data.SeriesInstanceUID = study, f"{UID}.2"
    data.Modality, data.ImageType = "US", ["ORIGINAL", "PRIMARY", "ZYXWINE"]
    data.SeriesNumber, data.InstanceNumber, data.FrameTime, data.RecommendedDisplayFrameRate = 4, 2, 40, 25
    data.SequenceOfUltrasoundRegions = [region()]
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = UltrasoundMultiFrameImageStorage, f"{UID}.9"
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = "4711", "99ZYXWINE", NAME
    reference.PurposeOfReferenceCodeSequence = [purpose]
    data.SourceImageSequence = [reference]
    deep = Dataset()
    deep.ScheduledPerformingPhysicianName = NAME
    deep.RequestAttributesSequence = [Dataset()]
    deep.RequestAttributesSequence[0].RequestedProcedureComments = f"see {NAME}"
    data.RequestAttributesSequence = [deep]
    data.add_new(0x00090010, "LO", "ZYXWINE MEDICAL")
    data.add_new(0x00091001, "PN", NAME)
    data.add_new(0x00091002, "SQ", Sequence([purpose]))
    data.add_new(0x00091003, "OB", b"Planted Zyxwine\0")
    data.add_new(0x50003000, "OW", b"Zyxwine curve   ")
    data.add_new(0x60000022, "LO", NAME)
    data.add_new(0x60003000, "OW", b"Zyxwine overlay ")
    data.add_new(0x00700001, "SQ", Sequence([purpose]))
    data.add_new(0xFFFCFFFC, "OB", b"Zyxwine padding ")
    data.Rows, data.Columns, data.NumberOfFrames, data.FrameIncrementPointer = HEIGHT, WIDTH, NUM_FRAMES, 0x00181063
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.BurnedInAnnotation = 7, "YES"
    data.PixelData = planted_frames().tobytes()
    data.preamble = NAME.encode().ljust(128, b"\0")
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = data.SOPClassUID, instance
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.SourceApplicationEntityTitle, data.file_meta.ImplementationVersionName = "ZYXWINE", "ZYXWINE 1"
    data.file_meta.PrivateInformationCreatorUID, data.file_meta.PrivateInformation = f"{UID}.7", b"Planted Zyxwine "
    data.save_as(path, enforce_file_format=True)
    return path
