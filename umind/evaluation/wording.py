"""The same thing asked for in twenty ways: does the answer stay the same?

A model that outlines whatever it is asked for passes; that it listens is for `umind.evaluation.presence` to tell.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool

from umind.data.instruct import a
from umind.data.wording import WORDINGS, plural
from umind.evaluation.interview import interview, unit_of_chance
from umind.evaluation.rows import mean_interval
from umind.evaluation.segmentation import SCORED
from umind.evaluation.truth import is_outlined, masks_of
from umind.evaluation.verbs import Verbs
from umind.metrics.bootstrap import Interval
from umind.metrics.overlap import dice
from umind.schema.sample import Sample

TRAINED, FRAME, UNSEEN = "trained", "frame", "unseen"
NUM_TRAINED = 8
"""Trained wordings that an image is asked in; with six frames and six unseen ones there are twenty."""
SAME = 0.95
"""Least Dice with the plain answer of an answer that stays the same."""
GOOD = 0.5
"""Least Dice with the truth of a plain answer that is worth keeping."""
NOTHING = Interval(math.nan, math.nan, math.nan, 0, 0)
"""Of no answers at all."""
NEW: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "breast lesion": ("breast neoplasm", "lump in the breast", "suspicious area of the breast"),
        "fetal head": ("baby's head", "head of the unborn child", "fetal calvarium"),
        "ovarian mass": ("ovarian neoplasm", "growth on the ovary", "adnexal tumour"),
        "thyroid nodule": ("thyroid lump", "focal lesion of the thyroid", "nodule in the thyroid lobe"),
        "carotid artery": ("artery of the neck", "carotid vessel lumen", "arteria carotis"),
        "nerve": ("nerve fascicles", "nerve bundle", "neural structure"),
        "vessel": ("vein or artery", "blood-filled tube", "vascular structure"),
        "liver lesion": ("hepatic mass", "tumour of the liver", "spot in the liver"),
        "cyst": ("cystic mass", "fluid collection", "water-filled sac"),
        "solid lesion": ("solid tissue mass", "solid growth", "lesion with solid echoes"),
    }
)
"""Words that training never used (`umind.data.wording.WORDINGS`), by canonical name."""


@dataclass(frozen=True)
class WordingCase:
    """One wording put to one image.

    Args:
        dataset: Set.
        key: Image inside the set.
        unit: What the bootstrap draws.
        phrase: Canonical name.
        kind: `TRAINED`, `FRAME` or `UNSEEN`.
        asked: The wording.
        dice: Of its answer with the plain answer, unions of masks.
        found: Whether any mask came back.
    """

    dataset: str
    key: str
    unit: str
    phrase: str
    kind: str
    asked: str
    dice: float
    found: bool


@dataclass(frozen=True)
class WordingScore:
    """Wordings of one kind on one set, on images whose plain answer is good.

    Args:
        dataset: Set.
        kind: ``"trained"``: words of training, with article or in the plural. ``"frame"``: the plain name in a sentence or
            with another article. ``"unseen"``: words that training never used, and slips of the keyboard.
        num_images: Images whose plain answer has a Dice of at least 0.5 with the truth; one counts for each structure in it.
        num_left_out: Images whose plain answer has less.
        num_asked: Wordings, over all images; without any, share and mean are NaN.
        same: Share of the answers with a Dice of at least 0.95 with the plain answer, and its 95 % interval over patients.
        dice: Mean Dice with the plain answer, and its interval; nothing found counts as 0.
        num_lost: Answers without any mask.
        cases: The wordings.
    """

    dataset: str
    kind: str
    num_images: int
    num_left_out: int
    num_asked: int
    same: Interval
    dice: Interval
    num_lost: int
    cases: tuple[WordingCase, ...]


def evaluate_wording(model: Verbs, samples: Iterable[Sample], *, phrases: Sequence[str] = SCORED) -> tuple[WordingScore, ...]:
    """Outline what is there by its plain name and in twenty other wordings; scores set by set and kind by kind.

    Args:
        model: What to score.
        samples: Of any sets.
        phrases: Canonical names to ask for.
    """

    def questions(sample: Sample) -> list[str]:
        names = (structure.name for structure in sample.structures if structure.name in phrases)
        return [words for name in names if is_outlined(sample, name) for words in (name, *wordings_of(name, sample))]

    cases: dict[tuple[str, str], list[WordingCase]] = {}
    left_out: dict[str, int] = {}
    name, plain, good = "", np.zeros((0, 0), bool), False
    for sample, words, result in interview(model, samples, questions, model.segment):
        mask = result.mask if len(result) else np.zeros((sample.image.height, sample.image.width), bool)
        if words in phrases and sample.structure(words) is not None:
            name, plain = words, mask
            truth: Bool[np.ndarray, "h w"] = np.any(masks_of(sample, name), axis=0)
            good = dice(plain, truth) >= GOOD
            left_out[sample.dataset] = left_out.get(sample.dataset, 0) + (not good)
        elif good:
            kind = wordings_of(name, sample)[words]
            overlap = dice(mask, plain)
            case = WordingCase(
                sample.dataset, sample.key, unit_of_chance(sample), name, kind, words, overlap, found=bool(mask.any())
            )
            cases.setdefault((sample.dataset, kind), []).append(case)
    return tuple(
        summarise(dataset, kind, cases.get((dataset, kind), []), missed)
        for dataset, missed in left_out.items()
        for kind in (TRAINED, FRAME, UNSEEN)
    )


def wordings_of(name: str, sample: Sample) -> Mapping[str, str]:
    """Twenty wordings of a name with their kinds; which trained ones is decided by the sample alone.

    A name that training has fewer wordings of gets them all.
    """
    known = trained_wordings(name)
    rng = np.random.default_rng(zlib.crc32(f"{sample.dataset}/{sample.key}".encode()))
    chosen = [known[place] for place in sorted(rng.permutation(len(known))[:NUM_TRAINED])]
    kinds = dict.fromkeys(chosen, TRAINED) | dict.fromkeys(framed(name), FRAME)
    return MappingProxyType(kinds | dict.fromkeys((*NEW.get(name, ()), *mistyped(name)), UNSEEN))


def trained_wordings(name: str) -> list[str]:
    """Everything that `umind.data.wording.say` can make of a name, but the name itself."""
    words = WORDINGS.get(name, (name,))
    made = (*words, *(f"the {word}" for word in words), *(plural(word) for word in words))
    return [wording for wording in dict.fromkeys(made) if wording != name]


def framed(name: str) -> tuple[str, ...]:
    """A name as people put it into a sentence."""
    return (
        a(name),
        f"all {plural(name)}",
        f"show me the {name}",
        f"where is the {name}?",
        f"please outline the {name} in this image",
        f"i am looking for {a(name)}",
    )


def mistyped(name: str) -> tuple[str, str, str]:
    """A name with two letters of its last word exchanged, with one letter lost, and with one letter doubled."""
    start = name.rfind(" ") + 2
    return (
        name[:start] + name[start + 1] + name[start] + name[start + 2 :],
        name[: start + 1] + name[start + 2 :],
        name[: start + 1] + name[start:],
    )


def summarise(dataset: str, kind: str, cases: Sequence[WordingCase], num_left_out: int) -> WordingScore:
    """Scores of the wordings of one kind on one set."""
    overlap = np.array([case.dice for case in cases])
    units = [case.unit for case in cases]
    return WordingScore(
        dataset,
        kind,
        num_images=len({(case.key, case.phrase) for case in cases}),
        num_left_out=num_left_out,
        num_asked=len(cases),
        same=mean_interval(overlap >= SAME, units) if cases else NOTHING,
        dice=mean_interval(overlap, units) if cases else NOTHING,
        num_lost=sum(not case.found for case in cases),
        cases=tuple(cases),
    )
