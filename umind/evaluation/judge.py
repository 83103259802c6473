"""What a written answer is worth, kind of question by kind of question."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from umind.data.conversation import NUMBERS
from umind.data.examples import ORGANS
from umind.evaluation.answers import yes_or_no
from umind.metrics.findings import compare_findings, compare_numbers, findings_of
from umind.metrics.text import exact_match_accuracy, quantities_of

TOLERANCE = 0.1
"""Largest error of a number that counts as right, as a share of the reference."""
NAMED_ORGANS = (*ORGANS, "fetal head", "ovary", "heart", "pelvis", "phantom")
_COUNT = re.compile(rf"(?<![\w.])(?:(?P<none>no|zero|0)|(?P<word>{'|'.join(NUMBERS)})|(?P<digits>\d+))(?!\w|\.\d)")
_PLACE = re.compile(
    r"\b(?:(upper|top|lower|bottom)[ -])?(?:(?:middle|centre|center)[ -])?(left|right)\b"
    r"|\b(upper|top|lower|bottom)[ -](?:centre|center|middle)\b|\b(centre|center|middle)\b"
)
_ROW = {"top": "upper", "bottom": "lower"}
_LETTER = re.compile(r"\W*(?:(?:the )?(?:answer|option)(?: is)?:? )?\(?([a-z])(?:\)|[.:](?!\w)|\W*$)", re.IGNORECASE)

Judge = Callable[[str, str], float | None]
"""From an answer and its reference to its worth in 0..1; None when nothing of the kind can be read from the answer."""


def judge_yes_or_no(text: str, truth: str) -> float | None:
    """Whether both say yes, or both say no."""
    said = yes_or_no(text)
    return None if said is None else float(said is yes_or_no(truth))


def judge_count(text: str, truth: str) -> float | None:
    """Whether the first number, in words or digits, is the same."""
    said = count_of(text)
    return None if said is None else float(said == count_of(truth))


def count_of(text: str) -> int | None:
    """The first count of a text, 0 for "no" and "none"; None without one."""
    found = _COUNT.search(text.casefold())
    if found is None:
        return None
    return 0 if found["none"] else NUMBERS.index(found["word"]) if found["word"] else int(found["digits"])


def judge_place(text: str, truth: str) -> float | None:
    """Whether the first of the nine places that is named is the same."""
    said = place_of(text)
    return None if said is None else float(said == place_of(truth))


def place_of(text: str) -> str | None:
    """The first of the nine places that a text names, as `umind.data.conversation.where` does; None without one."""
    found = _PLACE.search(text.casefold())
    if found is None:
        return None
    row, side, alone, _ = found.groups()
    vertical = row or alone or ""
    return f"{_ROW.get(vertical, vertical)} {side or 'centre'}".strip()


def judge_size(text: str, truth: str) -> float | None:
    """Whether the first number of the reference is stated, and nothing that is none of its numbers, within 10 %."""
    stated = compare_numbers([text], [truth], TOLERANCE)
    if not stated.num_stated:
        return None
    main = quantities_of(truth)[0]
    leads = compare_numbers([text], [f"{main.value} {main.unit}"], TOLERANCE)
    return float(stated.num_right == stated.num_stated and leads.num_right == 1)


def judge_look(text: str, truth: str) -> float | None:
    """F1 of the findings stated."""
    return compare_findings([text], [truth]).f1 if findings_of(text) else None


def judge_words(text: str, truth: str) -> float | None:
    """Whether it is the same text, but for case, spaces and a final full stop."""
    return exact_match_accuracy([text], [truth]) if text.strip() else None


def judge_organ(text: str, truth: str) -> float | None:
    """Whether the organ of the reference is named, and no other."""
    said, true = ({organ for organ in NAMED_ORGANS if re.search(rf"\b{organ}\b", words.casefold())} for words in (text, truth))
    return float(said == true) if said else None


def judge_choice(text: str, truth: str, options: Sequence[str]) -> float | None:
    """Whether the reference is chosen, by its letter or by its words.

    Args:
        text: The answer.
        truth: Letter, words, or both, as "B. oval".
        options: What could be chosen, A first.
    """
    said = choice_of(text, options)
    return None if said is None else float(said == choice_of(truth, options))


def choice_of(text: str, options: Sequence[str]) -> int | None:
    """Place of the option that a text chooses; None when it chooses none, or its letter and its words disagree.

    An option counts as named where no longer option around it is: "circumscribed" is not named by "not circumscribed".
    """
    letter = _LETTER.match(text)
    place = ord(letter[1].upper()) - ord("A") if letter else -1
    lettered = {place} if 0 <= place < len(options) else set()
    longest = sorted(range(len(options)), key=lambda index: -len(options[index]))
    pattern = "|".join(f"(?P<o{index}>(?<!\\w){re.escape(options[index].casefold())}(?!\\w))" for index in longest)
    rest = text[letter.end() :] if letter and lettered else text
    named = {int((match.lastgroup or "o")[1:]) for match in re.finditer(pattern, rest.casefold())}
    chosen = lettered | named
    return chosen.pop() if len(chosen) == 1 else None


JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        "organ": judge_organ,
        "yes or no": judge_yes_or_no,
        "counting": judge_count,
        "where": judge_place,
        "how big": judge_size,
        "describe": judge_look,
        "words": judge_words,
    }
)
"""By kind of question; a single choice needs its options, and has `judge_choice`."""
