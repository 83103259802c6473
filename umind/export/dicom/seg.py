"""Masks as a DICOM Segmentation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom import seg as dicom_seg
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UltrasoundImageStorage

from umind.export.dicom.concepts import concept_of
from umind.export.dicom.origin import VERSION, Origin, equipment, one_line, origin_of
from umind.export.notice import NOTICE
from umind.schema.result import Analysis, Segmentation

SERIES_NUMBER = 9001


def to_dicom_seg(
    source: str | os.PathLike[str] | Dataset,
    results: Analysis | Segmentation | Sequence[Segmentation],
    *,
    frame: int | None = None,
    model: str = "",
) -> dicom_seg.Segmentation:
    """Masks as a Segmentation (PS3.3 A.51) of the image that they were found in: one segment for each instance.

    Patient and study are those of the source, which is referenced; series and object are new. Every segment has its phrase as
    label, the nearest SNOMED CT code as type, and its score and presence as description; one of several instances its number
    too. An ultrasound image has no Frame of
    Reference, so the object holds one frame of the source: of a cine, write one for each key frame.

    Args:
        source: DICOM image that was analysed, a file or its data set. Its pixels are not looked at.
        results: Masks of its size; those of an analysis are its ``segmentations``.
        frame: Frame of a cine, counted from 0.
        model: Name of the model that found the masks.

    Returns:
        A data set; ``save_as(path)`` writes it.

    Raises:
        ValueError: The source cannot be referenced, is of another size than the masks, or there is no mask.
    """
    origin = origin_of(source, frame)
    found = instances(results)
    if not found:
        raise ValueError("there is no mask to write")
    size = (int(origin.header.Rows), int(origin.header.Columns))
    for name, mask, _ in found:
        if mask.shape != size:
            raise ValueError(f"{name!r} is of an image of {mask.shape}, the source is {size} (rows, columns)")
    algorithm = AlgorithmIdentificationSequence(
        "umind",
        codes.DCM.ArtificialIntelligence,
        VERSION,
        parameters={"model": model} if model else None,
    )
    segments = []
    for number, (name, _, description) in enumerate(found, start=1):
        concept = concept_of(name)
        segment = dicom_seg.SegmentDescription(
            number,
            one_line(name),
            concept.category,
            concept.kind,
            dicom_seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm,
            anatomic_regions=[concept.site] if concept.site else None,
        )
        segment.SegmentDescription = description
        segments.append(segment)
    written = dicom_seg.Segmentation(
        [still_of(origin.header)],
        np.stack([mask for _, mask, _ in found], axis=-1)[None].astype(np.uint8),  # (1, H, W, N)
        dicom_seg.SegmentationTypeValues.BINARY,
        segments,
        content_label="UMIND",
        content_description=NOTICE,
        **equipment("Masks", SERIES_NUMBER),
    )
    written.PatientOrientation = origin.orientation
    reference_source(written, origin)
    return origin.identify(written)


def instances(results: Analysis | Segmentation | Sequence[Segmentation]) -> list[tuple[str, np.ndarray, str]]:
    """Name, mask and description of every instance that has pixels; one of several has its number in the name."""
    if isinstance(results, Analysis):
        results = list(results.segmentations.values())
    elif isinstance(results, Segmentation):
        results = [results]
    named = []
    for found in results:
        kept = [(mask, score) for mask, score in zip(found.masks, found.scores, strict=True) if mask.any()]
        for number, (mask, score) in enumerate(kept, start=1):
            name = f"{found.phrase} {number}" if len(kept) > 1 else found.phrase
            named.append((name, mask, f"Score {score:.3f}, presence {found.presence:.3f}"))
    return named


def still_of(header: Dataset) -> Dataset:
    """The header as that of a still: highdicom looks for planes in the patient in every class that may have several frames."""
    still = deepcopy(header)
    still.SOPClassUID = UltrasoundImageStorage
    return still


def reference_source(written: Dataset, origin: Origin) -> None:
    """Reference the source by its own class, and its frame, wherever highdicom took it for a still.

    Places: General Reference (PS3.3 C.12.4), Common Instance Reference (C.12.2) and Derivation Image (C.7.6.16.2.6).
    """
    written.SourceImageSequence = [origin.reference()]
    written.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPClassUID = origin.header.SOPClassUID
    for group in written.PerFrameFunctionalGroupsSequence:
        item = group.DerivationImageSequence[0].SourceImageSequence[0]
        item.update(origin.reference())
