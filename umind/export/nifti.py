"""Masks as a NIfTI label map."""

from __future__ import annotations

import nibabel
import numpy as np

from umind.export.notice import NOTICE
from umind.schema.image import UltrasoundImage
from umind.schema.result import Segmentation


def to_nifti(image: UltrasoundImage, segmentation: Segmentation) -> nibabel.Nifti1Image:
    """Masks as one slice of labels: 0 is background, 1 the first instance, and so on.

    Where masks lie over each other the one with the higher score counts. Axes and origin are those that ITK gives a flat image
    (columns to the left, rows to the back, the centre of the first pixel at zero), so that a viewer shows the slice upright,
    and over an image that ITK converted.

    Args:
        image: What was segmented; its spacing is that of the file.
        segmentation: Masks of its size.

    Returns:
        A volume ``(W, H, 1)`` of uint8, or uint16 with more than 255 instances, in millimetres; in pixels of unknown size when
        the image has no spacing. ``to_filename(path)`` writes it.

    Raises:
        ValueError: The masks are of an image of another size.
    """
    size = (segmentation.frame.source_height, segmentation.frame.source_width)
    if size != (image.height, image.width):
        raise ValueError(f"{segmentation.phrase!r} is of an image of {size}, this one is {(image.height, image.width)}")
    masks = segmentation.masks
    labels = np.zeros(size, np.uint8 if len(masks) <= 255 else np.uint16)
    for number in np.argsort(segmentation.scores, kind="stable"):  # the best comes last, over the others
        labels[masks[number]] = number + 1
    dy, dx = (image.spacing.dy, image.spacing.dx) if image.spacing else (1.0, 1.0)
    volume = nibabel.Nifti1Image(labels.T[:, :, None], np.diag([-dx, -dy, 1.0, 1.0]))  # type: ignore[no-untyped-call]
    volume.header.set_xyzt_units("mm" if image.spacing else "unknown")  # type: ignore[no-untyped-call]
    volume.header["descrip"] = NOTICE.encode("ascii")
    return volume
