"""Does the model know when what it is asked for is not there?"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from umind.data.wording import OWN
from umind.evaluation.interview import Verb, interview, unit_of_chance
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval, bootstrap_interval
from umind.metrics.probability import auroc, calibration_error, specificity_at_sensitivity
from umind.schema.sample import Sample

NUM_ABSENT = 2
SENSITIVITY = 0.95


@dataclass(frozen=True)
class PresenceCase:
    """One question to one image.

    Args:
        dataset: Set.
        key: Image inside the set.
        unit: What the bootstrap draws.
        phrase: What was asked for.
        there: Whether it is in the image.
        own: Whether it belongs to the organ shown, so that only a close look can tell.
        presence: Calibrated probability that it is.
        found: Whether the model reported it, at its own threshold.
    """

    dataset: str
    key: str
    unit: str
    phrase: str
    there: bool
    own: bool
    presence: float
    found: bool


@dataclass(frozen=True)
class PresenceScore:
    """Questions of one kind, together.

    Args:
        name: ``"all"``, a set, or a set with ``", own organ"`` behind it: what belongs to the organ, there or not; in BUSI the
            lesions against the normal breasts.
        num_there: Questions for what is in the image.
        num_absent: Questions for what is not.
        auroc: With its 95 % interval over patients.
        specificity: At 95 % sensitivity, the threshold chosen on these very cases, in each resample anew; with its interval.
        calibration_error: Expected calibration error, bias taken out.
        found: Share of what is there that was reported, at the calibrated threshold.
        false_alarms: Share of what is not there that was reported all the same.
        cases: The questions.
    """

    name: str
    num_there: int
    num_absent: int
    auroc: Interval
    specificity: Interval
    calibration_error: float
    found: float
    false_alarms: float
    cases: tuple[PresenceCase, ...]


def phrases_asked(sample: Sample, *, num_absent: int = NUM_ABSENT, seed: int = 0) -> list[str]:
    """Every structure in the image, what a normal image lacks, and a few names that are absent.

    The choice depends on the seed and the image alone, not on the order of the images.
    """
    there = [structure.name for structure in sample.structures]
    lacking = [name for name in sample.absent if name in OWN.get(sample.organ, ())]
    rest = [name for name in sample.absent if name not in lacking]
    rng = np.random.default_rng((seed, zlib.crc32(f"{sample.dataset}/{sample.key}".encode())))
    chosen = sorted(rng.permutation(len(rest))[: max(0, num_absent - len(lacking))])
    return there + lacking + [rest[place] for place in chosen]


def evaluate_presence(model: Verbs, samples: Iterable[Sample], *, seed: int = 0) -> tuple[PresenceScore, ...]:
    """Ask for what is there and for what is not; scores over all sets (if several), each set, each set's own organ.

    Args:
        model: What to score.
        samples: Of any sets.
        seed: Decides which absent names are asked for.
    """
    cases = presence_cases(samples, partial(phrases_asked, seed=seed), model, model.detect)
    by_set: dict[str, list[PresenceCase]] = {}
    for case in cases:
        by_set.setdefault(case.dataset, []).append(case)
    scores = [summarise("all", cases)] if len(by_set) > 1 else []
    for name, group in by_set.items():
        scores.append(summarise(name, group))
        own = [case for case in group if case.own]
        if any(not case.there for case in own):
            scores.append(summarise(f"{name}, own organ", own))
    return tuple(scores)


def presence_cases(
    samples: Iterable[Sample], phrases: Callable[[Sample], Sequence[str]], model: Verbs, verb: Verb
) -> list[PresenceCase]:
    """One case for each question."""
    return [
        PresenceCase(
            sample.dataset,
            sample.key,
            unit_of_chance(sample),
            phrase,
            there=sample.structure(phrase) is not None,
            own=phrase in OWN.get(sample.organ, ()),
            presence=float(result.presence),
            found=len(result) > 0,
        )
        for sample, phrase, result in interview(model, samples, phrases, verb)
    ]


def summarise(name: str, cases: Sequence[PresenceCase]) -> PresenceScore:
    """Scores of some questions."""
    presence, there = np.array([case.presence for case in cases]), np.array([case.there for case in cases])
    found, units = np.array([case.found for case in cases]), [case.unit for case in cases]
    return PresenceScore(
        name,
        num_there=int(there.sum()),
        num_absent=int((~there).sum()),
        auroc=bootstrap_interval(lambda rows: auroc(presence[rows], there[rows]), units),
        specificity=bootstrap_interval(
            lambda rows: specificity_at_sensitivity(presence[rows], there[rows], SENSITIVITY), units
        ),
        calibration_error=calibration_error(presence, there),
        found=float(found[there].mean()) if there.any() else math.nan,
        false_alarms=float(found[~there].mean()) if not there.all() else math.nan,
        cases=tuple(cases),
    )
