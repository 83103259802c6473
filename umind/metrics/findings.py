"""What a report states, read by rules: findings with side and negation, numbers with unit, each compared with the reference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.optimize import linear_sum_assignment

from umind.metrics.text import Quantity, quantities_of

OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "lesion": r"lesions?|mass(?:es)?|nodules?|tumou?rs?|病灶|病变|结节|肿块|肿物|包块|占位",
        "cyst": r"cysts?|cystic|囊性|囊肿",
        "calcification": r"(?:micro|macro)?calcifi(?:cations?|ed)|钙化",
        "abnormality": r"abnormal(?:ity|ities)?|异常",
        "fetal head": r"f(?:o?etal|etus) (?:head|skull|cranium)|胎头",
        "ovary": r"ovar(?:y|ies)|卵巢",
        "nerve": r"nerves?|神经",
        "carotid artery": r"carotid(?: arter(?:y|ies))?|颈总动脉|颈动脉",
        "thyroid gland": r"thyroid (?:gland|lobe)|甲状腺(?:侧叶|腺体)",
    }
)
"""Things that have a side: name to pattern, English and Chinese."""
PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        "benign": r"benign|良性",
        "malignant": r"malignan(?:t|cy)|cancer|carcinoma|恶性|癌",
        "normal": r"normal|unremarkable|正常",
        "solid": r"solid|实性",
        "oval": r"oval|elliptical|椭圆",
        "round": r"round|类?圆形",
        "irregular": r"irregular|不规则",
        "regular": r"regular|规则",
        "posterior features": r"posterior (?:acoustic )?features?",
        "not circumscribed": r"(?:not|non)[- ]circumscribed|(?:ill|poorly|not well)[- ]defined|indistinct"
        r"|边[界缘](?:[不欠]清晰?|模糊)",
        "circumscribed": r"circumscribed|well[- ]defined|smooth|边[界缘](?:清晰|清楚|光滑|平滑)",
        "spiculated": r"spiculat(?:ed|ion|ions)|毛刺",
        "angular": r"angular|成角",
        "lobulated": r"(?:micro)?lobulated|分叶",
        "anechoic": r"anechoic|无回声",
        "hypoechoic": r"hypoecho(?:ic|genic(?:ity)?)|低回声",
        "isoechoic": r"isoecho(?:ic|genic(?:ity)?)|等回声",
        "hyperechoic": r"hyperecho(?:ic|genic(?:ity)?)|高回声|强回声",
        "complex cystic and solid": r"complex cystic(?: ?/ ?| and )solid|囊实性",
        "heterogeneous": r"heterogeneous|inhomogeneous|[欠不]均匀?",
        "homogeneous": r"homogeneous|均匀",
        "enhancement": r"(?:posterior |acoustic )*enhancement|后方\w{0,6}增强",
        "combined pattern": r"combined (?:posterior |acoustic )*(?:pattern|features?)|(?<=posterior features )combined",
        "shadowing": r"(?:posterior |acoustic )*shadow(?:s|ing)?|声影",
        "taller than wide": r"taller[- ]than[- ]wide|(?:not|non)[- ]?parallel|不平行",
        "wider than tall": r"wider[- ]than[- ]tall|parallel|平行",
        "vascularity": r"vascular(?:ity|ised|ized)?|(?:blood )?flow|血流",
        "halo": r"halo|声晕|光环",
    }
)
"""What is said of a thing or of the whole image; it takes no side."""
_NAMES = (*OBJECTS, *PROPERTIES)
_FINDING = re.compile(
    "|".join(
        f"(?P<f{i}>(?<![a-z])(?:{pattern})(?![a-z]))" for i, pattern in enumerate((*OBJECTS.values(), *PROPERTIES.values()))
    ),
    re.I,
)
_STOP = r".\u3002;\uff1b!\uff01?\uff1f\n"  # also in full width, as is the comma \uff0c below
_SENTENCE = re.compile(rf"[^{_STOP}]+(?:\.(?=\d)[^{_STOP}]*)*")
_CLAUSE_END = re.compile(r"[,\uff0c、]|\band\b", re.I)
_SCOPE_END = re.compile(r"\uff0c|\b(?:but|however|although|except|while)\b|但", re.I)
_NEGATION = re.compile(r"\b(?:no|not|none|without|absen(?:t|ce) of|negative for|free of)\b|无|未|没有|不伴", re.I)
_DENIED_AFTER = re.compile(
    r"\W*(?:(?:is|are|was|were)\s+)?(?:not\s+(?:seen|visible|identified|detected|present)|absent|none)\b", re.I
)
_SIDE = re.compile(r"(?P<both>\b(?:bilateral|both)\b|[双两]侧)|(?P<left>\bleft\b|左)|(?P<right>\bright\b|右)", re.I)
_BASE = {"cm": ("mm", 10.0), "m": ("mm", 1e3), "cm2": ("mm2", 100.0), "kg": ("g", 1e3)}


@dataclass(frozen=True)
class StatedFinding:
    """A finding as a text states it.

    Args:
        name: Key of `OBJECTS` or `PROPERTIES`.
        side: ``"left"``, ``"right"``, ``"both"``, or empty: none is told, or none is taken.
        present: False where the text denies it.
    """

    name: str
    side: str
    present: bool


@dataclass(frozen=True)
class Agreed:
    """Statements of predictions compared with those of references, over all texts.

    Args:
        num_right: Statements in both.
        num_stated: Statements of the predictions.
        num_true: Statements of the references.
        num_unparsed: Texts without a single statement where the reference has one; all of its statements are missed.
    """

    num_right: int
    num_stated: int
    num_true: int
    num_unparsed: int

    @property
    def f1(self) -> float:
        """``2 right / (stated + true)``; NaN when nobody states anything."""
        total = self.num_stated + self.num_true
        return 2 * self.num_right / total if total else float("nan")


def findings_of(text: str) -> frozenset[StatedFinding]:
    """Findings of a text in English or Chinese.

    A negation reaches forward to the end of its sentence, over commas and "or", but not past "but" or a full-width comma (after
    NegEx, Chapman et al. 2001); "is not seen" and its like reach back to the finding before them. A side is the nearest in the
    same clause, else the last one before in the sentence, else the first one after; what is denied takes none.
    """
    return frozenset(finding for sentence in _SENTENCE.findall(text) for finding in _findings_of_sentence(sentence))


def compare_findings(predicted: Sequence[str | None], truth: Sequence[str]) -> Agreed:
    """Findings in common: name, side and presence have to agree, so that a wrong side is an error on both counts.

    Args:
        predicted: Texts; None is an answer without any statement.
        truth: References.

    Raises:
        ValueError: The two sequences differ in length.
    """
    rows = []
    for given, reference in zip(predicted, truth, strict=True):
        stated, true = findings_of(given or ""), findings_of(reference)
        rows.append((len(stated & true), len(stated), len(true)))
    return _summed(rows)


def compare_numbers(predicted: Sequence[str | None], truth: Sequence[str], tolerance: float = 0.0) -> Agreed:
    """Numbers in common: each of a text is paired with at most one of its reference, of the same kind and near enough.

    Lengths, areas and masses are compared in millimetres, mm2 and grams, so that 1.2 cm is 12 mm; other units must be the same.

    Args:
        predicted: Texts; None is an answer without any number.
        truth: References.
        tolerance: Largest difference, as a share of the reference.

    Raises:
        ValueError: The two sequences differ in length, or the tolerance is negative.
    """
    if tolerance < 0:
        raise ValueError(f"a tolerance is not negative, got {tolerance}")
    rows = []
    for given, reference in zip(predicted, truth, strict=True):
        stated, true = ([_in_base(quantity) for quantity in quantities_of(text)] for text in (given or "", reference))
        near = np.array([[_is_near(s, t, tolerance) for t in true] for s in stated]).reshape(len(stated), len(true))
        rows.append((int(near[linear_sum_assignment(near, maximize=True)].sum()), len(stated), len(true)))
    return _summed(rows)


def _summed(rows: Sequence[tuple[int, int, int]]) -> Agreed:
    right, stated, true = np.array(rows, int).reshape(-1, 3).T
    return Agreed(int(right.sum()), int(stated.sum()), int(true.sum()), num_unparsed=int(((stated == 0) & (true > 0)).sum()))


def _in_base(quantity: Quantity) -> Quantity:
    unit, factor = _BASE.get(quantity.unit, (quantity.unit, 1.0))
    return Quantity(quantity.value * factor, unit)


def _is_near(stated: Quantity, true: Quantity, tolerance: float) -> bool:
    """Same unit and within the tolerance, rounding of the conversion aside."""
    return stated.unit == true.unit and abs(stated.value - true.value) <= (tolerance + 1e-9) * abs(true.value)


def _findings_of_sentence(sentence: str) -> list[StatedFinding]:
    matches = list(_FINDING.finditer(sentence))
    rest = _FINDING.sub(lambda match: "#" * len(match[0]), sentence)  # the "not" of "not circumscribed" denies nothing else
    negations = [(match.start(), _end_of(_SCOPE_END, rest, match.end())) for match in _NEGATION.finditer(rest)]
    sides = [(match.start(), match.lastgroup or "") for match in _SIDE.finditer(rest)]
    found = []
    for match in matches:
        assert match.lastgroup is not None
        name, start = _NAMES[int(match.lastgroup[1:])], match.start()
        denied = any(first < start < last for first, last in negations) or bool(_DENIED_AFTER.match(rest, match.end()))
        sided = name in OBJECTS and not denied
        found.append(StatedFinding(name, _nearest_side(rest, start, sides) if sided else "", not denied))
    return found


def _nearest_side(sentence: str, start: int, sides: Sequence[tuple[int, str]]) -> str:
    begin = max((match.end() for match in _CLAUSE_END.finditer(sentence, 0, start)), default=0)
    end = _end_of(_CLAUSE_END, sentence, start)
    inside = [(abs(place - start), side) for place, side in sides if begin <= place < end]
    if inside:
        return min(inside)[1]
    before = [side for place, side in sides if place < start]
    return before[-1] if before else sides[0][1] if sides else ""


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where the first match at or after ``start`` begins, else the end of the text."""
    match = pattern.search(text, start)
    return match.start() if match else len(text)
