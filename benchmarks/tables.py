"""Figures of the checked-in cards as Markdown, between two marks of the README and the model card.

``python -m benchmarks.tables`` rewrites what stands between ``<!-- figures:begin -->`` and ``<!-- figures:end -->``; a figure
in those files is therefore one that a card holds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.history import history_table, read_runs
from benchmarks.provenance import REPOSITORY, RESULTS
from benchmarks.side_by_side import (
    classes_table,
    comparison_table,
    experts_table,
    kept_table,
    regions_table,
    reports_table,
    routing_table,
    words_table,
)
from umind.evaluation.expert_tables import load_table
from umind.evaluation.markdown import Card, number, percent, table
from umind.evaluation.tables import card_tables

BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
DOCUMENTS = (REPOSITORY / "README.md", REPOSITORY / "umind" / "weights" / "umind-tiny" / "README.md")
MAIN = ("test", "test-images", "val", "val-images", "phantoms")
CARDS = (
    *MAIN,
    *("precedents-test", "precedents-val", "compared-test", "compared-val"),
    *("classes-ovary-test", "regions-test", "experts-test", "latency", "throughput", "ablation", "drawn-line"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Rewrite the documents that exist."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("documents", nargs="*", type=Path, default=[path for path in DOCUMENTS if path.exists()])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the cards")
    options = parser.parse_args(arguments)
    figures = figures_of(read_cards(options.results), read_runs(options.results / "test_runs.csv"))
    for path in options.documents:
        path.write_text(rewrite(path.read_text("utf-8"), figures, str(path)), "utf-8")
        print(f"rewritten: {path}")


def read_cards(folder: Path) -> dict[str, Card]:
    """Cards of whole runs, by name; those that are there."""
    paths = {name: folder / f"{name}.json" for name in CARDS}
    return {name: json.loads(path.read_text("utf-8")) for name, path in paths.items() if path.exists()}


def figures_of(cards: Mapping[str, Card], runs: Sequence[Mapping[str, str]] = ()) -> str:
    """The text between the marks: the test card, or the validation card while there is no test card, then the others."""
    parts = []
    main_card = next((cards[name] for name in MAIN if name in cards), None)
    if main_card is not None:
        parts += [source_line(main_card), card_tables(main_card)]
        compared, precedents = (cards.get(f"{name}-{main_card['split']}") for name in ("compared", "precedents"))
        if compared is not None:
            parts.append(comparison_table(compared))
        if precedents is not None and "report" in main_card:
            parts.append(reports_table(main_card, precedents))
    if main_card is not None and "classes-ovary-test" in cards and main_card["split"] == "test":
        parts.append(classes_table(main_card, cards["classes-ovary-test"]))
    if "regions-test" in cards:
        regions = cards["regions-test"]
        parts.append(regions_table(regions))
        if "words" in regions:
            parts.append(words_table(regions))
        parts += [kept_table(regions, region) for region in regions["kept"]]
    if "experts-test" in cards:
        experts = cards["experts-test"]
        parts += [experts_table(experts), routing_table(experts), load_table(experts["use"]["moe"])]
    if runs and main_card is not None:
        parts.append(history_table(runs, main_card["commit"]))
    if "latency" in cards:
        parts.append(latency_tables(cards["latency"]))
    if "throughput" in cards:
        parts.append(throughput_table(cards["throughput"]))
    if "ablation" in cards:
        parts.append(ablation_table(cards["ablation"]))
    if "drawn-line" in cards:
        parts.append(drawn_line_table(cards["drawn-line"]))
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
    """Split, what is not in it, commit, date and machine of a card."""
    split = f"{card['split']} split" if "data" in card else f"phantoms of the {card['split']} split"
    limited = f", at most {card['limit']} images of each set" if card.get("limit") else ""
    num_left_out = sum(card.get("left_out", {}).values())
    left_out = f", without {num_left_out} images that have a near-duplicate in train" if num_left_out else ""
    machine = card["hardware"]
    return (
        f"`{card['model']}`, {split}{limited}{left_out}, commit `{card['commit']}`, {card['date'][:10]}, "
        f"{machine['processor']} ({machine['threads']} threads). Intervals: 95 %, bootstrap over patients."
    )


def latency_tables(card: Card) -> str:
    """Ratios of cost, then milliseconds and memory of every workload."""
    ratios = [
        [words, number(card[key], 2)]
        for key, words in (
            ("sixteen_over_one", "`analyze` of 16 phrases over 1"),
            ("sixteen_over_one_with_masks", "the same with all masks read at full size"),
            ("analyze_over_specialist", "`analyze` of 1 phrase over the network of one specialist"),
            ("sam_over_segment", "SAM ViT-B with a box over `segment` with masks read"),
        )
        if key in card
    ]
    machine = card["hardware"]
    title = f"Cost, medians of {card['repetitions']} repetitions on {machine['processor']} ({machine['threads']} threads)"
    parts = [table(title, ("Ratio", "Times"), ratios)]
    if "workloads" in card:
        rows = [workload_row(row) for row in card["workloads"]]
        title = f"Time and memory of a call, masks read; a loaded model takes {number(card['loaded_mb'], 0)} MiB"
        heading = ("Verb", "Images", "Phrases", "Side, px", "ms, median (quartiles)", "Peak, MiB")
        parts.append(table(title, heading, rows))
    return "\n\n".join(parts)


def workload_row(row: Card) -> list[str]:
    """One call: what it was, how long it took, how much it took."""
    median, lower, upper = (number(1000 * row["seconds"][name], 0) for name in ("median", "lower", "upper"))
    sizes = [str(row[name]) for name in ("images", "targets", "side")]
    return [f"`{row['verb']}`", *sizes, f"{median} ({lower} to {upper})", number(row["peak_mb"], 0)]


def throughput_table(card: Card) -> str:
    """How many times as fast each optimisation is, what it saves, and what tokens and memory that comes from."""
    rows = []
    for row in card["rows"]:
        before, after = row["before"], row["after"]
        speeds, peaks = (
            " to ".join(number(side[name], 0) for side in (before, after)) for name in ("tokens_per_second", "peak_mb")
        )
        on = "" if row["device"] == "cpu" else f", {row['device']}"
        ways = f"{row['without']} / {row['with']}"
        rows.append([f"{row['name']}: {ways}", row["model"] + on, str(row["batch"]), number(row["times"], 2), speeds, peaks])
    machine = card["hardware"]
    title = (
        f"The same work without and with an optimisation, medians of {card['repetitions']} turns on {machine['processor']} "
        f"({machine['threads']} threads); peak of a process of its own, which holds Python and torch too"
    )
    heading = ("Optimisation", "Model", "Batch", "Times as fast", "Tokens a second", "Peak, MiB")
    return table(title, heading, rows)


def ablation_table(card: Card) -> str:
    """Dice and answers with and without a language model that knows something."""
    whole, shuffled = card["as it is"], card["shuffled"]
    rows = [
        [f"Dice, {a['dataset']}, {a['phrase']}", str(a["num_images"]), number(a["dice"]["value"]), number(b["dice"]["value"])]
        for a, b in zip(whole["segmentation"], shuffled["segmentation"], strict=True)
    ]
    answers = [part["answers"] for part in (whole, shuffled)]
    rows.append(['"Is there a ...?", right', str(answers[0]["num_questions"]), *(percent(a["right"]) for a in answers)])
    title = f"The language model's weights shuffled, {card['split']} split, at most {card['limit']} images of each set"
    return table(title, ("Figure", "Cases", "As it is", "Shuffled"), rows)


def drawn_line_table(card: Card) -> str:
    """Errors by split and way."""
    rows = [
        [row["split"], row["way"], str(row["num"]), *(number(row[name], 2) for name in ("mae", "bias", "sd"))]
        for row in card["splits"]
    ]
    title = f"HC18's masks against its table; half the drawn line is {card['half_line_published_px']:.2f} published pixels"
    return table(title, ("Split", "Way", "Heads", "MAE, mm", "Bias, mm", "SD, mm"), rows)


def figures_in_short(card: Card) -> str:
    """The main figures of a card on one line."""
    parts = [f"{s['dataset']} {s['phrase']} dice {number(s['dice']['value'])}" for s in card.get("segmentation", ())]
    parts += [f"presence {s['name']} auroc {number(s['auroc']['value'])}" for s in card.get("presence", ())[:1]]
    parts += [
        f"{s['dataset']} {s['structure']} class auroc {number(s['auroc']['value'])} macro f1 {number(s['macro_f1']['value'])}"
        for s in card.get("diagnosis", ())
    ]
    parts += [f"{s['dataset']} {s['name']} mae {number(s['mae']['value'], 2)} mm" for s in card.get("measurement", ())]
    parts += [f"{s['region']} {s['trained']} as {s['word']} dice {number(s['dice']['value'])}" for s in card.get("regions", ())]
    parts += [
        f"{s['about']} {s['measure']} moe {number(s['moe']['value'])}"
        + "".join(f" {arm} {number(other['worth']['value'])}" for arm, other in s["others"].items())
        for s in card.get("figures", ())
    ]
    if "phantoms" in card:
        parts += [f"phantom {s['phrase']} ap50 {number(s['ap50'])}" for s in card["phantoms"]["instances"]]
        parts.append(f"phantom answers {number(card['phantoms']['answers']['right'])}")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
