"""Cards of reports, answers and wordings as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from umind.evaluation.markdown import Card, interval, number, percent, table


def report_tables(scores: Sequence[Card]) -> str:
    """Reports, and under them the descriptors if any are annotated."""
    rows = []
    for s in scores:
        text = s["text"]
        rows.append(
            [
                s["dataset"] if s["language"] == "en" else f"{s['dataset']}, {s['language']}",
                str(s["num_reports"]),
                " / ".join(number(text[f"bleu{order}"], 2) for order in (1, 2, 3, 4)),
                " / ".join(number(text[name], 2) for name in ("rouge1", "rouge2", "rouge_l")),
                interval(s["finding_f1"]),
                interval(s["number_f1"]),
                percent(s["supported"]["value"]),
            ]
        )
    heading = (
        "Set",
        "Reports",
        "BLEU-1 / 2 / 3 / 4",
        "ROUGE-1 / 2 / L",
        "Finding F1",
        "Number F1, within 10 %",
        "No number without a measurement",
    )
    described = [(s["dataset"], d) for s in scores for d in s["descriptors"]]
    parts = [table("Reports, against what the annotation supports", heading, rows)]
    return "\n\n".join([*parts, descriptor_table(described)] if described else parts)


def descriptor_table(scores: Sequence[tuple[str, Card]]) -> str:
    """Descriptors in reports, each with its set."""
    rows = [
        [f"{dataset}, {d['name']}", str(d["num_images"]), interval(d["macro_f1"]), percent(d["accuracy"]), str(d["num_unread"])]
        for dataset, d in scores
    ]
    heading = ("Descriptor", "Images", "Macro F1", "Right", "Not stated")
    return table("Descriptors in reports; one that is not stated counts as wrong", heading, rows)


def vqa_table(scores: Sequence[Card]) -> str:
    """Questions in words."""
    rows = [
        [f"{s['dataset']}, {s['kind']}", str(s["num_questions"]), interval(s["accuracy"]), str(s["num_unparsed"])]
        for s in scores
    ]
    title = "Questions answered in words; numbers within 10 %, descriptions by the F1 of their findings"
    return table(title, ("Set, kind", "Questions", "Accuracy", "Unparsed, counted as wrong"), rows)


def wording_table(scores: Sequence[Card]) -> str:
    """The same, asked in other words."""
    rows = [
        [
            f"{s['dataset']}, {s['kind']}",
            f"{s['num_images']} ({s['num_left_out']} left out)",
            str(s["num_asked"]),
            interval(s["same"]),
            interval(s["dice"]),
            str(s["num_lost"]),
        ]
        for s in scores
    ]
    heading = ("Set, wordings", "Images", "Wordings", "Same mask (Dice ≥ 0.95)", "Dice with the plain answer", "Nothing found")
    return table("Masks in other words, where the plain answer has a Dice of at least 0.5", heading, rows)
