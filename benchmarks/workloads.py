"""Calls whose cost is measured: every verb, then more images, more targets, more pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from types import MappingProxyType

import cv2

from umind.data.phantom import phantom_sample
from umind.data.wording import WORDINGS
from umind.evaluation.phantoms import FIRST_SEED
from umind.geometry.spacing import Spacing
from umind.predictor import Several, UMindVL
from umind.schema.image import UltrasoundImage

SIDE = 256
PHRASES = tuple(dict.fromkeys(("cyst", *chain.from_iterable(WORDINGS.values()))))[:64]
"""What ``analyze`` is asked for; the image shows a cyst."""
VERBS: Mapping[str, Callable[[UMindVL, Several, int], object]] = MappingProxyType(
    {
        "segment": lambda model, images, _: [result.masks for result in model.segment(images, "cyst")],
        "detect": lambda model, images, _: model.detect(images, "cyst"),
        "keypoints": lambda model, images, _: model.keypoints(images, "cyst"),
        "measure": lambda model, images, _: model.measure(images, "longest diameter of the cyst"),
        "classify": lambda model, images, _: model.classify(images, "cyst", ("benign", "malignant")),
        "ask": lambda model, images, _: model.ask(images, "Is there a cyst?"),
        "report": lambda model, images, _: model.report(images),
        "analyze": lambda model, images, targets: [
            [found.masks for found in result.segmentations.values()] for result in model.analyze(images, PHRASES[:targets])
        ],
    }
)
"""Masks are read, since a result keeps them small until then."""


@dataclass(frozen=True)
class Workload:
    """One call of a verb.

    Args:
        axis: What it is one of: "verb", "images", "targets" or "side".
        verb: Which.
        images: In the call; the model takes eight of them at a time.
        targets: Phrases that ``analyze`` is asked for.
        side: Of the square images, in pixels.
    """

    axis: str
    verb: str
    images: int = 1
    targets: int = 1
    side: int = SIDE

    def bind(self, model: UMindVL) -> Callable[[], object]:
        """The call, ready to be made."""
        images: Several = [picture(self.side)] * self.images
        return lambda: VERBS[self.verb](model, images, self.targets)


WORKLOADS: Mapping[str, tuple[Workload, ...]] = MappingProxyType(
    {
        "verb": tuple(Workload("verb", verb) for verb in VERBS),
        "images": tuple(Workload("images", "segment", images=number) for number in (1, 2, 4, 8, 16, 32)),
        "targets": tuple(Workload("targets", "analyze", targets=number) for number in (1, 2, 4, 8, 16, 32, 64)),
        "side": tuple(Workload("side", "segment", side=side) for side in (256, 512, 1024, 2048)),
    }
)
"""By axis."""


@cache
def picture(side: int) -> UltrasoundImage:
    """The first phantom for validation with a cyst, enlarged."""
    drawn = (phantom_sample(seed, size=SIDE) for seed in count(FIRST_SEED["val"]))
    image = next(sample for sample in drawn if sample.structure("cyst")).image
    return UltrasoundImage(cv2.resize(image.grey, (side, side), interpolation=cv2.INTER_LINEAR), spacing=Spacing.of(0.1))
