"""Generated text: everything that is told of answers and reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from torch import Tensor

from umind.metrics.cases import RunningCases, Scores, as_scores
from umind.metrics.findings import compare_findings, compare_numbers
from umind.metrics.language import bleu, rouge
from umind.metrics.text import exact_match_accuracy


@dataclass(frozen=True)
class TextScores:
    """Scores of texts against references, all in 0..1.

    Args:
        accuracy: Share that is the reference, but for case, spaces and a final full stop.
        finding_f1: Of findings with side and negation.
        number_f1: Of numbers with unit.
        bleu1: Corpus BLEU up to one word.
        bleu2: Up to two.
        bleu3: Up to three.
        bleu4: Up to four.
        rouge1: Mean F1 of words.
        rouge2: Of word pairs.
        rouge_l: Of the longest common subsequence.
        num_texts: Texts, the unparsed ones among them.
        num_unparsed: Texts without a finding where the reference has one.
    """

    accuracy: float
    finding_f1: float
    number_f1: float
    bleu1: float
    bleu2: float
    bleu3: float
    bleu4: float
    rouge1: float
    rouge2: float
    rouge_l: float
    num_texts: int
    num_unparsed: int


def text_scores(
    predicted: Sequence[str | None], truth: Sequence[str], *, language: str = "en", tolerance: float = 0.0
) -> TextScores:
    """Score texts; one that is missing or cannot be parsed is wrong in every score.

    Args:
        predicted: Texts; None for no answer.
        truth: One reference for each.
        language: Of all of them, ``"en"``, ``"zh"`` or ``"zh-words"``, as for `umind.metrics.language.bleu`.
        tolerance: Of numbers, as a share of the reference.

    Raises:
        ValueError: The sequences differ in length, a reference is empty, the language is another, or the tolerance is negative.
    """
    findings, overlap = compare_findings(predicted, truth), rouge(predicted, truth, language=language)
    one, two, three, four = (bleu(predicted, truth, order, language=language) for order in (1, 2, 3, 4))
    return TextScores(
        accuracy=exact_match_accuracy(predicted, truth),
        finding_f1=findings.f1,
        number_f1=compare_numbers(predicted, truth, tolerance).f1,
        bleu1=one,
        bleu2=two,
        bleu3=three,
        bleu4=four,
        rouge1=overlap.unigrams,
        rouge2=overlap.bigrams,
        rouge_l=overlap.longest,
        num_texts=len(truth),
        num_unparsed=findings.num_unparsed,
    )


class RunningText(RunningCases):
    """`text_scores` over texts as they come, kept as the bytes of their UTF-8; ``compute`` returns its fields.

    Args:
        language: Of all texts, as for `text_scores`.
        tolerance: Of numbers, as a share of the reference.
    """

    higher_is_better = True
    predicted: list[Tensor]
    truth: list[Tensor]

    def __init__(self, *, language: str = "en", tolerance: float = 0.0) -> None:
        super().__init__(predicted=1, num_predicted=1, truth=1, num_truth=1)
        self.language, self.tolerance = language, tolerance

    def update(self, predicted: str | None, truth: str) -> None:
        """Add one text; None, like an empty one, for no answer."""
        for name, text in (("predicted", predicted or ""), ("truth", truth)):
            letters = np.frombuffer(text.encode(), np.uint8)
            self.keep(name, letters[:, None])
            self.keep(f"num_{name}", [[len(letters)]])

    def compute(self) -> Scores:
        """Scores so far."""
        predicted, truth = (
            [rows.astype(np.uint8).tobytes().decode() for rows in self.kept_groups(name, f"num_{name}")]
            for name in ("predicted", "truth")
        )
        return as_scores(asdict(text_scores(predicted, truth, language=self.language, tolerance=self.tolerance)))
