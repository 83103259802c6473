"""The list of test runs as a table."""

from pathlib import Path

from benchmarks.history import history_table, read_runs

HEAD = "date,commit,model,limit,figures\n"
FIRST = "BUSBRA breast lesion dice 0.878; HC18 fetal head dice 0.961; HC18 head circumference mae 2.92 mm"
LINES = (
    f"2026-01-01T10:00:00,aaaaaaaaaaaa,umind-tiny,,{FIRST}\n",
    f"2026-01-02T10:00:00,bbbbbbbbbbbb,umind-tiny,,{FIRST}; phantom cyst ap50 1.000\n",
    "2026-01-02T11:00:00,bbbbbbbbbbbb,umind-tiny,,phantom cyst ap50 1.000\n",
    "2026-01-03T10:00:00,cccccccccccc,specialists,,BUSBRA breast lesion dice 0.999\n",
    "2026-01-04T10:00:00,dddddddddddd,umind-tiny,5,BUSBRA breast lesion dice 0.999\n",
    "2026-01-05T10:00:00,eeeeeeeeeeee,umind-tiny,,USGRA vessel dice 0.5; BUSBRA breast lesion dice 0.900\n",
)


def test_only_whole_runs_of_the_model_that_say_something_new(tmp_path: Path) -> None:
    path = tmp_path / "test_runs.csv"
    assert read_runs(path) == []
    path.write_text(HEAD + "".join(LINES))
    runs = read_runs(path)
    assert [run["commit"][0] for run in runs] == ["a", "b", "b", "e"]
    text = history_table(runs, "a" * 12)
    assert "weights of `aaaaaaa`" in text
    rows = [line for line in text.splitlines() if line.startswith("| 2026")]
    assert rows == [
        "| 2026-01-01 | `aaaaaaa` | 0.878 |  |  | 0.961 |  |  |  | 2.92 |",
        "| 2026-01-05 | `eeeeeee` | 0.900 |  |  |  |  |  |  |  |",
    ]
