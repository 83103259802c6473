"""Scores the models on the same questions: ``python -m benchmarks.experts.score --data DIR``.

The mixture and the dense model have to be there; options of the mixture are scored if they are, for all seeds.

Three kinds of figure, each with the paired difference of the mixture and every other model: how alike the Chinese descriptions
are to those that EchoVLM published (no clinical truth: sides and diagnoses in them are not reliable), the descriptors of
BrEaST's annotation, and questions that the labels of every region answer. With several seeds an answer's worth is the mean of
the seeds' models. Answers are kept as in `benchmarks.run`, so an interrupted run goes on. Writes
``benchmarks/results/experts-<split>.json``; a run on test adds a line to ``test_runs.csv``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from jaxtyping import Float

from benchmarks.cards import note_test_run, write_card
from benchmarks.experts.arms import ARMS, DENSE, MOE, Size, size_of
from benchmarks.experts.stream import DESCRIBED, SHARES, TEXTS, stem_of
from benchmarks.images import Images, open_images
from benchmarks.provenance import PREDICTIONS, RESULTS, answering_code, checksum, provenance
from benchmarks.run import model_files
from benchmarks.side_by_side import experts_table, routing_table
from umind.data.adapters.registry import open_dataset
from umind.evaluation.card import to_card
from umind.evaluation.expert_tables import information_table, load_table
from umind.evaluation.experts import ExpertUse, evaluate_experts
from umind.evaluation.interview import Portion, interview, unit_of_chance
from umind.evaluation.predictions import Predictions
from umind.evaluation.rows import mean_interval
from umind.evaluation.suites import Together
from umind.evaluation.verbs import Verbs
from umind.evaluation.vqa import evaluate_vqa
from umind.metrics.bootstrap import Interval, bootstrap_difference
from umind.metrics.language import bleu, rouge
from umind.predictor import UMindVL
from umind.schema.sample import Sample

IMAGES = 40
"""Most images of each set that are asked about their labels, a seeded choice; of EchoVLM's texts all are scored."""
MEASURED = "how big"
"""Kind of question that is left out: lengths come from the decoders, which were not trained along."""
DESCRIPTORS, LOOK = "BrEaST", "describe"
"""Set, and kind of question, whose answers are descriptors in a radiologist's words."""


@dataclass(frozen=True)
class Judged:
    """What an answer is worth.

    Args:
        about: Texts, descriptors, a region, or all of them.
        measure: How it is judged; of all regions the kind of question.
        key: Image and question.
        unit: What the bootstrap draws.
        worth: In 0..1.
    """

    about: str
    measure: str
    key: tuple[str, ...]
    unit: str
    worth: float


@dataclass(frozen=True)
class Other:
    """A model beside the mixture, on the same questions.

    Args:
        worth: Mean, with its 95 % interval over patients.
        difference: Mixture minus this model, with its paired 95 % interval over patients.
        by_seed: That difference for each seed.
    """

    worth: Interval
    difference: Interval
    by_seed: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """The models on the same questions.

    Args:
        about: See `Judged`.
        measure: See `Judged`.
        num_questions: Questions.
        moe: Mean worth of the mixture with its 95 % interval over patients.
        others: By key of `ARMS`.
    """

    about: str
    measure: str
    num_questions: int
    moe: Interval
    others: Mapping[str, Other]


@dataclass(frozen=True, eq=False)
class Scored:
    """One model.

    Args:
        size: Its parameters.
        judged: Its answers.
        use: Of its experts, by the same images; None where there is one.
    """

    size: Size
    judged: tuple[Judged, ...]
    use: ExpertUse | None


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, compare, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experts.score", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--models", type=Path, default=Path("runs/experts"), help="what benchmarks.experts.train wrote")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0,), help="seeds of the models (default: 0)")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--predictions", type=Path, default=PREDICTIONS, help="folder to keep answers in")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    images = open_images(options.data, options.split, limit=IMAGES)
    portions = {name: portion for name, portion in images.portions.items() if name in SHARES}
    asked = Images(images.split, images.limit, images.with_twins, portions)
    texts = open_texts(options.data, asked)
    models = trained(options.models, options.seeds)
    judge = partial(score, asked, texts, options.predictions, device=options.device)
    scored = {arm: [judge(folder) for folder in folders] for arm, folders in models.items()}
    card: dict[str, Any] = provenance(options.device) | asked.facts
    card |= {
        "model": "experts",
        "texts": len(texts),
        "seeds": list(options.seeds),
        "training": {folder.name: read_record(folder) for folders in models.values() for folder in folders},
        "sizes": {arm: to_card(mean_size([run.size for run in runs])) for arm, runs in scored.items()},
        "figures": to_card(compare({arm: [run.judged for run in runs] for arm, runs in scored.items()})),
        "use": {arm: to_card(runs[0].use) for arm, runs in scored.items() if runs[0].use is not None},
    }
    if options.split == "test":
        note_test_run(options.results / "test_runs.csv", card)
    tables = (experts_table(card), routing_table(card), load_table(card["use"][MOE]), information_table(card["use"][MOE]))
    path = write_card(options.results, f"experts-{options.split}", card)
    print("\n\n".join((*tables, f"written: {path}")))


def trained(folder: Path, seeds: Sequence[int]) -> dict[str, list[Path]]:
    """Runs by model, seed by seed: the mixture, the dense model, and those options that are there for all seeds."""
    models = {arm: [folder / f"{arm}-{seed}" for seed in seeds] for arm in ARMS}
    return {arm: runs for arm, runs in models.items() if arm in (MOE, DENSE) or all((run / "model").exists() for run in runs)}


def mean_size(sizes: Sequence[Size]) -> Size:
    """Of a model's seeds, which differ in how many experts a token takes."""
    active, taken = (float(np.mean([getattr(size, name) for size in sizes])) for name in ("active", "taken"))
    return replace(sizes[0], active=round(active), taken=taken)


def read_record(folder: Path) -> Mapping[str, Any]:
    """What `benchmarks.experts.train` wrote of a run."""
    record: Mapping[str, Any] = json.loads((folder / "training.json").read_text("utf-8"))
    return record


def open_texts(data: Path, images: Images) -> Portion:
    """EchoVLM's texts of all images that their own sets have in a split, without twins of training images.

    Args:
        data: Folder of the data sets.
        images: Of that split; a limit does not count here.
    """
    sources: list[Any] = [images.portions[name].source for name in DESCRIBED if name in images.portions]
    known = {stem_of(record.key) for source in sources for record in source.records}
    adapter = open_dataset(data / TEXTS)
    adapter.records = tuple(record for record in adapter.records if stem_of(record.key) in known)
    return Portion(adapter)


def score(images: Images, texts: Portion, kept: Path, folder: Path, *, device: str) -> Scored:
    """Ask a model everything, and look at its experts.

    Args:
        images: To ask about their labels.
        texts: To ask for a description.
        kept: Folder to keep answers in.
        folder: Of the run.
        device: Where.
    """
    place = folder / "model"
    model = UMindVL.from_pretrained(place, device=device)
    name = f"experts-{folder.name}-{checksum([*model_files(place), *answering_code()])}"
    answers = Predictions(kept / name / f"{images.split}.tsv", model)
    judged = (*judge_texts(answers, texts), *judge_labels(answers, images.portions))
    if folder.name.startswith(DENSE):
        return Scored(size_of(model.model, 1), judged, None)
    use = evaluate_experts(model, Together(list(images.portions.values())))
    return Scored(size_of(model.model, float(np.mean([layer.taken for layer in use.layers]))), judged, use)


def judge_texts(model: Verbs, texts: Portion) -> Iterator[Judged]:
    """Likeness to a published text, by characters.

    Marks are compared in half width, as the tokenizers that umind trains spell them. Each text has a BLEU-1 of its own, and
    figures are means over texts, which patients can be drawn of.
    """

    def asked(sample: Sample) -> list[str]:
        return [exchange.asked for exchange in sample.exchanges]

    for sample, question, result in interview(model, texts, asked, model.ask):
        reference = next(exchange.answer for exchange in sample.exchanges if exchange.asked == question)
        said, true = ([normalize("NFKC", text)] for text in (result.text, reference))
        judged = partial(Judged, "EchoVLM texts", key=(sample.key, question), unit=unit_of_chance(sample))
        yield judged("BLEU-1", worth=bleu(said, true, 1, language="zh"))
        yield judged("ROUGE-1", worth=rouge(said, true, language="zh").unigrams)


def judge_labels(model: Verbs, portions: Mapping[str, Portion]) -> Iterator[Judged]:
    """Questions that labels answer: the descriptors of one set, then all of them region by region, then kind by kind."""
    asked = []
    for name, portion in portions.items():
        region = next(iter(portion)).organ
        for found in evaluate_vqa(model, portion):
            for case in found.cases if found.kind != MEASURED else ():
                judged = partial(Judged, key=(name, case.key, case.question), unit=case.unit, worth=case.worth)
                asked.append((name, region, found.kind, judged))
    yield from (one(f"{name} descriptors", "finding F1") for name, _, kind, one in asked if (name, kind) == (DESCRIPTORS, LOOK))
    yield from (one(region, "right") for _, region, _, one in asked)
    yield from (one("every region", kind) for _, _, kind, one in asked)


def compare(models: Mapping[str, Sequence[Sequence[Judged]]]) -> tuple[Figure, ...]:
    """Figures of models by key of `ARMS`, the mixture among them, each with its answers seed by seed.

    Raises:
        ValueError: They were not asked the same.
    """
    rows = [(one.about, one.measure, one.key, one.unit) for one in models[MOE][0]]
    if any([(one.about, one.measure, one.key, one.unit) for one in run] != rows for runs in models.values() for run in runs):
        raise ValueError("the models were not asked the same questions")
    worths = {arm: np.array([[one.worth for one in run] for run in runs]) for arm, runs in models.items()}  # (S, N)
    found = []
    for about, measure in dict.fromkeys((row[0], row[1]) for row in rows):
        places = [place for place, row in enumerate(rows) if row[:2] == (about, measure)]
        units = [rows[place][3] for place in places]
        moe = worths[MOE][:, places]
        others = {arm: other(moe, worth[:, places], units) for arm, worth in worths.items() if arm != MOE}
        found.append(Figure(about, measure, len(units), mean_interval(moe.mean(0), units), others))
    return tuple(found)


def other(moe: Float[np.ndarray, "s n"], worth: Float[np.ndarray, "s n"], units: Sequence[str]) -> Other:
    """What N answers of S seeds are worth, beside the mixture's."""
    ours, theirs = moe.mean(0), worth.mean(0)
    return Other(
        worth=mean_interval(theirs, units),
        difference=bootstrap_difference(lambda rows: float(ours[rows].mean()), lambda rows: float(theirs[rows].mean()), units),
        by_seed=tuple((moe - worth).mean(1).tolist()),
    )


if __name__ == "__main__":
    main()
