"""TG3K: thyroid glands from ultrasound videos."""

from __future__ import annotations

from typing import ClassVar

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import find_by_stem, read_mask, read_pixels
from umind.data.adapters.instances import drop_specks
from umind.data.adapters.splits import Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure


class TG3K(Adapter):
    """The gland of each frame, one instance.

    Layout: ``thyroid-image/0002.jpg``, ``thyroid-mask/0002.jpg``.
    Licence: for research; weights trained on it may not ship.
    Faults: overlay text at the top of the frame got into most masks and is dropped as specks; frames carry added noise,
    rotation and mirrored text; videos are not marked, so the set has no test part and no groups.
    """

    name: ClassVar[str] = "TG3K"
    organ: ClassVar[str] = "thyroid"
    licence: ClassVar[str] = "research only"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = "Gong et al., Multi-task learning for thyroid nodule segmentation, ISBI 2021"

    def read(self, record: Record) -> Sample:
        """The frame with its gland."""
        pixels = read_pixels(find_by_stem(self.root / record.folder, record.stem))
        path = find_by_stem(self.root / "thyroid-mask", record.stem)
        mask = drop_specks(read_mask(path, pixels.shape[:2]))
        if not mask.any():
            raise ImageReadError(f"{path}: empty mask")
        image = UltrasoundImage(pixels, name=record.key)
        return self.sample(record, image, structures=(Structure("thyroid gland", masks=mask[None]),))
