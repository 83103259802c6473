"""How alike two wordings are: BLEU and ROUGE, English by words and Chinese by characters.

Chinese by words is left out: it needs a segmenter, and scores by different segmenters cannot be compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torchmetrics.functional.text import rouge_score, sacre_bleu_score

_TOKEN = re.compile(r"[\u3400-\u9fff]|[a-z0-9]+")
_TOKENIZERS: dict[str, Literal["13a", "zh"]] = {"en": "13a", "zh": "zh"}


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
        language: ``"en"`` for sacrebleu's ``13a``, ``"zh"`` for its ``zh``, which takes Chinese by characters.

    Returns:
        In 0..1; NaN for no texts.

    Raises:
        ValueError: The sequences differ in length, a reference is empty, or the language is another.
    """
    given = _checked(predicted, truth)
    if language not in _TOKENIZERS:
        raise ValueError(f"BLEU knows {', '.join(_TOKENIZERS)}, not {language!r}")
    if not given:
        return math.nan
    references = [[reference] for reference in truth]
    return float(sacre_bleu_score(given, references, order, tokenize=_TOKENIZERS[language], lowercase=True))


def rouge(predicted: Sequence[str | None], truth: Sequence[str]) -> Rouge:
    """ROUGE-1, -2 and -L (Lin 2004), F1 of each text, mean over texts, by torchmetrics.

    Tokens are runs of Latin letters and digits in lower case, as in the package rouge-score without stemming, and single
    Chinese characters, which that package would drop.

    Args:
        predicted: Texts; None is an empty one and scores 0.
        truth: One reference for each.

    Returns:
        NaN for no texts.

    Raises:
        ValueError: The sequences differ in length, or a reference is empty.
    """
    given = _checked(predicted, truth)
    if not given:
        return Rouge(math.nan, math.nan, math.nan)
    keys = ("rouge1", "rouge2", "rougeL")
    scores = rouge_score(given, list(truth), normalizer=str.lower, tokenizer=_TOKEN.findall, rouge_keys=keys)
    return Rouge(*(float(scores[f"{key}_fmeasure"]) for key in keys))


def _checked(predicted: Sequence[str | None], truth: Sequence[str]) -> list[str]:
    """Predictions as text."""
    if len(predicted) != len(truth):
        raise ValueError(f"{len(predicted)} predictions for {len(truth)} references")
    if not all(reference.strip() for reference in truth):
        raise ValueError("a reference is empty")
    return [text or "" for text in predicted]
