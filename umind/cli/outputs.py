"""The files that ``umind analyze`` writes about one image."""

from __future__ import annotations

import json
from pathlib import Path

from umind.export import to_dict, to_html
from umind.export.dicom import to_dicom_seg, to_dicom_sr, to_secondary_capture
from umind.io.dicom_file import is_dicom
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis
from umind.viz import draw

OVERLAY, DATA, PAGE = ".overlay.png", ".json", ".html"
MASKS, REPORT, CAPTURE = ".seg.dcm", ".sr.dcm", ".sc.dcm"
SUFFIXES = (OVERLAY, DATA, PAGE, REPORT, CAPTURE, MASKS)
"""Every one that there may be, those that fewer images have behind the others."""


def write(stem: Path, image: UltrasoundImage, analysis: Analysis) -> list[str]:
    """Write the picture, the JSON and the page, and give their suffixes.

    Args:
        stem: The files without their suffixes.
        image: What was analysed.
        analysis: What was found.
    """
    draw(image, analysis).save(named(stem, OVERLAY))
    named(stem, DATA).write_text(json.dumps(to_dict(analysis), indent=1, allow_nan=False), "utf-8")
    named(stem, PAGE).write_text(to_html(image, analysis), "utf-8")
    return [OVERLAY, DATA, PAGE]


def write_dicom(
    stem: Path, source: Path, image: UltrasoundImage, analysis: Analysis, *, frame: int | None, model: str
) -> list[str]:
    """Write the DICOM objects about a DICOM image, masks only where there are any, and give their suffixes.

    Args:
        stem: The files without their suffixes.
        source: File that was analysed; nothing is written about one that is no DICOM.
        image: The image in it, or its frame.
        analysis: What was found.
        frame: Number of the frame, counted from 0; None for a still.
        model: Name of the model.

    Raises:
        ValueError: The source cannot be referenced; the message says why.
    """
    if not is_dicom(source):
        return []
    objects = {
        REPORT: to_dicom_sr(source, analysis, frame=frame, model=model),
        CAPTURE: to_secondary_capture(source, draw(image, analysis), frame=frame),
    }
    if any(found.masks.any() for found in analysis.segmentations.values()):
        objects[MASKS] = to_dicom_seg(source, analysis, frame=frame, model=model)
    for suffix, written in objects.items():
        written.save_as(named(stem, suffix), enforce_file_format=True)
    return list(objects)


def named(stem: Path, suffix: str) -> Path:
    """The file with a suffix; a stem may have dots of its own."""
    return stem.with_name(stem.name + suffix)
