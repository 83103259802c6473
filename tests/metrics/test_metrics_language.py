"""BLEU and ROUGE against counts by hand and loops over n-grams."""

# ruff: noqa: RUF001  # Chinese punctuation is what is tested
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.metrics import language
from umind.metrics.language import bleu, chinese_words, rouge

WORDS = ("a", "oval", "irregular", "mass", "nodule", "cyst", "in", "the", "left", "right", "breast", "with", "shadow")
seeds = st.integers(0, 2**16)


@settings(max_examples=40)
@given(seed=seeds, order=st.integers(1, 4))
def test_bleu_equals_a_loop(seed: int, order: int) -> None:
    predicted, truth = corpus(seed)
    pairs = [(p.split(), t.split()) for p, t in zip(predicted, truth, strict=True)]
    assert bleu(predicted, truth, order) == pytest.approx(bleu_by_loop(pairs, order), abs=1e-6)


def test_bleu_of_papineni() -> None:
    """Papineni et al. 2002, example 2: seven times "the" against "The cat is on the mat." has a modified precision of 2/7."""
    assert bleu(["the the the the the the the"], ["The cat is on the mat"], 1) == pytest.approx(2 / 7, abs=1e-6)


def test_bleu_of_chinese_takes_characters() -> None:
    predicted, truth = "左侧见低回声结节", "右侧见低回声结节"
    pairs = [(list(predicted), list(truth))]
    for order in (1, 2, 3, 4):
        assert bleu([predicted], [truth], order, language="zh") == pytest.approx(bleu_by_loop(pairs, order), abs=1e-6)
    assert bleu([predicted], [truth], 1) == 0  # as English it would be one word


@settings(max_examples=40)
@given(seed=seeds)
def test_rouge_equals_a_loop(seed: int) -> None:
    predicted, truth = corpus(seed)
    pairs = [(p.split(), t.split()) for p, t in zip(predicted, truth, strict=True)]
    got = rouge(predicted, truth)
    for order, value in ((1, got.unigrams), (2, got.bigrams)):
        by_loop = [f1(overlap(p, t, order), len(p) - order + 1, len(t) - order + 1) for p, t in pairs]
        assert value == pytest.approx(sum(by_loop) / len(by_loop), abs=1e-6)
    by_loop = [f1(common(p, t), len(p), len(t)) for p, t in pairs]
    assert got.longest == pytest.approx(sum(by_loop) / len(by_loop), abs=1e-6)
    turned = rouge(truth, predicted)
    assert (turned.unigrams, turned.longest) == pytest.approx((got.unigrams, got.longest), abs=1e-6)
    assert got.bigrams <= got.unigrams + 1e-6
    assert got.longest <= got.unigrams + 1e-6


def test_rouge_of_lin() -> None:
    """Lin 2004, section 3.1: against "police killed the gunman", "police kill the gunman" has ROUGE-L 3/4, the other 2/4."""
    truth = ["police killed the gunman"]
    assert rouge(["police kill the gunman"], truth).longest == pytest.approx(0.75)
    assert rouge(["the gunman kill police"], truth).longest == pytest.approx(0.5)
    assert rouge(["police kill the gunman"], truth).bigrams == pytest.approx(rouge(["the gunman kill police"], truth).bigrams)


def test_rouge_of_chinese_takes_characters() -> None:
    got = rouge(["左侧结节12mm"], ["右侧结节，12mm。"])
    assert got.unigrams == pytest.approx(4 / 5)  # four of five tokens, the last of which is 12mm
    assert got.longest == pytest.approx(4 / 5)


def test_chinese_by_words() -> None:
    predicted, truth = "左侧甲状腺结节，12mm。", "右侧甲状腺结节，12mm。"
    words = (["左侧", "甲状腺", "结节", "，", "12mm", "。"], ["右侧", "甲状腺", "结节", "，", "12mm", "。"])
    assert (chinese_words(predicted), chinese_words(truth)) == words
    for order in (1, 2, 3, 4):
        assert bleu([predicted], [truth], order, language="zh-words") == pytest.approx(bleu_by_loop([words], order), abs=1e-6)
    assert rouge([predicted], [truth], language="zh-words").unigrams == pytest.approx(3 / 4)  # marks are no words
    assert rouge([predicted], [truth]).unigrams == pytest.approx(7 / 8)


def test_chinese_by_words_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "find_spec", lambda name: None)
    language._segmenter.cache_clear()
    for score in (bleu, rouge):
        with pytest.raises(ImportError, match=r"pip install 'umind\[chinese\]'"):
            score(["结节"], ["结节"], language="zh-words")
        score(["结节"], ["结节"], language="zh")


def test_missing_answers_count() -> None:
    truth = ["an oval hypoechoic mass", "a simple cyst in the left breast"]
    assert bleu(truth, truth) == pytest.approx(1)
    assert rouge(truth, truth).longest == pytest.approx(1)
    assert rouge([truth[0], None], truth).unigrams == rouge([truth[0], ""], truth).unigrams == pytest.approx(0.5)
    assert bleu([truth[0], None], truth, 1) == pytest.approx(math.exp(1 - 11 / 4), abs=1e-6)  # all right, and far too short
    assert bleu([None, None], truth) == 0


def test_planted_faults() -> None:
    truth = ["an oval hypoechoic mass in the left breast with shadow"]
    for faulty in ("an oval hypoechoic mass in the right breast with shadow", "an oval hypoechoic mass with shadow"):
        assert bleu([faulty], truth) < 0.9
        assert max(vars(rouge([faulty], truth)).values()) < 0.95


def test_undefined_and_refused() -> None:
    assert math.isnan(bleu([], []))
    assert math.isnan(rouge([], []).longest)
    for score in (bleu, rouge):
        with pytest.raises(ValueError, match="1 predictions for 0"):
            score(["a"], [])
        with pytest.raises(ValueError, match="reference is empty"):
            score(["a"], [" "])
        with pytest.raises(ValueError, match="'fr'"):
            score(["a"], ["a"], language="fr")


def corpus(seed: int) -> tuple[list[str], list[str]]:
    """Four texts of at least four words, and what is left of them after some words were changed."""
    draw = random.Random(seed)
    truth = [[draw.choice(WORDS) for _ in range(draw.randint(4, 12))] for _ in range(4)]
    predicted = [
        [word if draw.random() < 0.8 else draw.choice(WORDS) for word in text][: draw.randint(4, 12)] for text in truth
    ]
    return [" ".join(text) for text in predicted], [" ".join(text) for text in truth]


def ngrams(words: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))


def overlap(first: list[str], second: list[str], order: int) -> int:
    return (ngrams(first, order) & ngrams(second, order)).total()


def bleu_by_loop(pairs: list[tuple[list[str], list[str]]], order: int) -> float:
    product = 1.0
    for n in range(1, order + 1):
        right = sum(overlap(p, t, n) for p, t in pairs)
        product *= (right / sum(max(len(p) - n + 1, 0) for p, _ in pairs)) ** (1 / order)
    given, wanted = (sum(map(len, side)) for side in zip(*pairs, strict=True))
    return product * min(1.0, math.exp(1 - wanted / given))


def common(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence."""
    best = [0] * (len(second) + 1)
    for word in first:
        row = [0]
        for j, other in enumerate(second):
            row.append(best[j] + 1 if word == other else max(best[j + 1], row[-1]))
        best = row
    return best[-1]


def f1(right: int, stated: int, true: int) -> float:
    return 2 * right / (stated + true)
