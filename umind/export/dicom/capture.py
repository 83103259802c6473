"""A picture as a DICOM Secondary Capture."""

from __future__ import annotations

import os

import numpy as np
from highdicom.sc import SCImage
from PIL import Image
from pydicom.dataset import Dataset

from umind.export.dicom.origin import equipment, one_line, origin_of

SERIES_NUMBER = 9003
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "BurnedInAnnotation")
"""What a picture inherits from the image that is drawn in it (PS3.3 C.7.6.1)."""


def to_secondary_capture(
    source: str | os.PathLike[str] | Dataset, picture: Image.Image, *, frame: int | None = None
) -> SCImage:
    """A picture, such as `umind.draw` makes, as a Secondary Capture Image (PS3.3 A.8.1) beside the image that it shows.

    Patient and study are those of the source, which is referenced; series and object are new. The picture has another size than
    the source and a legend, so it carries no pixel spacing: nothing can be measured on it.

    Args:
        source: DICOM image that the picture shows, a file or its data set. Its pixels are not looked at.
        picture: Stored as RGB, uncompressed.
        frame: Frame of a cine, counted from 0.

    Returns:
        A data set; ``save_as(path)`` writes it.

    Raises:
        ValueError: The source cannot be referenced.
    """
    origin = origin_of(source, frame)
    written = SCImage(
        np.asarray(picture.convert("RGB")),
        "RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        study_instance_uid=origin.header.StudyInstanceUID,
        **equipment("Overlay", SERIES_NUMBER),
    )
    written.copy_patient_and_study_information(origin.header)
    written.PatientOrientation = origin.orientation  # highdicom does not take an empty one
    written.Laterality = origin.header.get("Laterality", "")
    written.DerivationDescription = one_line("Findings drawn on the image, with a legend")
    written.SourceImageSequence = [origin.reference()]
    for keyword in LOSSY:
        if keyword in origin.header:
            written[keyword] = origin.header[keyword]
    return origin.identify(written)
