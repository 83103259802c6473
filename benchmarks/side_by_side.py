"""Two models in one table, from their cards."""

from __future__ import annotations

from statistics import fmean

from umind.evaluation.markdown import Card, interval, number, table

ARM_NAMES = {"moe": "Mixture", "mass": "Experts by mass", "skip": "With a skip expert", "region": "With a prior of the region"}
"""How the models of `benchmarks.experts` that choose are headed."""


def comparison_table(card: Card) -> str:
    """Paired differences in Dice, as `benchmarks.peers.compare` found them."""
    first, second = card["models"]
    rows = [
        [
            f"{row['dataset']}, {row['phrase']}",
            str(row["num_images"]),
            number(row["first"]),
            number(row["second"]),
            interval(row["difference"]),
            f"{row['num_better']} / {row['num_worse']}",
        ]
        for row in card["differences"]
    ]
    heading = ("Set", "Images", first, second, "Difference", "Better / worse")
    title = f"Mean Dice, {card['split']} split; paired 95 % intervals, bootstrap over patients"
    return table(title, heading, rows)


def regions_table(card: Card) -> str:
    """Each region, seen and unseen, as `benchmarks.regions.score` found them."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for score in card["regions"]:
        row = found.setdefault((score["region"], str(score["num_images"]), score["word"]), {})
        row[score["trained"]] = interval(score["dice"])
    rows = [[*asked, row["with"], row["without"], row.get("back", "")] for asked, row in found.items()]
    heading = ("Region", "Images", "Asked for", "Trained with it", "Trained without it", "Then 50 images of it")
    return table(f"One region left out: mean Dice of the best instance, {card['split']} split", heading, rows)


def words_table(card: Card) -> str:
    """Words about each region, seen and unseen, as `benchmarks.regions.words` found them."""
    rows = [
        [
            f"{row['region']}: {row['figure']}",
            str(row["num_cases"]),
            number(row["seen"]),
            number(row["unseen"]),
            interval(row["difference"]),
        ]
        for row in card["words"]
    ]
    heading = ("Region and figure", "Cases", "Trained with it", "Trained without it", "Difference")
    title = f"One region left out: words, {card['split']} split; paired 95 % intervals, bootstrap over patients"
    return table(title, heading, rows)


def classes_table(ours: Card, theirs: Card) -> str:
    """Classes by a model, and by a classifier of that organ alone, on the same images.

    Raises:
        StopIteration: The model was not scored on the same set.
    """
    rows = []
    for score in theirs["diagnosis"]:
        mine = next(s for s in ours["diagnosis"] if (s["dataset"], s["structure"]) == (score["dataset"], score["structure"]))
        figures = [interval(side[name]) for name in ("macro_f1", "auroc") for side in (mine, score)]
        rows.append([f"{score['dataset']}, {score['structure']}", str(sum(score["counts"].values())), *figures])
    names = (ours["model"], "Classifier")
    heading = ("Set", "Images", *(f"{kind}, {name}" for kind in ("Macro F1", "AUROC") for name in names))
    title = (
        f"Classes beside a classifier of the same encoder, {theirs['num_samples']} views of that organ, {theirs['split']} split"
    )
    return table(title, heading, rows)


def kept_table(card: Card, region: str) -> str:
    """What an adapter that brought a region back left of the other organs."""
    rows = [
        [
            row["dataset"],
            row["phrase"],
            str(row["num_images"]),
            number(row["second"]),
            number(row["first"]),
            interval(row["difference"]),
        ]
        for row in card["kept"][region]
    ]
    heading = ("Set", "Structure", "Images", "Before", "With the adapter", "Difference")
    return table(
        f"What the adapter that brought the {region} back left of the rest: mean Dice, {card['split']} split", heading, rows
    )


def experts_table(card: Card) -> str:
    """A mixture of experts beside a dense model, and beside its own options, as `benchmarks.experts.score` found them."""
    sizes = {
        arm: f"{number(size['taken'], 2)} experts, {size['active'] / 1e6:.2f} of {size['total'] / 1e6:.2f} M"
        for arm, size in card["sizes"].items()
    }
    options = [arm for arm in sizes if arm not in ("moe", "dense")]
    asked = [[row["about"], row["measure"], str(row["num_questions"])] for row in card["figures"]]
    beside_dense = [
        [interval(row["moe"]), *(interval(row["others"]["dense"][name]) for name in ("worth", "difference"))]
        for row in card["figures"]
    ]
    beside_options = [
        [number(row["moe"]["value"])]
        + [f"{number(row['others'][arm]['worth']['value'])}, {interval(row['others'][arm]['difference'])}" for arm in options]
        for row in card["figures"]
    ]
    steps, seeds = next(iter(card["training"].values()))["num_steps"], len(card["seeds"])
    shown = f"{steps} steps, {seeds} {'seed' if seeds == 1 else 'seeds'}, {card['split']} split"
    heading = ("About", "Measure", "Questions", f"Mixture, {sizes['moe']}")
    parts = [
        table(
            "Words by a mixture of experts and by a dense model; experts that a token takes on average, and what is active of "
            f"all parameters of the language model; {shown}; paired 95 % intervals, bootstrap over patients",
            (*heading, f"Dense, {sizes['dense']}", "Mixture minus dense"),
            [[*row, *figures] for row, figures in zip(asked, beside_dense, strict=True)],
        )
    ]
    if options:
        parts.append(
            table(
                f"Options of the mixture: their figure, then the mixture's minus theirs; {shown}",
                (*heading, *(f"{ARM_NAMES[arm]}, {sizes[arm]}" for arm in options)),
                [[*row, *figures] for row, figures in zip(asked, beside_options, strict=True)],
            )
        )
    return "\n\n".join(parts)


def routing_table(card: Card) -> str:
    """What the choices of a mixture of experts and of its options tell, over all layers, for the first seed."""
    rows = []
    for arm, use in card["use"].items():
        layers = use["layers"]
        entropy = number(fmean(layer["entropy"] for layer in layers))
        told = [number(fmean(layer[about]["bits"] for layer in layers)) for about in ("region", "task")]
        rows.append([ARM_NAMES[arm], str(len(use["choices"])), entropy, *told])
    heading = ("Model", "Choices", "Entropy of the load, bits", "Told of the organ, bits", "Told of the verb, bits")
    return table("What the choice of experts tells, adjusted for chance, means over layers", heading, rows)


def reports_table(ours: Card, precedents: Card) -> str:
    """Reports of a model, and the reports of the most similar training images, on the same images.

    Raises:
        ValueError: The two cards are not of the same sets.
    """
    theirs = {(score["dataset"], score["language"]): score for score in precedents["report"]}
    if [*theirs.keys() ^ {(score["dataset"], score["language"]) for score in ours["report"]}]:
        raise ValueError("the two cards tell of reports on different sets")
    rows = []
    for score in ours["report"]:
        other = theirs[score["dataset"], score["language"]]
        rows.append(
            [
                score["dataset"],
                str(score["num_reports"]),
                *(number(side["text"]["rouge_l"], 2) for side in (score, other)),
                *(interval(side["finding_f1"]) for side in (score, other)),
            ]
        )
        for mine, its in zip(score["descriptors"], other["descriptors"], strict=True):
            name = f"{score['dataset']}, {mine['name']}"
            rows.append([name, str(mine["num_images"]), "", "", interval(mine["macro_f1"]), interval(its["macro_f1"])])
    names = (ours["model"], precedents["model"])
    heading = ("Set", "Reports", *(f"ROUGE-L, {name}" for name in names), *(f"Finding F1, {name}" for name in names))
    title = "Reports beside those of the most similar training images; of a descriptor, its macro F1"
    return table(title, heading, rows)
