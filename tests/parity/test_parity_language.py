"""Our BLEU and ROUGE against sacrebleu and rouge-score.

Both references are set to our definitions. BLEU: all orders up to n weigh the same, lower case, no smoothing, no effective
order; theirs is in percent. ROUGE: no stemming, F1 of each text, mean over texts; for Chinese the reference is given our
characters, since its own tokens are Latin only.
"""

# ruff: noqa: RUF001  # Chinese punctuation is what is tested
import random

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU

from umind.metrics.language import bleu, chinese_words, rouge

TOLERANCE = 1e-6
"""torchmetrics counts in float32."""
WORDS = (
    "a",
    "oval,",
    "Irregular",
    "mass",
    "12.5",
    "mm",
    "not-circumscribed",
    "the",
    "left",
    "shadow.",
    "1,250 g",
    "BI-RADS",
    "4a",
)
CHINESE = ("左侧", "右侧", "乳腺", "低回声", "结节", "，", "边界", "清晰", "12.5mm", "。", "BI-RADS", "甲状腺", "钙化")


def corpus(seed: int, words: tuple[str, ...], gap: str) -> tuple[list[str], list[str]]:
    """Eight texts and what is left of them after a fifth of their words was changed; one is cut short."""
    draw = random.Random(seed)
    truth = [[draw.choice(words) for _ in range(draw.randint(6, 20))] for _ in range(8)]
    predicted = [[word if draw.random() < 0.8 else draw.choice(words) for word in text] for text in truth]
    predicted[0] = predicted[0][:3]
    return [gap.join(text) for text in predicted], [gap.join(text) for text in truth]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize(("words", "gap", "language", "tokenize"), [(WORDS, " ", "en", "13a"), (CHINESE, "", "zh", "zh")])
def test_bleu_equals_sacrebleu(order: int, words: tuple[str, ...], gap: str, language: str, tokenize: str) -> None:
    reference = BLEU(lowercase=True, tokenize=tokenize, smooth_method="none", max_ngram_order=order, effective_order=False)
    for seed in range(5):
        predicted, truth = corpus(seed, words, gap)
        want = reference.corpus_score(predicted, [truth]).score / 100
        assert 0 < want < 1
        assert bleu(predicted, truth, order, language=language) == pytest.approx(want, abs=TOLERANCE)


def test_bleu_of_nothing_in_common_equals_sacrebleu() -> None:
    predicted, truth = ["a cyst", ""], ["one solid mass", "a nerve"]
    reference = BLEU(lowercase=True, smooth_method="none", effective_order=False)
    assert bleu(predicted, truth) == reference.corpus_score(predicted, [truth]).score == 0


def test_chinese_words_equal_sacrebleu_on_the_same_words() -> None:
    reference = BLEU(lowercase=True, tokenize="none", smooth_method="none", effective_order=False)
    predicted, truth = corpus(0, CHINESE, "")
    split = [[" ".join(chinese_words(text)) for text in texts] for texts in (predicted, truth)]
    want = reference.corpus_score(split[0], [split[1]]).score / 100
    assert bleu(predicted, truth, language="zh-words") == pytest.approx(want, abs=TOLERANCE)


class Characters:
    """Runs of Latin letters and digits, and single Chinese characters."""

    def tokenize(self, text: str) -> list[str]:
        spaced = "".join(f" {sign} " if "\u3400" <= sign <= "\u9fff" else sign if sign.isalnum() else " " for sign in text)
        return spaced.lower().split()


@pytest.mark.parametrize(("words", "gap", "tokenizer"), [(WORDS, " ", None), (CHINESE, "", Characters())])
def test_rouge_equals_rouge_score(words: tuple[str, ...], gap: str, tokenizer: Characters | None) -> None:
    reference = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False, tokenizer=tokenizer)
    for seed in range(5):
        predicted, truth = corpus(seed, words, gap)
        scores = [reference.score(target, given) for given, target in zip(predicted, truth, strict=True)]
        got = rouge(predicted, truth)
        for key, value in (("rouge1", got.unigrams), ("rouge2", got.bigrams), ("rougeL", got.longest)):
            want = sum(score[key].fmeasure for score in scores) / len(scores)
            assert 0 < want < 1
            assert value == pytest.approx(want, abs=TOLERANCE)
