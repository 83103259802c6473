"""Everything that phantoms can prove, since their truth is exact: instances, keypoints, calipers, answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from umind.data.phantom import phantom_sample
from umind.evaluation.answers import AnswerScore, evaluate_answers
from umind.evaluation.axes import AxisScore, evaluate_axes
from umind.evaluation.calipers import CaliperScore, evaluate_calipers
from umind.evaluation.instances import InstanceScore, evaluate_instances
from umind.evaluation.presence import PresenceScore, evaluate_presence
from umind.evaluation.truth import LESION
from umind.evaluation.verbs import Verbs
from umind.schema.sample import Sample

FIRST_SEED: Mapping[str, int] = MappingProxyType({"train": 1_000_000, "val": 2_000_000, "test": 3_000_000})
"""Phantoms of a split are numbered from here on."""
FOCAL = ("cyst", "solid lesion")
POINTED = (*FOCAL, "fetal head")
MEASURED = (
    *(f"{length} of the {name}" for name in FOCAL for length in ("longest diameter", "perpendicular diameter", "area")),
    *("head circumference", "biparietal diameter", "occipitofrontal diameter", "cephalic index"),
)


@dataclass(frozen=True)
class PhantomScores:
    """Scores on phantoms.

    Args:
        num_images: Phantoms in all.
        num_lesion_images: Phantoms with one to five lesions.
        instances: For "cyst", "solid lesion" and "lesion", on the phantoms with lesions.
        axes: Keypoints, for each structure that has axes.
        calipers: Measurements.
        answers: Yes-or-no questions.
        presence: On all phantoms, and on those of the tissue that may hold lesions.
    """

    num_images: int
    num_lesion_images: int
    instances: tuple[InstanceScore, ...]
    axes: tuple[AxisScore, ...]
    calipers: tuple[CaliperScore, ...]
    answers: AnswerScore
    presence: tuple[PresenceScore, ...]


def draw_phantoms(seeds: Iterable[int], *, size: int = 256) -> list[Sample]:
    """The phantoms of some seeds, scenes in their natural mixture."""
    return [phantom_sample(seed, size=size) for seed in seeds]


def evaluate_phantoms(model: Verbs, samples: Sequence[Sample]) -> PhantomScores:
    """Score a model on phantoms.

    Args:
        model: What to score.
        samples: Phantoms that it was not trained on.
    """
    lesions = [sample for sample in samples if any(sample.structure(name) for name in FOCAL)]
    return PhantomScores(
        num_images=len(samples),
        num_lesion_images=len(lesions),
        instances=tuple(evaluate_instances(model, lesions, phrase) for phrase in (*FOCAL, LESION)),
        axes=tuple(evaluate_axes(model, samples, phrase) for phrase in POINTED),
        calipers=tuple(evaluate_calipers(model, samples, phrase) for phrase in MEASURED),
        answers=evaluate_answers(model, samples),
        presence=evaluate_presence(model, samples),
    )
