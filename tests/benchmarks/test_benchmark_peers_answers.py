"""Specialists answer as a model does, and their answers are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from peer_scenes import SIZE, drawn

from benchmarks.images import Images
from benchmarks.peers import beside, score
from benchmarks.peers.beside import SPECIALISTS, Sources, score_beside
from benchmarks.peers.network import build_network, outline
from benchmarks.peers.organs import ORGANS
from benchmarks.peers.specialist import ROUTES, Found, Specialists, coarse, components, num_kept
from benchmarks.peers.validate import PresenceRule, foreground
from umind.evaluation.interview import Portion
from umind.evaluation.predictions import Predictions
from umind.evaluation.suites import run_suites
from umind.processor.letterbox import letterbox
from umind.schema.result import Detection, Segmentation


def test_presence_rises_with_the_foreground() -> None:
    rule = PresenceRule(scale=1.0, shift=0.0)
    assert rule.presence(0.25) == pytest.approx(0.25)
    assert foreground(np.zeros((4, 4), np.float32)) == pytest.approx(0.5)
    assert rule.presence(0.0) < rule.presence(0.01) < rule.presence(1.0) <= 1


def test_components_are_instances() -> None:
    logits = np.full((32, 32), -2, np.float32)
    logits[2:10, 2:10] = 1
    logits[20:30, 20:30] = 3
    logits[28, 3:6] = 9  # three pixels are too few
    planes, scores = components(logits)
    assert scores == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-1))])
    assert [(plane > 0).sum() for plane in planes] == [100, 64]
    assert (planes.max(0) > 0).sum() == 164
    assert components(np.full((32, 32), -1, np.float32))[0].shape == (0, 32, 32)


@pytest.mark.parametrize(("threshold", "count"), [(None, 2), (0.0, 2), (0.55, 2), (0.65, 1), (0.7, 1), (0.71, 0)])
def test_everything_is_kept_unless_a_threshold_is_asked_for(threshold: float | None, count: int) -> None:
    found = Found(np.zeros((2, 4, 4), np.float32), np.array([0.6, 0.55]), 0.7)
    assert num_kept(found._replace(scores=found.scores[:0]), threshold) == 0


def test_phrases_find_their_network(trained: Path) -> None:
    assert ROUTES["breast lesion"] == ROUTES["breast tumour"] == "breast"
    assert ROUTES["cca"] == "carotid"
    assert "ovary" not in ROUTES
    specialists = Specialists(trained)
    seen = specialists.encode([drawn(7).image])
    for phrase in ("liver lesion", "ovary", "lesion"):
        (unknown,) = specialists.segment(seen, [phrase], threshold=0)
        assert (len(unknown), unknown.presence, unknown.mask.shape) == (0, 0, (SIZE, SIZE + 16))
        assert not unknown.mask.any()
    with pytest.raises(ValueError, match="wants the specialist of head"):
        specialists.segment(seen, ["fetal head"])
    with pytest.raises(ValueError, match="holds no specialist"):
        Specialists(trained / "breast")


def test_results_are_valid(trained: Path) -> None:
    specialists = Specialists(trained)
    samples = [drawn(seed, split="val") for seed in (200, 201)]
    seen = specialists.encode([sample.image for sample in samples])
    phrases = ["breast lesion", " Breast mass"]
    outlines = specialists.segment(seen, phrases, threshold=0)
    boxes = specialists.detect(seen, phrases, threshold=0)
    network = specialists.by_organ["breast"].network
    for sample, phrase, outlined, boxed in zip(samples, phrases, outlines, boxes, strict=True):
        assert isinstance(outlined, Segmentation)
        assert isinstance(boxed, Detection)
        assert outlined.masks.shape == (len(outlined), SIZE, SIZE + 16)
        assert (np.diff(outlined.scores) <= 0).all()
        assert ((outlined.scores > 0.5) & (outlined.scores <= 1)).all()
        assert 0 <= outlined.presence <= 1
        assert outlined.phrase == phrase
        assert np.array_equal(boxed.boxes, outlined.boxes)
        restored = Segmentation.from_dict(json.loads(json.dumps(outlined.to_dict(), allow_nan=False)))
        assert np.array_equal(restored.masks, outlined.masks)
        square = letterbox(sample.image.pixels, SIZE)[0]
        assert outlined.presence == pytest.approx(
            specialists.by_organ["breast"].record.presence.presence(foreground(outline(network, square)))
        )


def test_the_suites_run_unchanged_and_answers_are_kept(trained: Path, tmp_path: Path) -> None:
    samples = [replace(drawn(seed, split="val"), absent=("liver lesion",)) for seed in range(300, 303)]
    path = tmp_path / "val.tsv"
    suites = SPECIALISTS.known("all")
    assert {"segmentation", "presence"} <= set(suites)
    card = run_suites(Predictions(path, Specialists(trained)), samples, suites)
    (row,) = card["segmentation"]
    assert (row["dataset"], row["phrase"], row["num_images"]) == ("BUSBRA", "breast lesion", 3)
    assert [row["num_absent"] for row in card["presence"]] == [3]
    assert run_suites(Predictions(path), samples, suites) == card


def images_of(split: str, *, limit: int | None = None) -> Images:
    samples = [replace(drawn(seed, split=split), absent=("liver lesion",)) for seed in range(300, 302)]
    return Images(split, limit, False, {"BUSBRA": Portion(samples, limit, num_left_out=3)})


def test_the_command_scores(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "open_images", lambda folder, split, limit: images_of(split, limit=limit))
    monkeypatch.setattr(beside, "ORGANS", {"breast": ORGANS["breast"]})
    places = ["--predictions", str(tmp_path / "kept"), "--results", str(tmp_path), "--specialists", str(trained)]
    score.main(["--data", str(tmp_path), "--split", "test", "--peer", "specialists", *places])
    card = json.loads((tmp_path / "specialists-test.json").read_text())
    assert (card["model"], card["data"], card["left_out"]) == ("specialists", {"BUSBRA": 2}, {"BUSBRA": 3})
    assert card["segmentation"][0]["num_images"] == 2
    assert len((tmp_path / "test_runs.csv").read_text().splitlines()) == 2
    score.main(["--data", str(tmp_path), "--limit", "1", "--peer", "specialists", *places])
    assert json.loads((tmp_path / "specialists-val-limit-1.json").read_text())["data"] == {"BUSBRA": 1}


def test_a_missing_peer_costs_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = tmp_path / "none"
    sources = Sources(none, none, tmp_path / "kept", checked_in=none)
    score_beside(sources, images_of("val"), "all", ours=tmp_path / "ours-abc" / "val.tsv", results=tmp_path)
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["specialists are not scored", "precedents are not scored"]
    assert "lacks breast, head, ovary, thyroid, carotid: run python -m benchmarks.peers.train" in said[0]
    score_beside(sources, images_of("val"), "measurement", ours=tmp_path / "ours-abc" / "val.tsv", results=tmp_path)
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


def test_peers_beside_a_model(
    trained: Path, stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(beside, "ORGANS", {"breast": ORGANS["breast"]})
    monkeypatch.setattr(beside, "build_network", lambda *, imagenet: build_network(imagenet=False))
    images = images_of("val")
    sources = Sources(trained, stores, tmp_path / "kept")
    ours = tmp_path / "kept" / "ours-abc" / "val.tsv"
    run_suites(Predictions(ours, Specialists(trained)), images.samples, ["segmentation"])
    score_beside(sources, images, "all", ours=ours, results=tmp_path)
    assert "are not scored" not in capsys.readouterr().out
    compared = json.loads((tmp_path / "compared-val.json").read_text())
    assert compared["models"] == ["ours", "specialists"]
    assert [row["difference"]["value"] for row in compared["differences"]] == [0]
    assert json.loads((tmp_path / "precedents-val.json").read_text())["diagnosis"]
    kept = SPECIALISTS.answers(sources, images).path
    assert kept.is_file()
    monkeypatch.setattr(beside, "answering_code", list)
    assert SPECIALISTS.answers(sources, images).path != kept


def test_checked_in_answers_stand_for_peers_that_cannot_be_asked(
    trained: Path, stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(beside, "ORGANS", {"breast": ORGANS["breast"]})
    monkeypatch.setattr(beside, "build_network", lambda *, imagenet: build_network(imagenet=False))
    images, ours, none = images_of("val"), tmp_path / "kept" / "ours-abc" / "val.tsv", tmp_path / "none"
    run_suites(Predictions(ours, Specialists(trained)), images.samples, ["segmentation"])
    score_beside(Sources(trained, stores, tmp_path / "kept"), images, "all", ours=ours, results=tmp_path)
    checked_in = tmp_path / "peers"
    names = ["precedents-val.tsv.gz", "specialists-val.tsv.gz", "specialists.json"]
    assert sorted(path.name for path in checked_in.iterdir()) == names
    cards = {path.name: scores_of(path) for path in tmp_path.glob("*-val.json")}
    assert len(cards) == 3
    elsewhere = Sources(none, none, tmp_path / "other", checked_in=checked_in)
    score_beside(elsewhere, images, "all", ours=ours, results=tmp_path / "again")
    assert "are not scored" not in capsys.readouterr().out
    assert {path.name: scores_of(path) for path in (tmp_path / "again").glob("*.json")} == cards
    assert not none.exists()
    assert not (tmp_path / "other").exists()
    strangers = Images("val", None, False, {"BUSBRA": Portion([drawn(400, split="val")], None, num_left_out=0)})
    score_beside(elsewhere, strangers, "segmentation", ours=ours, results=tmp_path / "again")
    assert "holds no answer to" in capsys.readouterr().out


def scores_of(path: Path) -> dict[str, object]:
    """A card without what differs from run to run."""
    return {name: part for name, part in json.loads(path.read_text()).items() if name not in ("date", "commit", "hardware")}


def test_coarse_logits_keep_their_side() -> None:
    logits = np.array([[[-2, -1, -0.01, 0.01, 0.3, 9]]], np.float32)
    np.testing.assert_array_equal(coarse(logits), np.array([[[-4, -4, -1 / 64, 1 / 64, 4, 4]]], np.float32))
