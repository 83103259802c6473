"""``umind evaluate``: tables, cards, and predictions that are kept."""

import json
from pathlib import Path

import pytest

from umind.cli.main import main


def test_tables(breast_sets: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(breast_sets), "--model", str(model_folder), "--suite", "segmentation"]) == 0
    told = capsys.readouterr().out
    assert "| BUSBRA, breast lesion | 2 |" in told
    assert "Presence" not in told


def test_the_set_itself_in_place_of_a_folder_of_sets(
    breast_sets: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", "--model", str(model_folder), "--split", "test", "--json", "--data"]
    assert main([*call, str(breast_sets)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert main([*call, str(breast_sets / "BUSBRA")]) == 0
    assert json.loads(capsys.readouterr().out) == whole
    assert whole["segmentation"][0]["num_images"] == 3
    assert whole["diagnosis"][0]["counts"] == {"benign": 1, "malignant": 2}


def test_predict_once_and_score_without_a_model(
    breast_sets: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["evaluate", "--data", str(breast_sets), "--json", "--predictions", str(tmp_path / "kept.tsv")]
    assert main([*call, "--model", str(model_folder)]) == 0
    first = capsys.readouterr().out
    assert main([*call, "--score-only"]) == 0
    assert capsys.readouterr().out == first
    assert main([*call, "--score-only", "--split", "test"]) == 2
    assert "holds no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--score-only"], "--score-only wants --predictions"),
        (["--split", "train"], "nothing in its train split"),
        (["--data", "nowhere"], "nowhere"),
        (["--suite", "beauty"], "invalid choice"),
    ],
)
def test_wrong_calls(
    breast_sets: Path, model_folder: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["evaluate", "--data", str(breast_sets), "--model", str(model_folder), *words])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert complaint in capsys.readouterr().err
