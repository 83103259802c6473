"""How alike two wordings are: BLEU and ROUGE, English by words, Chinese by characters or by words.

Scores of Chinese by words depend on who finds the words; here it is jieba, and such scores compare with no others.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from torchmetrics.functional.text import rouge_score, sacre_bleu_score

CHINESE_WORDS = "zh-words"
"""Language of Chinese text that is taken by words."""
_TOKEN = re.compile(r"[\u3400-\u9fff]|[a-z0-9]+")
_WORD = re.compile(r"[\u3400-\u9fff]+|[a-z0-9]+")
_TOKENIZERS: dict[str, Literal["13a", "zh", "none"]] = {"en": "13a", "zh": "zh", CHINESE_WORDS: "none"}


@dataclass(frozen=True)
class Rouge:
    """Mean F1 over texts, in 0..1.

    Args:
        unigrams: ROUGE-1.
        bigrams: ROUGE-2.
        longest: ROUGE-L, longest common subsequence.
    """

    unigrams: float
    bigrams: float
    longest: float


def bleu(predicted: Sequence[str | None], truth: Sequence[str], order: int = 4, *, language: str = "en") -> float:
    """Corpus BLEU (Papineni et al. 2002) with the tokenizers of sacrebleu (Post 2018), by torchmetrics.

    Lower case, not smoothed: 0 when the whole corpus shares no n-gram of the order.

    Args:
        predicted: Texts; None is an empty one, which makes the whole corpus too short and is so counted.
        truth: One reference for each.
        order: Longest n-gram, 1 to 4; all orders weigh the same.
        language: ``"en"`` for sacrebleu's ``13a``, ``"zh"`` for its ``zh``, which takes Chinese by characters, ``"zh-words"``
            for the words and marks that jieba finds.

    Returns:
        In 0..1; NaN for no texts.

    Raises:
        ValueError: The sequences differ in length, a reference is empty, or the language is another.
        ImportError: The language is ``"zh-words"`` and jieba is not installed.
    """
    given = _checked(predicted, truth, language)
    if not given:
        return math.nan
    if language == CHINESE_WORDS:
        given, truth = ([" ".join(chinese_words(text)) for text in texts] for texts in (given, truth))
    references = [[reference] for reference in truth]
    return float(sacre_bleu_score(given, references, order, tokenize=_TOKENIZERS[language], lowercase=True))


def rouge(predicted: Sequence[str | None], truth: Sequence[str], *, language: str = "en") -> Rouge:
    """ROUGE-1, -2 and -L (Lin 2004), F1 of each text, mean over texts, by torchmetrics.

    Tokens are runs of Latin letters and digits in lower case, as in the package rouge-score without stemming, and single
    Chinese characters, or Chinese words, which that package would drop.

    Args:
        predicted: Texts; None is an empty one and scores 0.
        truth: One reference for each.
        language: As for `bleu`; only ``"zh-words"`` makes a difference.

    Returns:
        NaN for no texts.

    Raises:
        ValueError: The sequences differ in length, a reference is empty, or the language is another.
        ImportError: The language is ``"zh-words"`` and jieba is not installed.
    """
    given = _checked(predicted, truth, language)
    if not given:
        return Rouge(math.nan, math.nan, math.nan)
    keys = ("rouge1", "rouge2", "rougeL")
    split: Callable[[str], list[str]] = _word_tokens if language == CHINESE_WORDS else _TOKEN.findall
    scores = rouge_score(given, list(truth), normalizer=str.lower, tokenizer=split, rouge_keys=keys)
    return Rouge(*(float(scores[f"{key}_fmeasure"]) for key in keys))


def is_chinese(text: str) -> bool:
    """Whether there is a Chinese character in a text."""
    return any("\u3400" <= sign <= "\u9fff" for sign in text)


def chinese_words(text: str) -> list[str]:
    """Words and marks of a Chinese text in lower case, blanks left out, by jieba with its own dictionary.

    Raises:
        ImportError: jieba is not installed.
    """
    words: list[str] = [word for word in _segmenter().lcut(text.lower()) if word.strip()]
    return words


def _word_tokens(text: str) -> list[str]:
    """Chinese words, and runs of Latin letters and digits; no marks."""
    return [token for word in chinese_words(text) for token in _WORD.findall(word)]


@cache
def _segmenter() -> Any:
    """The segmenter of jieba; its dictionary is read as it comes, and not kept in a temporary file for others to change."""
    if find_spec("jieba") is None:
        raise ImportError("Chinese by words needs jieba: pip install 'umind[chinese]'")
    with warnings.catch_warnings(action="ignore"):  # its source has escapes that Python warns of
        segmenter = import_module("jieba").Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def _checked(predicted: Sequence[str | None], truth: Sequence[str], language: str) -> list[str]:
    """Predictions as text."""
    if language not in _TOKENIZERS:
        raise ValueError(f"BLEU and ROUGE know {', '.join(_TOKENIZERS)}, not {language!r}")
    if len(predicted) != len(truth):
        raise ValueError(f"{len(predicted)} predictions for {len(truth)} references")
    if not all(reference.strip() for reference in truth):
        raise ValueError("a reference is empty")
    return [text or "" for text in predicted]
