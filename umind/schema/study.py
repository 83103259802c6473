"""Several images that are one question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

ImageT = TypeVar("ImageT")


@dataclass(frozen=True, eq=False)
class Study(Generic[ImageT]):
    """Images of one examination, asked about together: a study in the sense of DICOM (PS3.3, A.1.2.2).

    A list of images is as many questions; a study is one. ``for image in study`` gives its images.

    Args:
        images: In the order in which they are shown to the model: whatever a verb takes as one image. Kept as a tuple.

    Raises:
        ValueError: It is no list or tuple, or an empty one, or one of lists or studies.
    """

    images: Sequence[ImageT]

    def __post_init__(self) -> None:
        listed = isinstance(self.images, list | tuple) and len(self.images) > 0
        if not listed or any(isinstance(image, list | tuple | Study) for image in self.images):
            raise ValueError(f"a Study wants a list or tuple of at least one image, got {self.images!r}")
        object.__setattr__(self, "images", tuple(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[ImageT]:
        return iter(self.images)
