"""What other people's sets bring besides outlines, from a sample to a batch: boxes, keypoints, questions, reports."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from umind.data.augment import augment, build_augmentation
from umind.data.collate import Collator
from umind.data.examples import Example, build_example, observe
from umind.data.labelled import Facts, Labelled, framed, labelled
from umind.data.lesion_free import beside_lesion
from umind.data.mixture import Mixture
from umind.data.shards import packed, unpacked
from umind.data.store import Store
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Structure
from umind.tasks import classify, detect, keypoints, segment
from umind.tokens.tokenizer import train_tokenizer

SIZE = 64
HEIGHT, WIDTH = 40, 80
EXCHANGES = (
    Exchange("Is the left lobe enlarged?", answer="No [SEG], it is not.", options=("yes", "no")),
    Exchange("Wo liegt die Zyste?", answer="links oben", language="de"),
)
REPORT = "Right lobe normal.\nOne cyst in the left lobe [SEG]."


def mask_of(top: int, left: int, side: int = 12) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def sample_of(*structures: Structure, **truth: object) -> Sample:
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
    image = UltrasoundImage(pixels, spacing=(0.2, 0.3))
    return Sample(image, key="a", dataset="own", split="train", organ="", structures=structures, **truth)


BOXED = Structure(
    "cyst",
    masks=np.zeros((0, HEIGHT, WIDTH), bool),
    boxes=np.array([[4, 6, 20, 18], [50, 20, 78, 38]], np.float32),
    keypoints={"apex": np.array([[5, 7], [np.nan, np.nan]], np.float32)},
)
BOTH = Structure("thyroid nodule", masks=mask_of(2, 30)[None], boxes=np.array([[0, 20, 20, 40]], np.float32))
OUTLINED = Structure("kyste rénal", masks=mask_of(20, 40)[None])
EVERYTHING = sample_of(BOXED, BOTH, OUTLINED, exchanges=EXCHANGES, report=REPORT, absent=("liver",))


def examples_of(sample: Sample, num: int = 120) -> list[Example]:
    view = framed(labelled(sample, SIZE), SIZE)
    return [build_example(view, np.random.default_rng(seed)) for seed in range(num)]


def asked_of(examples: list[Example]) -> set[tuple[str, str | None]]:
    return {(block.query, block.response) for example in examples for block in example.blocks}


def test_a_store_and_a_shard_keep_everything(tmp_path: Path) -> None:
    wanted = labelled(EVERYTHING, SIZE)
    assert wanted.facts.boxed == (2, 1, 0)
    np.testing.assert_allclose(wanted.boxes[0], [3.2, 20.8, 16, 30.4], rtol=1e-6)  # 0.8 pixels each, 16 rows down
    assert wanted.spacing is not None
    assert wanted.spacing.dx == pytest.approx(0.375)
    Store.write(tmp_path, [EVERYTHING], 1, SIZE)
    stored = Store(tmp_path)[0]
    for item in (stored, unpacked(packed(wanted, "key"))):
        np.testing.assert_array_equal(item.labels, wanted.labels)
        np.testing.assert_array_equal(item.boxes, wanted.boxes)
        np.testing.assert_array_equal(item.keypoints, wanted.keypoints)
        assert np.isnan(item.keypoints).any()
        assert (item.spacing, item.exchanges, item.report) == (wanted.spacing, EXCHANGES, REPORT)
        assert list(item.facts.boxed) == [2, 1, 0]
    json.loads((tmp_path / "facts.jsonl").read_text("utf-8"), parse_constant=pytest.fail)


def test_a_store_of_before_still_loads(tmp_path: Path) -> None:
    Store.write(tmp_path, [EVERYTHING], 1, SIZE)
    known = json.loads((tmp_path / "facts.jsonl").read_text("utf-8"))
    for name in ("boxed", "boxes", "keypoints", "spacing", "exchanges", "report"):
        del known[name]
    (tmp_path / "facts.jsonl").write_text(json.dumps(known) + "\n", "utf-8")
    item = Store(tmp_path)[0]
    assert (len(item.boxes), len(item.keypoints), item.spacing, item.exchanges, item.report) == (0, 0, None, (), "")
    scene = observe(item)
    assert [finding.name for finding in scene.findings] == ["thyroid nodule", "kyste rénal"]
    assert "cyst" not in scene.absent


def test_another_frame_moves_all_of_it() -> None:
    item, double = labelled(EVERYTHING, SIZE), framed(labelled(EVERYTHING, SIZE), 2 * SIZE)
    np.testing.assert_allclose(double.boxes, 2 * item.boxes)
    np.testing.assert_allclose(double.keypoints, 2 * item.keypoints)
    assert double.pixels.shape == double.labels.shape == (2 * SIZE, 2 * SIZE)
    assert item.spacing is not None
    assert double.spacing is not None
    assert double.spacing.dy == pytest.approx(item.spacing.dy / 2)
    assert set(np.unique(double.labels)) == set(np.unique(item.labels))


def test_boxes_teach_presence_and_nothing_of_masks() -> None:
    examples = examples_of(sample_of(BOXED))
    truths = [truth for example in examples for truth in example.regions if truth.present]
    assert truths
    assert all(len(truth.boxes) == 2 and not len(truth.masks) and not truth.outlined for truth in truths)
    assert all(
        (truth.boxes[0, 2:] - truth.boxes[0, :2]).prod() > (truth.boxes[1, 2:] - truth.boxes[1, :2]).prod() for truth in truths
    )
    assert not any(len(example.points) for example in examples)
    said = asked_of(examples)
    assert ("how many cysts?", "two") in said
    assert any(response == "in the right [SEG]" for _, response in said)
    assert not any("[MEAS]" in (response or "") for _, response in said)


def test_some_outlines_and_some_boxes() -> None:
    truths = [truth for example in examples_of(sample_of(BOTH)) for truth in example.regions if truth.present]
    assert {(len(truth.masks), len(truth.boxes), truth.outlined) for truth in truths} == {(1, 1, False)}
    scene = observe(labelled(sample_of(BOXED, BOTH), SIZE))
    generic = scene.finding("lesion")
    assert generic is not None
    assert (len(generic.masks), len(generic.boxes), generic.count) == (1, 3, 4)


def test_a_box_that_has_left_the_view_is_no_negative() -> None:
    item = labelled(sample_of(BOXED, absent=("cyst",)), SIZE)
    gone = replace(item, boxes=np.zeros((2, 4), np.float32))
    assert observe(gone).findings == ()
    assert observe(gone).absent == ()
    left = observe(replace(item, boxes=np.stack([np.zeros(4, np.float32), item.boxes[1]])))
    np.testing.assert_array_equal(left.findings[0].boxes, item.boxes[1:])


def test_no_candidate_inside_a_box_is_taken_for_idle() -> None:
    processor = UMindProcessor(UMindImageProcessor(size=SIZE), train_tokenizer(["segment the cyst"]), 4)
    examples = [example for example in examples_of(sample_of(BOXED), 20) if example.regions]
    targets = Collator(processor)(examples).regions
    truths = [truth for example in examples for truth in example.regions]
    for truth, extent, outlined in zip(truths, targets.extent, targets.outlined, strict=True):
        assert bool(outlined) == truth.outlined
        for x1, y1, x2, y2 in truth.boxes:
            assert (extent[int(y1) // 8 : int(y2 - 0.01) // 8 + 1, int(x1) // 8 : int(x2 - 0.01) // 8 + 1] > 0).all()
        assert truth.present or extent.sum() == 0
    assert len(targets.slots) == len(targets.masks) == len(targets.drawn) == sum(len(truth.boxes) for truth in truths)
    assert not targets.drawn.any()
    assert (targets.counted > targets.outlined).tolist() == [truth.present for truth in truths]
    np.testing.assert_allclose(targets.boxes * SIZE, np.concatenate([truth.boxes for truth in truths]), rtol=1e-5)


def test_exchanges_and_reports_are_asked_in_the_sets_own_words() -> None:
    said = asked_of(examples_of(EVERYTHING))
    assert ("Is the left lobe enlarged? Options: yes; no.", "No, it is not.") in said  # what the token pointed at nobody says
    assert ("Wo liegt die Zyste?", "links oben") in said
    assert {response for query, response in said if query == "report"} == {"Right lobe normal. One cyst in the left lobe."}
    alone = asked_of(examples_of(sample_of(exchanges=EXCHANGES)))
    assert {query for query, _ in alone} == {exchange.asked for exchange in EXCHANGES}
    pointless = asked_of(examples_of(sample_of(exchanges=(Exchange("Where?", answer="[SEG]"),), absent=("cyst",))))
    assert "Where?" not in {query for query, _ in pointless}


def test_a_set_without_an_organ_is_never_asked_for_it() -> None:
    said = asked_of(examples_of(sample_of(OUTLINED, absent=("cyst",), attributes={"class": "cirrhosis"})))
    assert all(response for _, response in said)
    assert classify.block("image", "cirrhosis") in {
        block for example in examples_of(sample_of(attributes={"class": "cirrhosis"})) for block in example.blocks
    }
    assert not any("organ" in query or "which" in query for query, _ in said)


@pytest.mark.parametrize("name", ["liver", "lesion", "organ"])
def test_categories_may_have_the_names_of_organs_and_lesions(name: str) -> None:
    shown = [truth for e in examples_of(sample_of(Structure(name, masks=mask_of(4, 8)[None]))) for truth in e.regions]
    assert shown
    assert all(truth.present and truth.outlined and len(truth.masks) == 1 for truth in shown)
    hidden = [truth for e in examples_of(sample_of(absent=(name,))) for truth in e.regions]
    assert hidden
    assert not any(truth.present for truth in hidden)
    assert all(truth.outlined for truth in hidden)


def test_a_lesion_by_any_name_is_not_denied() -> None:
    cyst, bare = (Structure(name, masks=mask_of(4, 8)[None]) for name in ("cyst", "lesion"))
    assert "lesion" not in observe(labelled(sample_of(cyst, absent=("lesion",)), SIZE)).absent
    assert observe(labelled(sample_of(bare, absent=("cyst",)), SIZE)).absent == ("cyst",)


def test_every_one_of_many_categories_is_asked_for() -> None:
    names = ("kidney", "spleen", "pancreas", "aorta")
    structures = [Structure(name, masks=mask_of(2 + 18 * (k % 2), 4 + 20 * k)[None]) for k, name in enumerate(names)]
    examples = examples_of(sample_of(*structures))
    queries = {block.query for example in examples for block in example.blocks}
    for name in names:
        assert {segment.block(name).query, detect.block(name).query} <= queries
    asked = [[b for b in e.blocks if b.query.startswith(("segment ", "detect "))] for e in examples]
    assert {len(blocks) for blocks in asked} == {2}
    assert keypoints.block("kidney").query not in queries


def test_views_are_made_of_everything_without_a_floating_point_error() -> None:
    transform = build_augmentation()
    item = labelled(EVERYTHING, SIZE)
    mirrored = 0
    with np.errstate(all="raise", under="ignore"):  # as in a worker of the data module
        for seed in range(60):
            view = augment(item, transform, np.random.default_rng(seed))
            mirrored += view.exchanges[0].question == "Is the right lobe enlarged?"
            assert len(view.boxes) == 3
            assert np.isnan(view.keypoints[1]).all()
            assert build_example(framed(view, SIZE), np.random.default_rng(seed)).blocks
    assert 0 < mirrored < 60


def test_tissue_beside_a_box_is_not_taken_for_healthy() -> None:
    item = replace(labelled(sample_of(BOTH), SIZE), pixels=np.full((SIZE, SIZE), 90, np.uint8))
    outlined = replace(item, facts=replace(item.facts, boxed=()))
    assert beside_lesion(outlined, np.random.default_rng(0)) is not None
    assert beside_lesion(item, np.random.default_rng(0)) is None


def test_a_mixture_draws_them(tmp_path: Path) -> None:
    mixture = Mixture([Store.write(tmp_path, [EVERYTHING], 1, SIZE)], [1.0], size=SIZE, seed=0)
    examples = [mixture[k] for k in range(40)]
    assert {exchange.question for exchange in EXCHANGES} & {query for query, _ in asked_of(examples)}
    assert any(len(truth.boxes) for example in examples for truth in example.regions)


def test_the_smaller_one_of_two_that_overlap_is_kept() -> None:
    small, large = Structure("cyst", masks=mask_of(12, 30, 6)[None]), Structure("liver", masks=mask_of(4, 20, 30)[None])
    for structures in ((small, large), (large, small)):
        item = labelled(sample_of(*structures), WIDTH)
        place = 1 + [s.name for s in structures].index("cyst")
        assert (item.labels == place).sum() == 36
        assert (item.labels > 0).sum() == 900


def test_facts_without_boxes_are_written_as_before() -> None:
    assert labelled(sample_of(OUTLINED), SIZE).facts.boxed == ()
    facts = Facts("own", "train", "k", "k", "", (("cyst", 0, {}),), (), {}, (1,))
    blank = np.zeros((SIZE, SIZE), np.uint8)
    assert observe(Labelled(blank, blank, facts)).findings == ()  # a caller that passes no boxes on
