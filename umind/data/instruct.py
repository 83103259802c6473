"""Annotations of train splits as grounded conversations in whole sentences, each claim with its evidence token.

As in UMind-DS, an answer that reasons goes from the finding over its evidence and its measurement to the conclusion:

    One breast lesion [SEG] lies in the upper left. Its margin is spiculated, its shape irregular. It measures 14.2 mm [MEAS]
    by 9.8 mm [MEAS]. It is labelled malignant.

Nothing is said that the annotation does not say: sizes only with a spacing, classes and descriptors only where they are stated,
absence only of what is known to be absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from umind.data.conversation import DESCRIPTORS, Finding, number, stated, where
from umind.data.wording import FOCAL, MEASURES, plural, word
from umind.geometry.boxes import box_of_mask
from umind.geometry.caliper import diameters_of_mask
from umind.geometry.spacing import Spacing
from umind.protocols.registry import PROTOCOLS
from umind.schema.sample import Sample

Options = Mapping[tuple[str, str], tuple[str, ...]]
"""Values that a descriptor takes in a data set, by name of the structure and descriptor."""

LENGTHS = frozenset(name for name in MEASURES if PROTOCOLS[name].unit == "mm")
"""Reference values that are millimetres and that the model is taught to measure."""
CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType({"breast lesion": ("benign", "malignant")})
"""Classes that a single-choice question may offer, where a set has no others; else it offers what the folder holds."""
ECHOES = ("anechoic", "hypoechoic", "isoechoic", "hyperechoic")
OPTIONS: Options = MappingProxyType(
    {
        ("breast lesion", "class"): ("benign", "malignant"),
        ("breast lesion", "shape"): ("irregular", "oval", "round"),
        ("breast lesion", "echogenicity"): (*ECHOES, "complex cystic/solid", "heterogeneous"),
        ("breast lesion", "posterior features"): ("no", "enhancement", "shadowing", "combined"),
        ("liver lesion", "class"): ("benign", "malignant"),
        ("ovarian mass", "class"): (
            "chocolate cyst",
            "high-grade serous cystadenoma",
            "mucinous cystadenoma",
            "serous cystadenoma",
            "simple cyst",
            "teratoma",
            "theca cell tumor",
        ),
        ("thyroid nodule", "composition"): ("solid", "predominantly solid", "predominantly cystic", "cystic", "spongiform"),
        ("thyroid nodule", "calcifications"): ("no", "microcalcifications", "macrocalcifications"),
        ("solid lesion", "class"): ("benign", "malignant"),
        ("solid lesion", "margin"): ("smooth", "spiculated"),
        ("solid lesion", "shape"): ("irregular", "oval", "round"),
        ("solid lesion", "echogenicity"): ECHOES,
        ("cyst", "shape"): ("oval", "round"),
    }
)
"""What a single-choice question offers in training and in the benchmarks, whatever else a folder holds."""


@dataclass(frozen=True)
class Said:
    """One question with its answer.

    Args:
        kind: What kind of question it is, a key of `KINDS`.
        question: Words of the person.
        answer: Words of the model, with task tokens.
        targets: What each task token of the answer stands for, in order.
        language: ISO 639-1 code.
    """

    kind: str
    question: str
    answer: str
    targets: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, eq=False)
class Case:
    """An image as the questions see it.

    Args:
        organ: What is scanned; empty when the set does not say.
        findings: What is outlined, instances largest first.
        absent: Names known not to be there.
        attributes: Facts about the whole image.
        spacing: Millimetres per pixel; None when unknown.
        measurements: Reference lengths in millimetres by name.
        options: What a single-choice question can offer.
    """

    organ: str
    findings: tuple[Finding, ...]
    absent: tuple[str, ...]
    attributes: Mapping[str, str]
    spacing: Spacing | None
    measurements: Mapping[str, float]
    options: Options


def case_of(sample: Sample, options: Options) -> Case:
    """What a sample says; structures that are only boxed are left out, since they have no outline to point at."""
    findings = tuple(
        Finding(s.name, s.masks[np.argsort(-s.masks.sum((1, 2)), kind="stable")], s.attributes)
        for s in sample.structures
        if len(s.masks) and not len(s.boxes)
    )
    lengths = {name: value for name, value in sample.measurements.items() if name in LENGTHS}
    return Case(sample.organ, findings, sample.absent, sample.attributes, sample.image.spacing, lengths, options)


def about_organ(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """What is scanned."""
    if case.organ:
        question = pick(rng, "Which organ is shown?", "What is scanned here?", "What does this image show?")
        yield Said("organ", question, f"This is an ultrasound image of the {case.organ}.")


def about_presence(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """Is it there, or not?"""
    for finding in case.findings:
        phrase = word(finding.name, rng)
        question = pick(rng, f"Is there {a(phrase)}?", f"Do you see {a(phrase)}?")
        yield Said("yes or no", question, f"Yes, {a(phrase)} is present [SEG].", (finding.name,))
    for name in case.absent:
        phrase = word(name, rng)
        question = pick(rng, f"Is there {a(phrase)}?", f"Do you see {a(phrase)}?")
        yield Said("yes or no", question, f"No, there is no {phrase} in this image.")


def about_number(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """How many?"""
    for finding in case.findings:
        phrase, count = word(finding.name, rng), len(finding.masks)
        noun, verb = (phrase, "is") if count == 1 else (plural(phrase), "are")
        yield Said(
            "counting", f"How many {plural(phrase)} are there?", f"There {verb} {number(count)} {noun} [SEG].", (finding.name,)
        )


def about_place(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """Where is it?"""
    for finding in case.findings:
        if len(finding.masks) == 1:
            phrase = word(finding.name, rng)
            token = pick(rng, "[SEG]", "[DET]")
            answer = f"The {phrase} lies in the {where(finding.masks[0])} of the image {token}."
            yield Said("where", pick(rng, f"Where is the {phrase}?", f"Locate the {phrase}."), answer, (finding.name,))


def about_size(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """How big is it?"""
    for finding in case.findings:
        if measured := size_of(finding, case.spacing):
            phrase = word(finding.name, rng)
            question = pick(rng, f"How big is the {phrase}?", f"Measure the {phrase}.")
            yield Said("how big", question, f"The {phrase} measures {measured}.", (finding.name,) * 2)
    for name, value in case.measurements.items():
        answer = f"The {name} is {value:.1f} mm [MEAS]."
        yield Said("how big", pick(rng, f"What is the {name}?", f"Measure the {name}."), answer, (name,))


def about_choice(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """One of several options, in any order; the answer is the option in words, which no letter can contradict."""
    for finding in case.findings:
        for key in ("class", *DESCRIPTORS):
            value = finding.attributes.get(key, "")
            options = [option for option in case.options.get((finding.name, key), ()) if not overlap(option, value)]
            if value in options and len(options) > 1:
                shuffled = [options[k] for k in rng.permutation(len(options))]
                listed = "; ".join(f"{chr(ord('A') + place)}. {option}" for place, option in enumerate(shuffled))
                phrase = word(finding.name, rng)
                noun = phrase if len(finding.masks) == 1 else plural(phrase)
                question = f"What is the {key} of the {noun}? {listed}."
                yield Said("single choice", question, value)


def overlap(option: str, value: str) -> bool:
    """Whether an option is no clear alternative to the true one, as "well defined" is none to "well defined smooth"."""
    return option != value and (option in value or value in option)


def about_look(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """What does it look like?"""
    for finding in case.findings:
        if look := look_of(finding):
            phrase = word(finding.name, rng)
            one = len(finding.masks) == 1
            noun, verb = (phrase, "is") if one else (plural(phrase), "are")
            answer = f"The {noun} [SEG] {verb} described as follows: {look}."
            yield Said("describe", f"Describe the {noun}.", answer, (finding.name,))


def about_reasons(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """Finding, its evidence, its measurement, and the conclusion that the annotation draws."""
    for finding in case.findings:
        kind = finding.attributes.get("class")
        if kind is None:
            continue
        phrase = word(finding.name, rng)
        text, targets = account_of(finding, case.spacing)
        graded = kind in ("benign", "malignant")
        ask = f"Is the {phrase} benign or malignant? Say why." if graded else f"What kind of {phrase} is it? Say why."
        question = pick(rng, ask, f"What do you make of the {phrase}? Show the evidence.")
        yield Said("reasoning", question, f"{text} It is labelled {kind}.", targets)


def about_all(case: Case, rng: np.random.Generator) -> Iterator[Said]:
    """The report."""
    focal = [name for name in case.absent if name in FOCAL and name.startswith(case.organ)] if case.organ else []
    parts = [f"Ultrasound of the {case.organ}."] if case.organ else ["Ultrasound image."]
    targets: list[str] = []
    for finding in case.findings:
        text, pointed = account_of(finding, case.spacing)
        kind = finding.attributes.get("class")
        parts += [text, *([f"Assessment: {kind}."] if kind else [])]
        targets += pointed
    for name, value in case.measurements.items():
        parts.append(f"{name[0].upper()}{name[1:]} {value:.1f} mm [MEAS].")
        targets.append(name)
    if not case.findings:
        parts += [f"No {name} is seen." for name in focal]
    if "class" in case.attributes:
        parts.append(f"Assessment: {case.attributes['class']}.")
    if len(parts) > 1:
        yield Said("report", pick(rng, "Write a report.", "Describe this image."), " ".join(parts), tuple(targets))


KINDS: Mapping[str, Callable[[Case, np.random.Generator], Iterator[Said]]] = MappingProxyType(
    {
        "organ": about_organ,
        "yes or no": about_presence,
        "counting": about_number,
        "where": about_place,
        "how big": about_size,
        "single choice": about_choice,
        "describe": about_look,
        "reasoning": about_reasons,
        "report": about_all,
    }
)


def converse(sample: Sample, options: Options, *, seed: int, num_turns: int = 4) -> list[Said]:
    """A conversation about an image: different kinds of question, the reasoned ones last; the set's own exchanges follow.

    Args:
        sample: Image with its truth.
        options: What a single-choice question can offer.
        seed: Decides kinds and words.
        num_turns: Most questions of ours.
    """
    rng = np.random.default_rng(seed)
    case = case_of(sample, options)
    ready = {kind: list(make(case, rng)) for kind, make in KINDS.items()}
    kinds = [kind for kind, turns in ready.items() if turns]
    wanted = set(rng.permutation(kinds)[:num_turns].tolist())
    said = [ready[kind][rng.integers(len(ready[kind]))] for kind in kinds if kind in wanted]
    return said + [Said("own", e.question, e.answer, (), e.language) for e in sample.exchanges]


def speak(case: Case, rng: np.random.Generator, kinds: Sequence[str]) -> Said | None:
    """One question of the first kind, in a random order, that the case answers; None when it answers none.

    Args:
        case: What is asked about.
        rng: Decides kind and words.
        kinds: Keys of `KINDS`.
    """
    for place in rng.permutation(len(kinds)):
        if turns := list(KINDS[kinds[place]](case, rng)):
            return turns[rng.integers(len(turns))]
    return None


def options_of(samples: Iterator[Sample]) -> Options:
    """Values that every descriptor of every structure takes, in alphabetic order."""
    values: dict[tuple[str, str], set[str]] = {(name, "class"): set(classes) for name, classes in CLASSES.items()}
    for sample in samples:
        for structure in sample.structures:
            for key, value in structure.attributes.items():
                values.setdefault((structure.name, key), set()).add(value)
    return MappingProxyType({key: tuple(sorted(found)) for key, found in values.items()})


def record_of(sample: Sample, path: str, said: list[Said]) -> dict[str, Any]:
    """One line of JSONL, as `umind.data.adapters.conversations` reads it.

    ``targets`` says for each of our turns what its task tokens stand for; ``boxes`` holds every outlined instance.
    """
    turns: list[dict[str, str]] = []
    for item in said:
        opening = "" if turns else "<image>\n"
        turns += [{"from": "human", "value": opening + item.question}, {"from": "gpt", "value": item.answer}]
    boxes = [
        {"name": s.name, "box": [float(edge) for edge in box_of_mask(mask)], "image": 0}
        for s in sample.structures
        for mask in s.masks
    ]
    language = said[0].language if said and len({item.language for item in said}) == 1 else "en"
    return {
        "images": [path],
        "conversations": turns,
        "kinds": [item.kind for item in said],
        "targets": [list(item.targets) for item in said],
        "boxes": boxes,
        "language": language,
        "patient": sample.patient,
        "split": sample.split,
        "dataset": sample.dataset,
    }


def account_of(finding: Finding, spacing: Spacing | None) -> tuple[str, tuple[str, ...]]:
    """Finding with evidence, looks and size, as sentences, and what their tokens stand for."""
    count = len(finding.masks)
    noun = finding.name if count == 1 else plural(finding.name)
    place = f" in the {where(finding.masks[0])}" if count == 1 else ""
    parts = [f"{number(count).capitalize()} {noun} [SEG]{place}."]
    if look := look_of(finding):
        parts.append(f"{look[0].upper()}{look[1:]}.")
    measured = size_of(finding, spacing)
    if measured:
        parts.append(f"It measures {measured}.")
    return " ".join(parts), (finding.name,) * (3 if measured else 1)


def look_of(finding: Finding) -> str:
    """The descriptors that are stated, in a row."""
    return ", ".join(stated(key, finding.attributes[key]) for key in DESCRIPTORS if key in finding.attributes)


def size_of(finding: Finding, spacing: Spacing | None) -> str:
    """Longest and perpendicular diameter of a single focal finding; empty where they are not known in millimetres."""
    if spacing is None or finding.name not in FOCAL or len(finding.masks) != 1:
        return ""
    long, short = (diameter.length(spacing) for diameter in diameters_of_mask(finding.masks[0], spacing))
    return f"{long:.1f} mm [MEAS] by {short:.1f} mm [MEAS]"


def a(phrase: str) -> str:
    """A phrase with its indefinite article."""
    return f"an {phrase}" if phrase[0] in "aeiou" else f"a {phrase}"


def pick(rng: np.random.Generator, *choices: str) -> str:
    """One of some wordings."""
    return choices[rng.integers(len(choices))]
