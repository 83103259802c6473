"""Words: plurals, and phrases that mean one thing."""

from collections import Counter

import numpy as np
import pytest

from umind.data.wording import FOCAL, MEASURES, WORDINGS, plural, say, say_measure


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("cyst", "cysts"),
        ("breast mass", "breast masses"),
        ("ovary", "ovaries"),
        ("common carotid artery", "common carotid arteries"),
        ("abnormality", "abnormalities"),
        ("lesion in the breast", "lesions in the breast"),
        ("tumour of the ovary", "tumours of the ovary"),
        ("lumen of the carotid artery", "lumens of the carotid artery"),
        ("cca", "cca"),
    ],
)
def test_plural(one: str, many: str) -> None:
    assert plural(one) == many


def test_plural_of_plexus() -> None:
    assert plural("nerve plexus") == "nerve plexuses"


def test_a_phrase_means_one_thing() -> None:
    phrases = Counter(phrase for wordings in WORDINGS.values() for phrase in set(wordings))
    assert [phrase for phrase, count in phrases.items() if count > 1] == []
    assert all(name in wordings for name, wordings in WORDINGS.items())
    assert set(FOCAL) <= set(WORDINGS)


@pytest.mark.parametrize("name", WORDINGS)
def test_say_keeps_to_the_wordings(name: str) -> None:
    rng = np.random.default_rng(0)
    allowed = {form for phrase in WORDINGS[name] for form in (phrase, plural(phrase), f"the {phrase}")}
    said = {say(name, rng) for _ in range(300)}
    assert said <= allowed
    assert name in said
    assert len(said) > 3
    assert say("unheard-of structure", np.random.default_rng(1)).startswith(("unheard-of structure", "the unheard-of"))


@pytest.mark.parametrize("name", MEASURES)
def test_say_measure_names_its_target(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        said = say_measure(name, "cyst", rng)
        assert any(words in said for words in MEASURES[name])
        if name in ("longest diameter", "perpendicular diameter", "area"):
            assert any(words in said for words in WORDINGS["cyst"])
