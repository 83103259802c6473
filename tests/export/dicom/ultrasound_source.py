"""A small ultrasound image as a DICOM data set, with the identity that objects about it have to carry on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

UIDS = {name: f"2.25.{number}" for number, name in enumerate(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"), 1001)}
IDENTITY = {
    "PatientID": "P-17",
    "PatientName": "Müller^Ünal",
    "PatientBirthDate": "19700203",
    "PatientSex": "F",
    "AccessionNumber": "A-9",
    "StudyID": "S-3",
    "StudyDate": "20240105",
    "StudyTime": "101112",
    "ReferringPhysicianName": "Référent^Zoé",
}


def ultrasound(height: int = 60, width: int = 90, *, num_frames: int = 1, without: tuple[str, ...] = ()) -> Dataset:
    """An image of `IDENTITY` and `UIDS`, some attributes left out."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SpecificCharacterSet = "ISO_IR 100"
    data.SOPClassUID = UltrasoundImageStorage if num_frames == 1 else UltrasoundMultiFrameImageStorage
    for keyword, value in {**UIDS, **IDENTITY}.items():
        setattr(data, keyword, value)
    data.Modality = "US"
    data.Manufacturer = "ACME"
    data.PatientAge = "054Y"
    data.LossyImageCompression = "01"
    data.BurnedInAnnotation = "NO"
    data.Rows, data.Columns = height, width
    if num_frames > 1:
        data.NumberOfFrames = num_frames
        data.FrameTime = 40
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = width - 1, height - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, 0.01
    data.SequenceOfUltrasoundRegions = [region]
    pixels = np.random.default_rng(2).integers(0, 200, (num_frames, height, width), np.uint8)
    data.PixelData = pixels.tobytes()
    for keyword in without:
        delattr(data, keyword)
    return data


def saved(data: Dataset, path: Path) -> Path:
    """The data set in a file."""
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID", "2.25.1")
    data.save_as(path, enforce_file_format=True)
    return path
