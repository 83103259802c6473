"""Words about a region, of a model that was trained with it and of one without: answers by kind, reports and classes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from umind.evaluation.diagnosis import decisions, evaluate_diagnosis, mean_auroc
from umind.evaluation.report import descriptor_places, evaluate_report, pooled_f1, stating
from umind.evaluation.verbs import Verbs
from umind.evaluation.vqa import evaluate_vqa
from umind.metrics.bootstrap import Interval, Statistic, bootstrap_difference
from umind.metrics.classes import macro_f1
from umind.schema.sample import Sample


@dataclass(frozen=True)
class WordScore:
    """One figure of two models on the same questions about a region.

    Args:
        region: Name of the region.
        figure: What is scored.
        num_cases: Questions, reports or lesions.
        seen: Of the model that was trained with the region.
        unseen: Of the one that was trained without.
        difference: First minus second, with its paired 95 % interval over patients.
    """

    region: str
    figure: str
    num_cases: int
    seen: float
    unseen: float
    difference: Interval


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of one model, to be paired with another's.

    Args:
        keys: What each case is.
        units: What the bootstrap draws, for each case.
        statistic: The figure over some of the cases.
    """

    keys: Sequence[Hashable]
    units: Sequence[str]
    statistic: Statistic


def evaluate_words(seen: Verbs, unseen: Verbs, samples: Iterable[Sample], region: str) -> list[WordScore]:
    """Ask both models everything in words that the annotation of a region's images can judge.

    Args:
        seen: Trained with the region.
        unseen: Trained without.
        samples: Images of the region; they must be walkable many times.
        region: Name of the region.

    Raises:
        ValueError: The two answered different questions.
    """
    first, second = (figures_of(model, samples) for model in (seen, unseen))
    if {name: figure.keys for name, figure in first.items()} != {name: figure.keys for name, figure in second.items()}:
        raise ValueError(f"{region}: the two models were asked different questions")
    scores = []
    for name, ours in first.items():
        theirs, rows = second[name], np.arange(len(ours.keys))
        scores.append(
            WordScore(
                region,
                name,
                num_cases=len(rows),
                seen=float(ours.statistic(rows)),
                unseen=float(theirs.statistic(rows)),
                difference=bootstrap_difference(ours.statistic, theirs.statistic, ours.units),
            )
        )
    return scores


def figures_of(model: Verbs, samples: Iterable[Sample]) -> dict[str, Figure]:
    """Every figure by its name."""
    return answers(model, samples) | reports(model, samples) | classes(model, samples)


def answers(model: Verbs, samples: Iterable[Sample]) -> dict[str, Figure]:
    """Questions by their kind, over all sets."""
    scores = {score.kind: score for score in evaluate_vqa(model, samples)}  # the row over all sets comes last
    return {
        f"answers, {kind}": Figure(
            [(case.dataset, case.key, case.question) for case in score.cases],
            [case.unit for case in score.cases],
            mean_of([case.worth for case in score.cases]),
        )
        for kind, score in scores.items()
    }


def reports(model: Verbs, samples: Iterable[Sample]) -> dict[str, Figure]:
    """Findings that reports state, set by set, and each descriptor."""
    found: dict[str, Figure] = {}
    for score in evaluate_report(model, samples):
        keys, units = [case.key for case in score.cases], [case.unit for case in score.cases]
        found[f"reports, findings F1, {score.dataset}"] = Figure(
            keys, units, pooled_f1([case.findings for case in score.cases])
        )
        for descriptor in score.descriptors:
            cases = stating(descriptor.name, score.cases)
            chosen, truth = descriptor_places(descriptor.name, cases)
            keys, units = [case.key for case in cases], [case.unit for case in cases]
            found[f"reports, {descriptor.name} macro F1, {score.dataset}"] = Figure(keys, units, f1_of(chosen, truth))
    return found


def classes(model: Verbs, samples: Iterable[Sample]) -> dict[str, Figure]:
    """Classes of lesions, over all sets that have the same."""
    scores = {(score.structure, tuple(score.counts)): score for score in evaluate_diagnosis(model, samples)}
    found: dict[str, Figure] = {}
    for (structure, options), score in scores.items():
        given, chosen, truth = decisions(score.cases)
        keys, units = [(case.dataset, case.key) for case in score.cases], [case.unit for case in score.cases]
        name = f"{structure}, {len(options)} classes"
        found[f"{name}, macro F1"] = Figure(keys, units, f1_of(chosen, truth))
        found[f"{name}, AUROC"] = Figure(keys, units, auroc_of(given, truth))
    return found


def mean_of(values: Sequence[float]) -> Statistic:
    """Mean over rows."""
    numbers = np.array(values)
    return lambda rows: float(numbers[rows].mean())


def f1_of(chosen: Int[np.ndarray, "n"], truth: Int[np.ndarray, "n"]) -> Statistic:
    """Macro F1 over rows."""
    return lambda rows: macro_f1(chosen[rows], truth[rows])


def auroc_of(given: Float[np.ndarray, "n c"], truth: Int[np.ndarray, "n"]) -> Statistic:
    """Mean AUROC over rows."""
    return lambda rows: mean_auroc(given[rows], truth[rows])
