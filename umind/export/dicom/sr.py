"""An analysis as a DICOM structured report: findings, measurements and where they were read."""

from __future__ import annotations

import os

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from umind.export.dicom.groups import Groups
from umind.export.dicom.origin import VERSION, equipment, origin_of
from umind.export.notice import NOTICE
from umind.schema.result import Analysis

SERIES_NUMBER = 9002


def to_dicom_sr(
    source: str | os.PathLike[str] | Dataset, analysis: Analysis, *, frame: int | None = None, model: str = ""
) -> sr.ComprehensiveSR:
    """An analysis as a Comprehensive SR after the template Measurement Report (PS3.16 TID 1500).

    One group for each mask, or box where the phrase has no masks, each point, each measurement, each classification, and one
    for the report's text. A group has the phrase as Tracking Identifier, the nearest SNOMED CT codes as Finding and Finding
    Site, its presence as Probability, and says present or absent. Outlines, ellipses and calipers are Image Regions (TID 1410).
    A number has its unit in UCUM, its spread as upper and lower range of measurement uncertainty (TID 310), its method, and the
    source of its calibration; numbers are those of `umind.to_dict`.

    Args:
        source: DICOM image that was analysed, a file or its data set. Its pixels are not looked at.
        analysis: What was found in it.
        frame: Frame of a cine, counted from 0.
        model: Name of the model that made the analysis.

    Returns:
        A data set, complete, preliminary and unverified; ``save_as(path)`` writes it.

    Raises:
        ValueError: The source cannot be referenced, or the analysis is empty.
    """
    origin = origin_of(source, frame)
    groups = list(Groups(origin, model).of_analysis(analysis))
    if not groups:
        raise ValueError("the analysis is empty: there is nothing to report")
    device = sr.DeviceObserverIdentifyingAttributes(
        generate_uid(prefix=None), name="umind", manufacturer_name="umind", model_name=model or "umind", serial_number=VERSION
    )
    content = sr.MeasurementReport(
        sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device)),
        codes.SCT.DiagnosticUltrasonography,
        groups,
    )
    notice = f"{NOTICE}. Ranges of measurement uncertainty are one standard deviation."
    content[0].ContentSequence.append(sr.TextContentItem(codes.DCM.Comment, notice, sr.RelationshipTypeValues.CONTAINS))
    written = sr.ComprehensiveSR([origin.header], content, is_complete=True, **equipment("Measurements", SERIES_NUMBER))
    return origin.identify(written)
