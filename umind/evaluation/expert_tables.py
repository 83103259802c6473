"""The use of experts as Markdown tables."""

from __future__ import annotations

from umind.evaluation.markdown import Card, number, percent, table


def expert_tables(card: Card) -> str:
    """How the load is shared, and what a choice tells."""
    seen = f"{card['num_images']} images, {card['num_tokens']} tokens"
    regions = ", ".join(f"{name or 'none said'} {count}" for name, count in card["regions"].items()) or "none said"
    tasks = ", ".join(f"{name} {count}" for name, count in card["tasks"].items())
    return "\n\n".join([f"{seen}\n\nOrgans: {regions}\n\nQuestions: {tasks}", load_table(card), information_table(card)])


def load_table(card: Card) -> str:
    """Share of the choices by layer and expert."""
    rows = [
        [str(place), *(percent(share) for share in layer["load"]), number(layer["entropy"])]
        for place, layer in enumerate(card["layers"], start=1)
    ]
    heading = ("Layer", *(name if name.startswith("skip") else f"expert {name}" for name in card["choices"]), "entropy, bits")
    return table("Load: share of all choices; an even one has the highest entropy", heading, rows)


def information_table(card: Card) -> str:
    """What a choice tells of organ and verb, by layer."""
    rows = [[str(place), *told(layer["region"]), *told(layer["task"])] for place, layer in enumerate(card["layers"], start=1)]
    heading = ("Layer", "organ", "as counted", "by chance", "p", "verb", "as counted", "by chance", "p")
    return table("What a choice tells, in bits adjusted for chance, of all there is to tell", heading, rows)


def told(found: Card | None) -> list[str]:
    """Four cells; n/a for nothing that could be told."""
    if found is None:
        return [number(None)] * 4
    bits = f"{number(found['bits'])} of {number(found['entropy'])}"
    return [bits, number(found["counted"]), number(found["chance"]), number(found["p_value"])]
