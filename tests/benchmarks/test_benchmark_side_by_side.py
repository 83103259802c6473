"""Two cards in one table."""

import pytest

from benchmarks.side_by_side import reports_table
from benchmarks.tables import figures_of, source_line


def value(number: float) -> dict[str, float]:
    return {"value": number, "lower": number, "upper": number}


def card(model: str, finding_f1: float, datasets: tuple[str, ...] = ("BrEaST",)) -> dict[str, object]:
    descriptor = {"name": "margin", "num_images": 30, "macro_f1": value(finding_f1 / 2), "accuracy": 0.5, "num_unread": 1}
    report = {"language": "en", "num_reports": 35, "text": {"rouge_l": finding_f1 / 4}, "finding_f1": value(finding_f1)}
    return {"model": model, "report": [report | {"dataset": name, "descriptors": [descriptor]} for name in datasets]}


def test_reports_and_their_descriptors_stand_beside_each_other() -> None:
    lines = reports_table(card("ours", 0.8), card("precedents", 0.4)).splitlines()
    assert "| ROUGE-L, ours | ROUGE-L, precedents | Finding F1, ours | Finding F1, precedents |" in lines[2]
    assert lines[4] == "| BrEaST | 35 | 0.20 | 0.10 | 0.800 (0.800 to 0.800) | 0.400 (0.400 to 0.400) |"
    assert lines[5] == "| BrEaST, margin | 30 |  |  | 0.400 (0.400 to 0.400) | 0.200 (0.200 to 0.200) |"


def test_other_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="different sets"):
        reports_table(card("ours", 0.8), card("precedents", 0.4, ("BrEaST", "DDTI")))


def test_peers_of_another_split_are_not_shown() -> None:
    hardware = {"processor": "any", "threads": 2}
    main = {"split": "test", "commit": "abc", "date": "2026-01-01", "hardware": hardware, "limit": None, "model": "umind-tiny"}
    assert source_line(main) in (alone := figures_of({"test": main}))
    compared = {"models": ["a", "b"], "split": "val", "differences": []}
    assert figures_of({"test": main, "compared-val": compared}) == alone
    assert "| a | b |" in figures_of({"test": main, "compared-test": compared})
