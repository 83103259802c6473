"""An annotated view becomes one packed sequence of questions, with the truth of every task token in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from umind.data.conversation import HEAD_MEASURES, Finding, Turn, questions, sentences
from umind.data.instruct import KINDS, OPTIONS, Case, speak
from umind.data.labelled import Facts, Labelled
from umind.data.wording import FOCAL, OWN, say, say_measure, word
from umind.geometry.ellipse import ellipse_of_mask
from umind.tasks import classify, detect, keypoints, measure, report, segment
from umind.tokens.template import Block
from umind.tokens.vocabulary import KPT, REGION_TOKENS, TASK_TOKENS

ORGANS = ("breast", "thyroid", "lung", "liver", "neck", "limb")
"""What is scanned, where that is not also the name of a structure that is outlined."""
MIN_PIXELS = 24
"""Instances smaller than this in the model frame are cut off by the view's edge, and ignored."""
LESIONS = (*FOCAL, "lesion")
MAX_REGIONS = 2
"""Findings of a view that are segmented or detected."""
OWN_WORDS = 0.5
"""Share of the free questions that are a set's own, where it has any."""
SENTENCES = 0.5
"""Share of the free questions, without reports, that are answered in whole sentences."""
TASK_TOKEN = "|".join(map(re.escape, TASK_TOKENS))


@dataclass(frozen=True, eq=False)
class RegionTruth:
    """Truth of one region token.

    Args:
        masks: Instances, largest first, ``(N, S, S)``.
        present: The phrase is in the image.
        outlined: All its instances are outlined, those of an absent phrase too; an organ is there without an outline.
        boxes: xyxy of further instances that are boxed and not outlined, ``(B, 4)``.
    """

    masks: Bool[np.ndarray, "n s s"]
    present: bool
    outlined: bool = True
    boxes: Float[np.ndarray, "b 4"] = field(default_factory=lambda: np.zeros((0, 4), np.float32))


@dataclass(frozen=True, eq=False)
class Example:
    """A view with its questions.

    Args:
        pixels: Grey model frame, ``(S, S)``.
        blocks: Questions with their responses.
        regions: Truth of every region token of the responses, in order.
        points: xy in model pixels of every ``[KPT]`` token's point for every instance in turn, ``(P, 2)``.
        stretch: True lengths over those of the masks.
        choices: Blocks that give one question different answers, by their places; the first of each choice is right, and the
            others are there to be told from it.
    """

    pixels: UInt8[np.ndarray, "s s"]
    blocks: tuple[Block, ...]
    regions: tuple[RegionTruth, ...]
    points: Float[np.ndarray, "p 2"]
    stretch: float = 1.0
    choices: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """What a view shows: the findings that are still in it, what is not there, and what the set itself says of it."""

    facts: Facts
    findings: tuple[Finding, ...]
    absent: tuple[str, ...]
    size: int
    said: tuple[Turn, ...] = ()
    report: str = ""

    def finding(self, name: str) -> Finding | None:
        """A finding by canonical name; "lesion" is all focal ones together, and what a set itself calls so."""
        if name != "lesion":
            return next((f for f in self.findings if f.name == name), None)
        focal = [f for f in self.findings if f.name in LESIONS]
        if not focal:
            return None
        masks = np.concatenate([f.masks for f in focal])
        order = np.argsort(-masks.sum((1, 2)), kind="stable")
        boxes = sizeable(np.concatenate([f.boxes for f in focal]))
        return Finding("lesion", masks[order], focal[0].attributes if len(focal) == 1 else {}, boxes)

    def masks(self, name: str) -> Bool[np.ndarray, "n s s"]:
        """Instances of a canonical name; none when it is absent."""
        finding = self.finding(name)
        return finding.masks if finding else np.zeros((0, self.size, self.size), bool)

    def truth(self, name: str) -> RegionTruth:
        """Truth of a region token that stands for a name; a set may outline what is an organ elsewhere."""
        finding, masks = self.finding(name), self.masks(name)
        if name in (*ORGANS, "organ") and not (finding or name in self.absent):
            return RegionTruth(masks, present=name in (self.facts.organ, "organ"), outlined=False)
        if finding is None:
            return RegionTruth(masks, present=False)
        return RegionTruth(masks, present=True, outlined=finding.outlined, boxes=finding.boxes)


def observe(view: Labelled) -> Scene:
    """Read the findings off a label map and its boxes."""
    findings, number, first = [], 0, 0
    gone: list[str] = []
    structures = view.facts.structures
    for (name, count, attributes), boxed in zip(structures, view.facts.boxed or (0,) * len(structures), strict=True):
        if not count + boxed:  # boxed, in a store that keeps no boxes: neither a finding nor a negative
            continue
        masks = view.labels == np.arange(number + 1, number + count + 1).astype(np.uint8)[:, None, None]
        number += count
        area = masks.sum((1, 2))
        order = [k for k in np.argsort(-area, kind="stable") if area[k] >= MIN_PIXELS]
        boxes = sizeable(view.boxes[first : first + boxed])
        first += boxed
        if len(order) + len(boxes):
            findings.append(Finding(name, masks[order], attributes, boxes))
        else:
            gone.append(name)
    focal = any(f.name in LESIONS for f in findings)
    absent = [name for name in view.facts.absent if name not in gone and not (name == "lesion" and focal)]
    if not focal and any(name in FOCAL for name in absent) and "lesion" not in absent and not gone:
        absent.append("lesion")
    turns = [Turn(exchange.asked, without_tokens(exchange.answer)) for exchange in view.exchanges]
    said = tuple(turn for turn in turns if turn.question and turn.answer)
    return Scene(view.facts, tuple(findings), tuple(absent), view.labels.shape[0], said, without_tokens(view.report))


def without(scene: Scene, names: frozenset[str]) -> Scene:
    """A scene that says nothing of some names, neither that they are there nor that they are not."""
    findings = tuple(finding for finding in scene.findings if finding.name not in names)
    facts = replace(scene.facts, organ="") if scene.facts.organ in names else scene.facts
    return replace(scene, facts=facts, findings=findings, absent=tuple(n for n in scene.absent if n not in names))


def sizeable(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "b 4"]:
    """Boxes that the view does not cut off, largest first."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    order = [k for k in np.argsort(-area, kind="stable") if area[k] >= MIN_PIXELS]
    return boxes[order]


def without_tokens(text: str) -> str:
    """A set's own words without task tokens: nobody says what those stand for."""
    return " ".join(re.sub(rf"\s*(?:{TASK_TOKEN})", "", text).split())


@dataclass(frozen=True)
class Asked:
    """A question, and the canonical name of what each task token of its response stands for.

    Args:
        block: The question with its response.
        targets: Names, in the order of the tokens.
        rivals: What the response might have been and is not; without task tokens.
    """

    block: Block
    targets: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()


def ask_region(name: str, rng: np.random.Generator) -> Asked:
    """Segment or detect."""
    task = (segment, detect)[rng.integers(2)]
    return Asked(task.block(say(name, rng)), (name,))


def ask_measure(name: str, rng: np.random.Generator) -> Asked:
    """A measurement of a head or of a focal lesion."""
    kinds = (
        (*HEAD_MEASURES, "cephalic index") if name == "fetal head" else ("longest diameter", "perpendicular diameter", "area")
    )
    return Asked(measure.block(say_measure(kinds[rng.integers(len(kinds))], name, rng)), (name,))


def ask_keypoints(name: str, rng: np.random.Generator) -> Asked:
    """Axis ends."""
    return Asked(keypoints.block(say(name, rng)), (name,) * (1 + len(keypoints.AXIS_ENDS)))


def choose_absent(scene: Scene, rng: np.random.Generator) -> list[str]:
    """One or two names that are not there; where the organ is normal, what it lacks as well: that is hard to tell."""
    if not scene.absent:
        return []
    lacking = [name for name in scene.absent if name in (*OWN.get(scene.facts.organ, ()), "lesion")]
    anything = [scene.absent[rng.integers(len(scene.absent))] for _ in range(2 if rng.random() < 0.5 else 1)]
    return anything + [lacking[rng.integers(len(lacking))] for _ in range(2 if lacking else 0)]


def ask_absent(name: str, rng: np.random.Generator) -> Asked:
    """Segment, detect, measure or point at something that is not there."""
    sized = name in FOCAL or name == "fetal head"
    ask = (ask_measure, ask_keypoints)[rng.integers(2)] if sized and rng.random() < 0.4 else ask_region
    return ask(name, rng)


def ask_whole(facts: Facts, rng: np.random.Generator) -> Asked:
    """Whether what is asked for as a whole, an organ, is what is scanned."""
    others = [organ for organ in ORGANS if organ != facts.organ]
    shown = facts.organ if facts.organ in ORGANS else "organ"
    name = shown if rng.random() < 0.4 else "organ" if rng.random() < 0.2 else others[rng.integers(len(others))]
    return Asked(detect.block(name), (name,))


def ask_class(scene: Scene, name: str, rng: np.random.Generator) -> Asked | None:
    """A descriptor or class that the annotation states, against the others that it might be."""
    finding = scene.finding(name)
    if finding is None or not finding.attributes:
        return None
    keys = sorted(finding.attributes)
    key = "class" if "class" in keys and rng.random() < 0.6 else keys[rng.integers(len(keys))]
    subject, value = word(name, rng), finding.attributes[key]
    own = next((f.name for f in scene.findings if f.name in LESIONS), name) if name == "lesion" else name
    options = OPTIONS.get((own, key), ())
    rivals = tuple(option for option in options if option != value) if value in options else ()
    return Asked(classify.block(subject if key == "class" else f"{key} of {subject}", value), rivals=rivals)


def ask_image(scene: Scene, rng: np.random.Generator) -> Asked | None:
    """What is scanned, or what the whole image shows; None where the set says neither."""
    organ, kind = scene.facts.organ, scene.facts.attributes.get("class")
    if kind and (rng.random() < 0.7 or not organ):
        return Asked(classify.block(organ or "image", kind))
    return Asked(classify.block("organ", organ)) if organ else None


def ask_report(scene: Scene) -> Asked:
    """The set's own report, or what its annotation supports."""
    if scene.report:
        return Asked(report.block(scene.report))
    facts = scene.facts
    written = sentences(facts.organ, scene.findings, scene.absent, facts.attributes)
    return Asked(report.block(written.answer), written.targets)


def ask_in_sentences(scene: Scene, known: tuple[Finding, ...], rng: np.random.Generator) -> Asked | None:
    """A question that is answered in whole sentences, as `umind data instruct` writes them, without lengths in figures."""
    facts = scene.facts
    outlined = tuple(finding for finding in known if finding.outlined)
    case = Case(facts.organ, outlined, scene.absent, facts.attributes, None, {}, OPTIONS)
    kinds = [kind for kind in KINDS if kind != "report" or not (scene.said or scene.report)]
    said = speak(case, rng, kinds)
    return Asked(Block(said.question, said.answer), said.targets) if said else None


def turn(scene: Scene, rng: np.random.Generator) -> Asked:
    """A free question, or the report; a set that answers questions and has no report gets none from us."""
    facts = scene.facts
    if rng.random() < 0.25 and (scene.report or not scene.said):
        return ask_report(scene)
    known = scene.findings
    generic = scene.finding("lesion")
    if generic is not None and rng.random() < 0.3:
        known = (generic,)
    if rng.random() < SENTENCES and (asked := ask_in_sentences(scene, known, rng)):
        return asked
    choices = list(questions(facts.organ, known, scene.absent, facts.attributes, rng))
    if scene.said and (not choices or rng.random() < OWN_WORDS):
        choices = list(scene.said)
    if not choices:
        return ask_report(scene)
    said = choices[rng.integers(len(choices))]
    return Asked(Block(said.question, said.answer), said.targets)


def build_example(
    view: Labelled, rng: np.random.Generator, num_turns: int = 3, unheard: frozenset[str] = frozenset()
) -> Example:
    """Ask a view a handful of questions, none of them about names that are to stay unheard.

    Findings are segmented or detected once, two at random where there are more; one finding is measured, pointed at or
    classified; something absent is asked for; and a few questions are answered in words.
    """
    scene = without(observe(view), unheard)
    many = len(scene.findings) > MAX_REGIONS
    shown = rng.permutation(len(scene.findings))[:MAX_REGIONS] if many else range(len(scene.findings))
    asked: list[Asked] = [ask_region(scene.findings[k].name, rng) for k in shown]
    generic = scene.finding("lesion")
    known = {f.name: f for f in (*scene.findings, *([generic] if generic else []))}
    names = list(known)
    measurable = [name for name, f in known.items() if f.outlined and name in ("fetal head", *LESIONS)]
    if measurable:
        name = measurable[rng.integers(len(measurable))]
        asked.append(ask_measure(name, rng))
        if rng.random() < 0.7:
            asked.append(ask_keypoints(measurable[rng.integers(len(measurable))], rng))
    if "lesion" in names and rng.random() < 0.4:
        asked.append(ask_region("lesion", rng))
    if names and (classed := ask_class(scene, names[rng.integers(len(names))], rng)):
        asked.append(classed)
    asked += [ask_absent(name, rng) for name in choose_absent(scene, rng)]
    if scene.facts.organ and rng.random() < 0.15:
        asked.append(ask_whole(scene.facts, rng))
    if (rng.random() < 0.3 or scene.facts.attributes) and (whole := ask_image(scene, rng)):
        asked.append(whole)
    asked += [turn(scene, rng) for _ in range(num_turns)]
    asked = [question for question in asked if unheard.isdisjoint(question.targets)]
    order = rng.permutation(len(asked))
    return assemble(view.pixels, scene, [asked[k] for k in order])


def assemble(pixels: UInt8[np.ndarray, "s s"], scene: Scene, asked: list[Asked]) -> Example:
    """Attach the truth to every task token of the responses."""
    regions: list[RegionTruth] = []
    points: list[Float[np.ndarray, "2"]] = []
    for question in asked:
        tokens = task_tokens(question.block.response or "")
        for token, name in zip(tokens, question.targets, strict=True):
            if token in REGION_TOKENS:
                regions.append(scene.truth(name))
        if KPT in tokens:
            ends = [axis_ends(mask) for mask in scene.masks(question.targets[0])]
            points += [end[place] for place in range(len(keypoints.AXIS_ENDS)) for end in ends]
    blocks: list[Block] = []
    choices: list[tuple[int, ...]] = []
    for question in asked:
        rivals = [replace(question.block, response=rival) for rival in question.rivals]
        if rivals:
            choices.append(tuple(range(len(blocks), len(blocks) + 1 + len(rivals))))
        blocks += [question.block, *rivals]
    places = np.array(points).reshape(-1, 2)
    return Example(pixels, tuple(blocks), tuple(regions), places, scene.facts.stretch, tuple(choices))


def task_tokens(response: str) -> list[str]:
    """Task tokens of a response, in order."""
    return re.findall(TASK_TOKEN, response)


def axis_ends(mask: Bool[np.ndarray, "s s"]) -> Float[np.ndarray, "4 2"]:
    """Ends of the axes of the mask's ellipse, in the order of ``keypoints.AXIS_ENDS``."""
    ellipse = ellipse_of_mask(mask)
    return np.concatenate([ellipse.long_axis, ellipse.short_axis])
