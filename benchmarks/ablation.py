"""Masks and answers with the language model's weights shuffled: what is left does not come from the words.

``python -m benchmarks.ablation --data DIR``. On validation images; writes ``benchmarks/results/ablation.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cards import write_card
from benchmarks.images import open_images
from benchmarks.provenance import RESULTS, provenance
from benchmarks.tables import ablation_table
from umind.evaluation.ablation import shuffle_language
from umind.evaluation.answers import evaluate_answers
from umind.evaluation.card import to_card
from umind.evaluation.segmentation import evaluate_segmentation
from umind.predictor import UMindVL


def main(arguments: Sequence[str] | None = None) -> None:
    """Score both, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--model", type=Path, help="folder of a model; the embedded one when not given")
    parser.add_argument("--limit", type=int, default=40, help="most images of each set, a seeded choice (default: 40)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    model = UMindVL.from_pretrained(options.model, device=options.device)
    images = open_images(options.data, "val", limit=options.limit)
    card: dict[str, object] = provenance(options.device) | images.facts
    for name, asked in (("as it is", model), ("shuffled", shuffle_language(model))):
        card[name] = {
            "segmentation": to_card(evaluate_segmentation(asked, images.samples)),
            "answers": to_card(evaluate_answers(asked, images.samples)),
        }
    print(f"{ablation_table(card)}\n\nwritten: {write_card(options.results, 'ablation', card)}")


if __name__ == "__main__":
    main()
