"""Cards as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Card = Mapping[str, Any]


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
