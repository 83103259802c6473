"""The words left and right of a text whose image was flipped."""

from __future__ import annotations

import re
from dataclasses import replace

from umind.schema.sample import Exchange

OTHER = {"left": "right", "right": "left", "左": "右", "右": "左"}
CHAMBER = r"(?:\s?(?:and|or|/)\s?(?:left|right))?[\s-]+(?:ventric|atri|heart|coronary|bundle)"
ENGLISH = (
    r"(?<![a-z])(?<!\ball )(?:left|right)"  # no letter before: bright, upright, copyright
    r"(?=(?:wards?|most|hand(?:ed)?)?(?![a-z]))"  # and none behind but these: leftover, righteous
    rf"(?!{CHAMBER})(?![\s-]angle)(?!\s(?:away|now|after)\b)"
)
CHINESE = r"左(?![右心室房旋])|(?<![左座])右(?![心室房旋])"
SIDE = re.compile(f"{ENGLISH}|{CHINESE}", re.IGNORECASE)


def mirror_words(text: str) -> str:
    """Swap left and right, 左 and 右, each in its own case; other words, and words of them, stay.

    Names of unpaired parts stay as well, as a flip does not make a left ventricle a right one, and so do phrases that are no
    sides: "right angle", "左右" (about), "左旋" (levo-). The past of "to leave" and abbreviations ("Lt", "RUQ") are not told
    apart: "nothing is left" becomes "nothing is right".
    """
    return SIDE.sub(lambda found: in_case_of(found[0], OTHER[found[0].lower()]), text)


def in_case_of(pattern: str, word: str) -> str:
    """A word in small letters, capitalised or in capitals as another one is."""
    return word.upper() if pattern.isupper() else word.capitalize() if pattern[0].isupper() else word


def mirror_exchange(exchange: Exchange) -> Exchange:
    """A question about the flipped image; the order of the options stays."""
    return replace(
        exchange,
        question=mirror_words(exchange.question),
        answer=mirror_words(exchange.answer),
        options=tuple(map(mirror_words, exchange.options)),
    )
