"""What a model's experts do with images and questions: how the load is shared, and what a choice tells of region and task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from umind.backbone.moe.attach import dual_paths
from umind.backbone.moe.config import MoEConfig
from umind.backbone.moe.routing import record_routing
from umind.data.collate import Collator
from umind.data.examples import build_example
from umind.data.labelled import labelled
from umind.evaluation.interview import BATCH, unit_of_chance
from umind.metrics.information import Information, entropy, information
from umind.predictor import UMindVL
from umind.schema.sample import Sample
from umind.tasks.registry import TASKS
from umind.tokens.slots import layout
from umind.tokens.template import Block

FREE = "ask"
"""Task of a question in free words."""
SKIP = "skip"
"""First word of the names of choices that compute nothing."""


@dataclass(frozen=True, eq=False)
class Passage:
    """Tokens that belong together, an image's own or those of a question behind it, and where the routers sent them.

    Args:
        counts: How often each of C choices was taken in each of N layers, ``(N, C)``.
        num_tokens: How many tokens there are.
        image: Number of the image.
        unit: Patient, see `unit_of_chance`.
        region: Organ that is scanned; empty when the set does not say.
        task: Verb of the question; empty for the image's own tokens.
    """

    counts: Float[np.ndarray, "n c"]
    num_tokens: int
    image: int
    unit: str
    region: str
    task: str = ""


@dataclass(frozen=True)
class LayerUse:
    """The experts of one layer.

    Args:
        layer: Name of the layer's block in the language model.
        load: Share of all choices that fell on each expert, skip experts last.
        taken: How many experts that work a token takes on average.
        entropy: Of the load, in bits; the logarithm of the number of choices where it is even.
        region: What the choices of an image's own tokens tell of the organ; chance shuffles organs between patients. None
            where no image has one.
        task: What the choices of a question's tokens tell of its verb; chance shuffles the questions of an image.
        load_by_region: The load of the image's own tokens, by organ.
        load_by_task: That of the questions' tokens, by verb.
    """

    layer: str
    load: tuple[float, ...]
    taken: float
    entropy: float
    region: Information | None
    task: Information
    load_by_region: Mapping[str, tuple[float, ...]]
    load_by_task: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class ExpertUse:
    """The experts of a model.

    Args:
        choices: Names of what a router chooses from.
        num_images: Images.
        num_tokens: Tokens that were routed.
        regions: Images of each organ.
        tasks: Questions of each verb.
        layers: First layer first.
    """

    choices: tuple[str, ...]
    num_images: int
    num_tokens: int
    regions: Mapping[str, int]
    tasks: Mapping[str, int]
    layers: tuple[LayerUse, ...]


def evaluate_experts(model: UMindVL, samples: Iterable[Sample], *, seed: int = 0) -> ExpertUse:
    """Put questions to images, as training does, and see which experts their tokens take.

    A data set mostly has one organ: what tells of the organ may be the machine of the set, and ``region`` cannot part them.

    Args:
        model: With experts.
        samples: Annotated images; the questions are made from the annotation, the answers stand behind them.
        seed: Decides the questions and the shuffles.

    Raises:
        ValueError: The model has no experts, or there is no sample.
    """
    numbers = MoEConfig.read(model.model.config)
    if numbers is None:
        raise ValueError("the model has no experts: none of its layers chooses")
    skips = (f"{SKIP} {number}" for number in range(1, numbers.num_skip_experts + 1))
    choices = (*map(str, range(1, numbers.num_experts + 1)), *skips)
    return expert_use(list(passages(model, samples, len(choices), seed)), tuple(dual_paths(model.model)), choices, seed=seed)


def passages(model: UMindVL, samples: Iterable[Sample], num_choices: int, seed: int) -> Iterator[Passage]:
    """Every image's own tokens, and those of every question behind it, image by image."""
    size, collate = model.processor.image_processor.size, Collator(model.processor)
    waiting, first = iter(samples), 0
    while seen := list(islice(waiting, BATCH)):
        draws = (np.random.default_rng((seed, first + row)) for row in range(len(seen)))
        examples = [build_example(labelled(sample, size), draw) for sample, draw in zip(seen, draws, strict=True)]
        batch = collate(examples).to(model.model.device)
        ids, mask, pixels = batch.input_ids, batch.attention_mask, batch.pixel_values.to(model.model.dtype)
        with torch.inference_mode(), record_routing(model.model) as routings:
            model.model(ids, mask, pixels, decode=False, patches=batch.patches)
        layers = [functional.one_hot(routing.experts, num_choices + 1).sum(2)[..., :num_choices] for routing in routings]
        taken, blocks = (
            torch.stack(layers, 2).cpu(),
            layout(ids, mask, model.model.config.ids).block_ids.cpu(),
        )  # (B, L, N, C), (B, L)
        for row, (sample, example) in enumerate(zip(seen, examples, strict=True)):
            for place, task in enumerate(("", *map(verb_of, example.blocks))):
                own = blocks[row] == place
                counts = taken[row, own].sum(0).double().numpy()
                yield Passage(counts, int(own.sum()), first + row, unit_of_chance(sample), sample.organ, task)
        first += len(seen)


def verb_of(block: Block) -> str:
    """The task that a question begins with; what begins with none is in free words."""
    verb = block.query.partition(" ")[0]
    return verb if verb in TASKS else FREE


def expert_use(seen: Sequence[Passage], layers: Sequence[str], choices: Sequence[str], *, seed: int = 0) -> ExpertUse:
    """Sum up.

    Args:
        seen: Of one model, image by image.
        layers: Names of the N layers.
        choices: Names of the C choices; those of skip experts begin with `SKIP`.
        seed: Of the shuffles.

    Raises:
        ValueError: There is no question.
    """
    images = [passage for passage in seen if not passage.task]
    questions = [passage for passage in seen if passage.task]
    if not questions:
        raise ValueError("there is no image with a question to put to the experts")
    regions = Counter(passage.region for passage in images if passage.region)
    patients: dict[tuple[str, str], Float[np.ndarray, "n c"]] = {}
    for passage in images:
        if passage.region:
            patient = (passage.region, passage.unit)
            patients[patient] = patients.get(patient, np.zeros_like(passage.counts)) + passage.counts
    by_patient, by_question = np.array([*patients.values()]), np.array([passage.counts for passage in questions])
    organs, verbs = [region for region, _ in patients], [passage.task for passage in questions]
    total, num_tokens = np.sum([passage.counts for passage in seen], 0), sum(passage.num_tokens for passage in seen)
    works = [not choice.startswith(SKIP) for choice in choices]
    return ExpertUse(
        choices=tuple(choices),
        num_images=len(images),
        num_tokens=num_tokens,
        regions=dict(sorted(regions.items())),
        tasks=dict(sorted(Counter(verbs).items())),
        layers=tuple(
            LayerUse(
                layer=name,
                load=shares(total[place]),
                taken=float(total[place, works].sum() / num_tokens),
                entropy=entropy(total[place]),
                region=information(by_patient[:, place], organs, seed=seed) if patients else None,
                task=information(by_question[:, place], verbs, strata=[passage.image for passage in questions], seed=seed),
                load_by_region=load_by(by_patient[:, place], organs) if patients else {},
                load_by_task=load_by(by_question[:, place], verbs),
            )
            for place, name in enumerate(layers)
        ),
    )


def load_by(counts: Float[np.ndarray, "u c"], labels: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Load of all units that have a label, by label."""
    return {label: shares(counts[[other == label for other in labels]].sum(0)) for label in sorted(set(labels))}


def shares(counts: Float[np.ndarray, "c"]) -> tuple[float, ...]:
    """Counts as shares of their sum."""
    return tuple((counts / counts.sum()).tolist())
