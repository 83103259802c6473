"""A header after the profile: what stays is copied value by value into a new data set, so that nothing else can come along."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import generate_uid

from umind.deid.profile import PRESENT, PROFILE, REBUILT, UIDS

IDENTIFIERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "PatientBirthDate")
"""Attributes whose value is looked for in the texts that stay; beside them every person's name is."""
LEAST_TERM = 4
"""Letters from which a part of an identity is looked for inside words, too."""
TEXTS = frozenset({"CS", "LO", "SH", "DS", "IS", "UI"})
NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD"})
"""Value representations that are kept at all."""
CODE = re.compile(r"[A-Z0-9_ ]{0,16}")
NUMBER = re.compile(r"[-+0-9.eE]+")
STANDARD = re.compile(r"1\.2\.840\.10008(\.[0-9]+)+")
"""UIDs that the standard itself defines, PS3.6 annex A."""


@dataclass
class Pseudonyms:
    """Replacements that hold for every file of one call and are forgotten after it: nobody can go back.

    Args:
        uids: New UID by old one.
        patients: Pseudonym by what the file called the patient.
    """

    uids: dict[str, str] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)

    def uid(self, old: str) -> str:
        """A random UID (PS3.5 B.2), the same for the same old one; a new one for an empty one."""
        return self.uids.setdefault(old, generate_uid(prefix=None)) if old else generate_uid(prefix=None)

    def patient(self, old: str) -> str:
        """``"patient-001"`` and so on, in order of appearance."""
        return self.patients.setdefault(old, f"patient-{len(self.patients) + 1:03d}")


@dataclass
class Tally:
    """How often each attribute was removed, emptied or replaced, at any depth; keywords only, never a value.

    Args:
        removed: By keyword; private attributes are counted together, unknown ones by their tag.
        emptied: Where a type 2 attribute held something.
        replaced: UIDs, the patient's name and number.
    """

    removed: Counter[str] = field(default_factory=Counter)
    emptied: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)


def cleaned(header: Dataset, pseudonyms: Pseudonyms) -> tuple[Dataset, Tally]:
    """A new data set with what the profile keeps, and the count of what it does not.

    A text that stays in principle goes all the same when it holds a part of a name or number of the patient, or what its value
    representation does not allow.

    Args:
        header: Data set up to the pixels; stays as it is.
        pseudonyms: Of the call.
    """
    tally = Tally()
    kept = copied(header, pseudonyms, Terms.of(header), tally)
    for keyword in PRESENT:
        if keyword not in kept:
            setattr(kept, keyword, None)
    for keyword in UIDS[:3]:
        if keyword not in kept:
            setattr(kept, keyword, pseudonyms.uid(""))
    name = pseudonyms.patient(identity(header))
    kept.PatientName = kept.PatientID = name
    return kept, tally


def copied(header: Dataset, pseudonyms: Pseudonyms, terms: Terms, tally: Tally) -> Dataset:
    """What the profile keeps of a data set or an item, with its sequences."""
    kept = Dataset()
    for tag in header.keys():  # noqa: SIM118 (iterating a data set would decode every element)
        keyword = keyword_for_tag(tag)
        match "X" if tag.is_private else PROFILE.get(keyword, "X"):
            case "K":
                element = readable(header, tag)
                if element is not None and element.VR == "SQ":
                    items = [copied(item, pseudonyms, terms, tally) for item in element.value]
                    kept.add(DataElement(tag, "SQ", Sequence(items)))
                elif element is not None and is_harmless(element, terms):
                    kept.add(DataElement(tag, element.VR, element.value))
                else:
                    tally.removed[keyword] += 1
            case "U":
                element = readable(header, tag)
                kept.add(DataElement(tag, "UI", pseudonyms.uid(str(element.value) if element else "")))
                tally.replaced[keyword] += 1
            case "Z":
                tally.emptied[keyword] += 1
            case "D":
                tally.replaced[keyword] += 1
            case _:
                if keyword not in REBUILT:
                    tally.removed[name_of(tag)] += 1
    return kept


def readable(header: Dataset, tag: BaseTag) -> DataElement | None:
    """An element; None when there is none, or its value cannot be decoded."""
    try:
        return header.get(tag)
    except Exception:  # pydicom raises nearly anything on a damaged value, and what cannot be read is not kept
        return None


def name_of(tag: BaseTag) -> str:
    """Keyword of a tag; ``"private"`` for those of a maker, the number for those that no edition of the standard has."""
    return "private" if tag.is_private else keyword_for_tag(tag) or str(tag)


def is_harmless(element: DataElement, terms: Terms) -> bool:
    """True when a value has the form that the standard gives it, and no part of the patient's identity in it."""
    if element.VR not in dictionary_VR(element.tag) or element.VR not in TEXTS | NUMBERS:
        return False
    if element.VM > 1 and dictionary_VM(element.tag) == "1":
        return False
    if element.VR in NUMBERS:
        return True
    return all(is_plain(str(part), element.VR) and not terms.touch(str(part)) for part in parts_of(element))


def parts_of(element: DataElement | None) -> list[object]:
    """The values of an element; none of an empty or missing one."""
    if element is None or element.VM == 0:
        return []
    return list(element.value) if element.VM > 1 else [element.value]


def is_plain(text: str, representation: str) -> bool:
    """True when a text keeps to its value representation (PS3.5 6.2)."""
    if representation == "CS":
        return CODE.fullmatch(text) is not None
    if representation == "UI":
        return STANDARD.fullmatch(text) is not None
    return len(text) <= 64 and text.isascii() and text.isprintable()


@dataclass(frozen=True)
class Terms:
    """What names the patient or another person of a file.

    Args:
        words: Parts of names and whole numbers, in lower case.
    """

    words: frozenset[str]

    @classmethod
    def of(cls, header: Dataset) -> Terms:
        """The parts of every name in a header, however deep, and the patient's numbers."""
        words = {word for name in names_in(header) for word in words_of(name)}
        for keyword in IDENTIFIERS:
            words.update(str(part).strip().lower() for part in parts_of(readable(header, Tag(keyword))))
        return cls(frozenset(word for word in words if len(word) > 1))

    def touch(self, text: str) -> bool:
        """True when a text holds one of them, as a word or, if it is long, inside a word; or is a number that is a long one."""
        lower = text.lower()
        if NUMBER.fullmatch(text):
            return len(text) >= LEAST_TERM and lower in self.words
        return not self.words.isdisjoint(words_of(text)) or any(word in lower for word in self.words if len(word) >= LEAST_TERM)


def words_of(text: str) -> set[str]:
    """The words of a text in lower case."""
    return set(re.findall(r"\w+", text.lower()))


def names_in(header: Dataset) -> Iterator[str]:
    """Every person's name in a data set and its sequences."""
    for tag in header.keys():  # noqa: SIM118
        raw = header.get_item(tag, keep_deferred=True)
        representation = raw.VR or (dictionary_VR(tag) if keyword_for_tag(tag) else "")
        element = readable(header, tag) if representation in ("PN", "SQ") else None
        if element is None:
            continue
        if element.VR == "SQ":
            for item in element.value:
                yield from names_in(item)
        else:
            yield from map(str, parts_of(element))


def identity(header: Dataset) -> str:
    """What tells patients apart: the number, else the name, else the study."""
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID"):
        value = "".join(map(str, parts_of(readable(header, Tag(keyword))))).strip()
        if value:
            return f"{keyword} {value}"
    return f"unnamed {generate_uid(prefix=None)}"
