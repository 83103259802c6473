"""Figures of the checked-in cards as Markdown, between two marks of the README and the model card.

``python -m benchmarks.tables`` rewrites what stands between ``<!-- figures:begin -->`` and ``<!-- figures:end -->``; a figure
in those files is therefore one that a card holds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.provenance import REPOSITORY, RESULTS

BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
DOCUMENTS = (REPOSITORY / "README.md", REPOSITORY / "umind" / "weights" / "umind-tiny" / "README.md")
CARDS = ("test", "val", "phantoms", "latency")
Card = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Rewrite the documents that exist."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("documents", nargs="*", type=Path, default=[path for path in DOCUMENTS if path.exists()])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the cards")
    options = parser.parse_args(arguments)
    figures = figures_of(read_cards(options.results))
    for path in options.documents:
        path.write_text(rewrite(path.read_text("utf-8"), figures, str(path)), "utf-8")
        print(f"rewritten: {path}")


def read_cards(folder: Path) -> dict[str, Card]:
    """Cards of whole runs, by name; those that are there."""
    paths = {name: folder / f"{name}.json" for name in CARDS}
    return {name: json.loads(path.read_text("utf-8")) for name, path in paths.items() if path.exists()}


def figures_of(cards: Mapping[str, Card]) -> str:
    """The text between the marks: the test card, or the validation card while there is no test card, then latency."""
    parts = []
    main_card = next((cards[name] for name in ("test", "val", "phantoms") if name in cards), None)
    if main_card is not None:
        parts += [source_line(main_card), card_tables(main_card)]
    if "latency" in cards:
        parts.append(latency_table(cards["latency"]))
    return "\n\n".join(parts) if parts else "No figures yet."


def rewrite(document: str, figures: str, name: str = "document") -> str:
    """The document with new figures between its marks.

    Raises:
        ValueError: The marks are not there exactly once, in order.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(BEGIN) > document.index(END):
        raise ValueError(f"{name}: wants one {BEGIN} and behind it one {END}")
    head, _, rest = document.partition(BEGIN)
    return f"{head}{BEGIN}\n{figures}\n{END}{rest.partition(END)[2]}"


def source_line(card: Card) -> str:
    """Split, commit, date and machine of a card."""
    split = f"{card['split']} split" if "data" in card else f"phantoms of the {card['split']} split"
    limited = f", at most {card['limit']} images of each set" if card.get("limit") else ""
    machine = card["hardware"]
    return (
        f"`{card['model']}`, {split}{limited}, commit `{card['commit']}`, {card['date'][:10]}, "
        f"{machine['processor']} ({machine['threads']} threads). Intervals: 95 %, bootstrap over patients."
    )


def card_tables(card: Card) -> str:
    """All tables of a card."""
    parts = [
        make(card[name])
        for name, make in (
            ("segmentation", segmentation_table),
            ("presence", presence_table),
            ("diagnosis", diagnosis_table),
            ("measurement", measurement_table),
            ("phantoms", phantom_tables),
        )
        if card.get(name)
    ]
    return "\n\n".join(parts)


def table(title: str, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table under a bold title."""
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return f"**{title}**\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """A number; n/a for none."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A share in percent."""
    return "n/a" if value is None else f"{100 * value:.1f} %"


def interval(value: Card, digits: int = 3) -> str:
    """A number with its interval."""
    return f"{number(value['value'], digits)} ({number(value['lower'], digits)} to {number(value['upper'], digits)})"


def segmentation_table(scores: Sequence[Card]) -> str:
    """Overlap, set by set."""
    rows = [
        [
            f"{s['dataset']}, {s['phrase']}",
            str(s["num_images"]),
            f"{interval(s['dice'])} ± {number(s['dice_sd'], 2)}",
            interval(s["iou"]),
            str(s["num_missed"]),
        ]
        for s in scores
    ]
    return table("Masks, by phrase; a missed structure counts as 0", ("Set", "Images", "Dice ± SD", "IoU", "Missed"), rows)


def presence_table(scores: Sequence[Card]) -> str:
    """Is it there?"""
    rows = [
        [
            s["name"],
            f"{s['num_there']} / {s['num_absent']}",
            interval(s["auroc"]),
            percent(s["specificity"]),
            number(s["calibration_error"]),
            percent(s["found"]),
            percent(s["false_alarms"]),
        ]
        for s in scores
    ]
    heading = ("Set", "There / absent", "AUROC", "Specificity at 95 % sensitivity", "ECE", "Found", "False alarms")
    return table("Presence: what is asked for is there, or not", heading, rows)


def diagnosis_table(scores: Sequence[Card]) -> str:
    """Benign or malignant."""
    rows = [
        [
            s["dataset"],
            f"{s['num_benign']} / {s['num_malignant']}",
            interval(s["auroc"]),
            percent(s["balanced_accuracy"]),
            number(s["calibration_error"]),
        ]
        for s in scores
    ]
    heading = ("Set", "Benign / malignant", "AUROC", "Balanced accuracy", "ECE")
    return table("Benign or malignant", heading, rows)


def measurement_table(scores: Sequence[Card]) -> str:
    """Millimetres."""
    rows = []
    for s in scores:
        a = s["agreement"]
        limits = f"{number(a['lower'], 1)} to {number(a['upper'], 1)}"
        counted = f"{a['num_cases']} ({a['num_missed']} missed)"
        rows.append([f"{s['dataset']}, {s['name']}", counted, interval(s["mae"], 2), number(a["bias"], 2), limits])
    heading = ("Measurement", "Images", "MAE, mm", "Bias, mm", "95 % limits of agreement, mm")
    return table("Measurements", heading, rows)


def phantom_tables(scores: Card) -> str:
    """Exact truth."""
    instances = [
        [
            s["phrase"],
            f"{s['num_instances']} in {s['num_images']}",
            number(s["ap50"]),
            number(s["mask_ap50"]),
            percent(s["exact_count"]),
            number(s["mask_dice"]),
        ]
        for s in scores["instances"]
    ]
    calipers = [
        [s["phrase"], f"{s['num_images']} ({s['num_missed']} missed)", percent(s["mean"]), percent(s["median"])]
        for s in scores["calipers"]
    ]
    axes = [
        [s["phrase"], f"{s['num_images']} ({s['num_missed']} missed)", number(s["mean"], 2), percent(s["within_2"])]
        for s in scores["axes"]
    ]
    presence = presence_table(scores["presence"])
    a = scores["answers"]
    answers = [[str(a["num_questions"]), percent(a["right"]), percent(a["right_there"]), percent(a["right_absent"])]]
    return "\n\n".join(
        [
            table(
                "Phantoms: instances",
                ("Phrase", "Instances in images", "AP50, boxes", "AP50, masks' boxes", "Exact count", "Dice of each instance"),
                instances,
            ),
            table(
                "Phantoms: calipers, a miss counts as 100 %", ("Measurement", "Images", "Mean error", "Median error"), calipers
            ),
            table("Phantoms: axis ends, in percent of the diagonal", ("Structure", "Images", "Mean error", "Within 2 %"), axes),
            table('Phantoms: "Is there a ...?"', ("Questions", "Right", "Right when there", "Right when absent"), answers),
            presence,
        ]
    )


def latency_table(card: Card) -> str:
    """Ratios of cost."""
    rows = [
        [words, number(card[key], 2)]
        for key, words in (
            ("sixteen_over_one", "`analyze` of 16 phrases over 1"),
            ("sixteen_over_one_with_masks", "the same with all masks read at full size"),
            ("sam_over_segment", "SAM ViT-B with a box over `segment` with masks read"),
        )
        if key in card
    ]
    machine = card["hardware"]
    title = f"Cost, medians of {card['repetitions']} repetitions on {machine['processor']} ({machine['threads']} threads)"
    return table(title, ("Ratio", "Times"), rows)


def figures_in_short(card: Card) -> str:
    """The main figures of a card on one line."""
    parts = [f"{s['dataset']} {s['phrase']} dice {number(s['dice']['value'])}" for s in card.get("segmentation", ())]
    parts += [f"presence {s['name']} auroc {number(s['auroc']['value'])}" for s in card.get("presence", ())[:1]]
    parts += [f"{s['dataset']} malignant auroc {number(s['auroc']['value'])}" for s in card.get("diagnosis", ())]
    parts += [f"{s['dataset']} {s['name']} mae {number(s['mae']['value'], 2)} mm" for s in card.get("measurement", ())]
    if "phantoms" in card:
        parts += [f"phantom {s['phrase']} ap50 {number(s['ap50'])}" for s in card["phantoms"]["instances"]]
        parts.append(f"phantom answers {number(card['phantoms']['answers']['right'])}")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
