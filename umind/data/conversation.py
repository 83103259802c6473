"""Questions and answers about an annotated image, with task tokens where the answer points or measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from umind.data.wording import FOCAL, plural, word

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")
DESCRIPTORS = ("shape", "margin", "echogenicity", "composition", "orientation", "posterior features", "calcifications")
NOTHING = ("no", "none")
"""Values of a descriptor that deny it."""
REMARKED = ("margin", "posterior features", "calcifications")
"""Descriptors that have a sentence of their own in a report."""
HEAD_MEASURES = ("head circumference", "biparietal diameter", "occipitofrontal diameter")
LESION_MEASURES = ("longest diameter", "perpendicular diameter")


def number(count: int) -> str:
    """A count in words."""
    return NUMBERS[count] if count < len(NUMBERS) else f"more than {NUMBERS[-1]}"


@dataclass(frozen=True, eq=False)
class Finding:
    """One structure of an augmented image.

    Args:
        name: Canonical name.
        masks: Its instances, largest first, ``(N, H, W)``.
        attributes: What the annotation says of it.
        boxes: xyxy of further instances that are boxed and not outlined, largest first, ``(B, 4)``.
    """

    name: str
    masks: Bool[np.ndarray, "n h w"]
    attributes: Mapping[str, str]
    boxes: Float[np.ndarray, "b 4"] = field(default_factory=lambda: np.zeros((0, 4), np.float32))

    @property
    def count(self) -> int:
        """Number of instances."""
        return len(self.masks) + len(self.boxes)

    @property
    def outlined(self) -> bool:
        """Whether every instance has its outline."""
        return not len(self.boxes)

    @property
    def place(self) -> str:
        """Where its largest instance lies, of those that are outlined if there are any."""
        if len(self.masks):
            return where(self.masks[0])
        (left, top, right, bottom), (height, width) = self.boxes[0], self.masks.shape[1:]
        return ninth((left + right) / 2 / width, (top + bottom) / 2 / height)


@dataclass(frozen=True)
class Turn:
    """A question with its answer.

    Args:
        question: Words of the person.
        answer: Words of the model, with task tokens.
        targets: Canonical name of what each task token of the answer stands for, in order.
    """

    question: str
    answer: str
    targets: tuple[str, ...] = ()


def where(mask: Bool[np.ndarray, "h w"]) -> str:
    """Place of a mask in the frame's 3 x 3 grid: "upper left", "upper centre", "left", "centre" and so on."""
    rows, columns = mask.nonzero()
    return ninth((columns.mean() + 0.5) / mask.shape[1], (rows.mean() + 0.5) / mask.shape[0])


def ninth(x: float, y: float) -> str:
    """Name of the cell of a 3 x 3 grid that holds a point, in shares of the frame's width and height."""
    vertical = ("upper", "", "lower")[min(int(3 * y), 2)]
    horizontal = ("left", "centre", "right")[min(int(3 * x), 2)]
    return f"{vertical} {horizontal}".strip()


def sentences(organ: str, findings: tuple[Finding, ...], absent: tuple[str, ...], attributes: Mapping[str, str]) -> Turn:
    """The report that the annotation supports: organ, findings with their evidence and size, assessment."""
    parts, targets = [f"{organ} ultrasound.".lstrip() if organ != "phantom" else "ultrasound phantom."], []
    for finding in findings:
        count = finding.count
        noun = finding.name if count == 1 else plural(finding.name)
        words = [finding.attributes[k] for k in ("echogenicity", "shape") if k in finding.attributes]
        place = f" in the {finding.place}" if count == 1 and finding.name in FOCAL else ""
        parts.append(" ".join([number(count), *words, noun]) + f" [SEG]{place}.")
        targets.append(finding.name)
        parts += [f"{stated(key, finding.attributes[key])}." for key in REMARKED if key in finding.attributes]
        measures = HEAD_MEASURES if finding.name == "fetal head" else LESION_MEASURES if finding.name in FOCAL else ()
        if measures and count == 1 and finding.outlined:
            parts.append(", ".join(f"{m} [MEAS]" for m in measures) + ".")
            targets += [finding.name] * len(measures)
        if "class" in finding.attributes:
            parts.append(f"assessment: {finding.attributes['class']}.")
    focal = {"breast": "breast lesion", "phantom": "lesion"}.get(organ)
    if not findings and focal in absent:
        parts.append(f"no {focal} seen.")
    if "class" in attributes:
        parts.append(f"assessment: {attributes['class']}.")
    return Turn("report", " ".join(parts), tuple(targets))


def stated(key: str, value: str) -> str:
    """A descriptor in words: "margin circumscribed", "no posterior features", "microcalcifications"."""
    if value in NOTHING:
        return f"no {key}"
    return value if key in value else f"{key} {value}"


def questions(
    organ: str,
    findings: tuple[Finding, ...],
    absent: tuple[str, ...],
    attributes: Mapping[str, str],
    rng: np.random.Generator,
) -> Iterator[Turn]:
    """Every kind of question that the annotation answers, in varied words."""

    def pick(*choices: str) -> str:
        return choices[rng.integers(len(choices))]

    if organ:
        yield Turn(pick("which organ is shown?", "what is scanned here?", "what does this image show?"), organ)
    for finding in findings:
        name, count, phrase = finding.name, finding.count, word(finding.name, rng)
        place = finding.place
        yield Turn(pick(f"is there a {phrase}?", f"do you see a {phrase}?", f"is a {phrase} present?", f"any {phrase}?"), "yes")
        yield Turn(f"is there a {phrase}, and where?", f"yes, in the {place} [SEG]", (name,))
        yield Turn(pick(f"where is the {phrase}?", f"where do you see the {phrase}?"), f"in the {place} [SEG]", (name,))
        yield Turn(pick(f"how many {plural(phrase)}?", f"count the {plural(phrase)}"), number(count))
        yield Turn(pick(f"outline the {phrase}", f"show me the {phrase}", f"mark the {phrase}"), "[SEG]", (name,))
        yield Turn(pick(f"box the {phrase}", f"put a box around the {phrase}"), "[DET]", (name,))
        if name in FOCAL and count == 1 and finding.outlined:
            size = "longest diameter [MEAS], perpendicular diameter [MEAS]"
            yield Turn(pick(f"how big is the {phrase}?", f"what size is the {phrase}?"), size, (name, name))
        if name == "fetal head" and count == 1 and finding.outlined:
            for measure in HEAD_MEASURES:
                yield Turn(pick(f"what is the {measure}?", f"measure the {measure}"), f"{measure} [MEAS]", (name,))
        for key in DESCRIPTORS:
            if key in finding.attributes:
                yield Turn(pick(f"what is the {key} of the {phrase}?", f"{key}?"), finding.attributes[key])
        kind = finding.attributes.get("class")
        if kind in ("benign", "malignant"):
            yield Turn(pick(f"is the {phrase} benign or malignant?", "benign or malignant?"), kind)
        elif kind:
            yield Turn(pick(f"what kind of {phrase} is it?", f"which type of {phrase}?"), kind)
    for name in absent:
        phrase = word(name, rng)
        yield Turn(pick(f"is there a {phrase}?", f"do you see a {phrase}?", f"is a {phrase} present?", f"any {phrase}?"), "no")
        yield Turn(pick(f"is there a {phrase}, and where?", f"where is the {phrase}?"), "not in this image")
        yield Turn(pick(f"how many {plural(phrase)}?", f"count the {plural(phrase)}"), "none")
    if "class" in attributes:
        yield Turn("what is the assessment?", attributes["class"])
