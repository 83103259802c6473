"""Dense against mixture of experts: models that start alike, learn alike, and are asked the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from peer_scenes import SIZE, drawn
from safetensors.torch import load_file

from benchmarks.experts import score, stream, train
from benchmarks.experts.arms import ALWAYS_ON, ARMS, CHOOSING, DENSE, MASS, MOE, REGION, SKIP, Size, build, size_of, with_words
from benchmarks.experts.score import Judged, compare, mean_size, open_texts, trained
from benchmarks.experts.stream import NUM_TURNS, TEXTS, Conversations, open_stores
from benchmarks.images import Images, open_images
from benchmarks.side_by_side import experts_table, routing_table
from benchmarks.tables import figures_in_short, figures_of
from umind.backbone.moe.attach import dual_paths
from umind.backbone.moe.routing import steer
from umind.backbone.pixels import PixelConfig
from umind.data.store import Store
from umind.evaluation.interview import Portion
from umind.model import UMindConfig, UMindModel
from umind.predictor import UMindVL
from umind.processor.processor import UMindImageProcessor, UMindProcessor
from umind.schema.sample import Exchange
from umind.tokens.template import Block
from umind.tokens.tokenizer import train_tokenizer

SAID = Exchange("请描述。", answer="乳腺内见一低回声结节\uff0c边界清晰。", language="zh")


def described(seed: int, key: str):
    """An image with a text about it."""
    return replace(drawn(seed, dataset=TEXTS), key=key, structures=(), absent=(), exchanges=(SAID,))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads, breasts, texts about two of the breasts and about one of another split, and words with Chinese among them."""
    folder = tmp_path_factory.mktemp("stores")
    heads = [drawn(seed, dataset="HC18") for seed in range(3)]
    breasts = [replace(drawn(seed), key=f"Images/bus_{seed}") for seed in range(3)]
    texts = [described(seed, f"BUS-BRA/bus_{seed}") for seed in (0, 2, 7)]
    for name, samples in (("HC18", heads), ("BUSBRA", breasts), (TEXTS, texts)):
        Store.write(folder / f"{name}-train", samples, len(samples), SIZE)
    words = [SAID.question, SAID.answer, "there is one breast lesion in the centre of the image", "fetal head"]
    train_tokenizer(words * 3).save_pretrained(folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense model whose blocks have as many neurons as umind-tiny's, with English words."""
    torch.manual_seed(0)
    words = train_tokenizer(["there is one breast lesion", "fetal head", "yes no"] * 3)
    sizes = {"hidden_size": 64, "intermediate_size": 768, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 32}
    config = UMindConfig.tiny(vocab_size=len(words), **sizes)
    config.pixel_config = PixelConfig(image_size=SIZE)
    processor = UMindProcessor(UMindImageProcessor(size=SIZE), words, config.pixel_config.num_tokens)
    folder = tmp_path_factory.mktemp("start")
    UMindVL(UMindModel(config).eval(), processor).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models(stores: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All, after three steps."""
    out = tmp_path_factory.mktemp("models")
    for arm in ARMS:
        train.main([arm, *calls(stores, start, out)])
    return out


def calls(stores: Path, start: Path, out: Path) -> list[str]:
    return ["--stores", str(stores), "--start", str(start), "--out", str(out), "--steps", "3", "--rate", "3e-3"]


def logits(model: UMindModel, processor: UMindProcessor) -> torch.Tensor:
    packed = processor.pack([[Block("fetal head", "there is one [SEG]")]])
    pixels = torch.linspace(-1, 1, SIZE * SIZE).view(1, 1, SIZE, SIZE)
    with torch.inference_mode():
        found: torch.Tensor = model(packed["input_ids"], packed["attention_mask"], pixel_values=pixels, decode=False).logits
    return found


def test_both_have_the_same_active_parameters(stores: Path, start: Path) -> None:
    taken = {MOE: 2, DENSE: 1, MASS: 2.5, SKIP: 1.5, REGION: 2}
    sizes = {arm: size_of(build(arm, stores / "tokenizer", source=start)[0], taken[arm]) for arm in ARMS}
    assert sizes[MOE].active == sizes[DENSE].active == sizes[DENSE].total - sizes[DENSE].routers
    assert sizes[REGION].active == sizes[MOE].active
    assert sizes[REGION].routers == 2 * sizes[MOE].routers
    half = 2 * 3 * 64 * CHOOSING.moe_intermediate_size // 2
    assert sizes[MASS].active - sizes[MOE].active == sizes[MOE].active - sizes[SKIP].active == half
    idle = CHOOSING.num_experts - CHOOSING.num_experts_per_tok
    assert sizes[MOE].total - sizes[MOE].routers - sizes[MOE].active == 2 * idle * 3 * 64 * CHOOSING.moe_intermediate_size
    assert (sizes[MOE].routers, sizes[DENSE].routers) == (2 * 4 * 64, 2 * 64)
    assert ALWAYS_ON.moe_intermediate_size == CHOOSING.num_experts_per_tok * CHOOSING.moe_intermediate_size


def test_options_differ_in_nothing_but_themselves() -> None:
    for arm, option in {MASS: "router_mass", SKIP: "num_skip_experts", REGION: "region_prior"}.items():
        assert replace(ARMS[arm], **{option: getattr(CHOOSING, option)}) == CHOOSING
        assert ARMS[arm] != CHOOSING


def test_a_prior_changes_nothing_at_the_start_and_learns(stores: Path, start: Path, models: Path) -> None:
    with_prior, plain = (build(arm, stores / "tokenizer", source=start) for arm in (REGION, MOE))
    assert torch.equal(logits(*with_prior), logits(*plain))
    learnt = load_file(models / f"{REGION}-0" / "model" / "model.safetensors")
    maps = [tensor for name, tensor in learnt.items() if name.endswith("moe.gate.region")]
    assert len(maps) == 2
    assert all(tensor.any() for tensor in maps)


def test_they_differ_in_nothing_but_the_choice(stores: Path, start: Path) -> None:
    moe, processor = build(MOE, stores / "tokenizer", source=start)
    dense, _ = build(DENSE, stores / "tokenizer", source=start)
    with torch.no_grad():
        for path in dual_paths(moe).values():
            path.moe.gate.weight.zero_()
    expected = logits(dense, processor)
    with steer(moe, torch.tensor([[[9.0, 9.0, 0.0, 0.0]]])):
        torch.testing.assert_close(logits(moe, processor), expected, rtol=1e-4, atol=1e-5)
    with steer(moe, torch.tensor([[[0.0, 0.0, 9.0, 9.0]]])):
        assert (logits(moe, processor) - expected).abs().max() > 1e-3


def test_new_words_begin_as_what_they_were_spelt_with(stores: Path, start: Path) -> None:
    old = UMindVL.from_pretrained(start)
    same, _ = with_words(old.model, old.processor, old.processor.tokenizer)
    torch.testing.assert_close(logits(same, old.processor), logits(old.model, old.processor), rtol=0, atol=0)
    new, processor = build(DENSE, stores / "tokenizer", source=start)
    before, after = (one.get_input_embeddings().get_parameter("weight") for one in (old.model, new))
    known, words = old.processor.tokenizer.get_vocab(), processor.tokenizer.get_vocab()
    assert len(after) == len(words) > len(known & words.keys())
    for token in ("[SEG]", "<end>", "a"):
        torch.testing.assert_close(after[words[token]], before[known[token]], rtol=0, atol=0)
    new_words = [token for token in words.keys() - known.keys() if not any(letter.isascii() for letter in token)]
    assert new_words
    for token in new_words:
        torch.testing.assert_close(after[words[token]], before[[known[letter] for letter in token]].mean(0))
    assert new.lm_head.weight is new.get_input_embeddings().weight
    assert {name.split(".")[0] for name, p in new.named_parameters() if p.requires_grad} == {"language"}


def test_the_stream_depends_on_seed_and_number_alone(stores: Path) -> None:
    first, second, other = (Conversations(open_stores(stores), seed) for seed in (0, 0, 1))
    seen = [first[index] for index in range(60)]
    assert [second[index] for index in reversed(range(60))] == seen[::-1]
    assert [other[index] for index in range(60)] != seen
    assert {one.name for one in seen} == {TEXTS, "BUSBRA", "HC18"}
    for one in seen:
        assert all(block.query and block.response for block in one.blocks)
        assert 1 <= len(one.blocks) <= NUM_TURNS


def test_a_text_about_an_image_of_another_split_is_not_learnt_from(stores: Path) -> None:
    conversations = Conversations(open_stores(stores), 0)
    texts = [one for one in map(conversations.__getitem__, range(100)) if one.name == TEXTS]
    assert {one.row for one in texts} == {0, 1}
    assert {one.blocks for one in texts} == {(Block(SAID.question, SAID.answer),)}


def test_training_without_stores_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="umind data prepare"):
        open_stores(tmp_path)


def test_only_words_are_learnt(models: Path, start: Path) -> None:
    was = load_file(start / "model.safetensors")
    for arm in ARMS:
        now = load_file(models / f"{arm}-0" / "model" / "model.safetensors")
        frozen = [name for name in was if not name.startswith(("language.", "lm_head."))]
        assert frozen
        assert all(torch.equal(now[name], was[name]) for name in frozen)
        attention = "language.layers.0.self_attn.q_proj.weight"
        assert not torch.equal(now[attention], was[attention])
        record = json.loads((models / f"{arm}-0" / "training.json").read_text())
        assert (record["arm"], record["seed"], record["num_steps"], record["rate"]) == (arm, 0, 3, 3e-3)
    assert len(list(models.glob("tokens-*/*.npy"))) == 3


def test_training_goes_on_where_it_was(
    stores: Path, start: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = train.Training.learn

    def interrupted(self: train.Training, *arguments: object) -> None:
        if self.step == 2:
            raise KeyboardInterrupt
        learn(self, *arguments)

    monkeypatch.setattr(train, "STEPS_BETWEEN_CHECKPOINTS", 1)
    monkeypatch.setattr(train.Training, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.main([MOE, *calls(stores, start, tmp_path)])
    monkeypatch.setattr(train.Training, "learn", learn)
    monkeypatch.setattr(stream, "write_tokens", None)  # what was looked at is not looked at again
    train.main([MOE, *calls(stores, start, tmp_path)])
    found, expected = (load_file(folder / f"{MOE}-0" / "model" / "model.safetensors") for folder in (tmp_path, models))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    with pytest.raises(ValueError, match="remove it"):
        train.main([MOE, *calls(stores, start, tmp_path), "--seed", "0", "--steps", "4"])


def judged(worths: list[float], about: str = "breast") -> list[Judged]:
    return [Judged(about, "right", (str(place),), str(place // 2), worth) for place, worth in enumerate(worths)]


def test_differences_are_paired_and_seeds_averaged() -> None:
    moe, dense = [judged([1, 1, 0, 1]), judged([1, 1, 1, 1])], [judged([0, 1, 0, 0]), judged([1, 0, 1, 0])]
    (figure,) = compare({DENSE: dense, MOE: moe, SKIP: moe})
    other = figure.others[DENSE]
    assert (figure.about, figure.num_questions) == ("breast", 4)
    assert (figure.moe.value, other.worth.value) == (0.875, 0.375)
    assert other.by_seed == (0.5, 0.5)
    assert other.difference.value == 0.5
    assert other.difference.num_groups == 2
    assert (other.difference.lower, other.difference.upper) == (0.5, 0.5)
    assert (figure.others[SKIP].difference.value, figure.others[SKIP].worth) == (0, figure.moe)
    assert MOE not in figure.others


def test_options_are_scored_if_they_are_there_for_every_seed(tmp_path: Path) -> None:
    for name in (f"{SKIP}-0", f"{SKIP}-1", f"{MASS}-1"):
        (tmp_path / name / "model").mkdir(parents=True)
    assert trained(tmp_path, (0, 1)) == {arm: [tmp_path / f"{arm}-{seed}" for seed in (0, 1)] for arm in (MOE, DENSE, SKIP)}
    assert trained(tmp_path, (1,)).keys() == {MOE, DENSE, MASS, SKIP}


def test_seeds_take_experts_on_average() -> None:
    assert mean_size([Size(100, 60, 3, 2.0), Size(100, 70, 3, 2.5)]) == Size(100, 65, 3, 2.25)


def test_other_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions"):
        compare({MOE: [judged([1, 1])], DENSE: [judged([1, 1, 1])]})
    with pytest.raises(ValueError, match="same questions"):
        compare({MOE: [judged([1, 1])], DENSE: [judged([1, 1], about="lung")]})


def test_the_script_asks_all_and_writes_a_card(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    breasts = [drawn(seed, dataset="BrEaST", split="test", count=1) for seed in (20, 21)]
    look = {"class": "benign", "shape": "oval", "margin": "circumscribed"}
    breasts = [replace(one, structures=(replace(one.structures[0], attributes=look),)) for one in breasts]
    heads = [drawn(seed, dataset="HC18", split="test") for seed in (20, 21)]
    images = Images("test", 40, False, {"BrEaST": Portion(breasts), "HC18": Portion(heads), "TG3K": Portion([])})
    monkeypatch.setattr(score, "open_images", lambda folder, split, limit: images)
    monkeypatch.setattr(score, "open_texts", lambda data, images: Portion([described(22, "BUSI/benign (1)")]))
    monkeypatch.setattr("umind.one_pass.MAX_NEW_TOKENS", 6)
    folders = ["--models", str(models), "--predictions", str(tmp_path / "kept"), "--results", str(tmp_path)]
    score.main(["--data", "x", "--split", "test", *folders])
    card = json.loads((tmp_path / "experts-test.json").read_text())
    figures = {(row["about"], row["measure"]): row for row in card["figures"]}
    assert set(figures) == {
        *(("EchoVLM texts", measure) for measure in ("BLEU-1", "ROUGE-1")),
        *(("breast", "right"), ("BrEaST descriptors", "finding F1"), ("fetal head", "right")),
        *(("every region", kind) for kind in ("organ", "yes or no", "counting", "where", "describe", "single choice")),
    }
    counts = [figures[name]["num_questions"] for name in (("EchoVLM texts", "BLEU-1"), ("BrEaST descriptors", "finding F1"))]
    assert counts == [1, 2]
    assert card["data"] == {"BrEaST": 2, "HC18": 2}
    assert card["sizes"].keys() == ARMS.keys()
    assert card["sizes"][MOE]["active"] == card["sizes"][DENSE]["active"] == card["sizes"][REGION]["active"]
    taken = {arm: size["taken"] for arm, size in card["sizes"].items()}
    assert (taken[MOE], taken[DENSE], taken[REGION]) == (2, 1, 2)
    assert taken[SKIP] < 2 < taken[MASS]  # probabilities are still nearly even
    assert all(row["others"].keys() == {DENSE, MASS, SKIP, REGION} for row in card["figures"])
    assert card["training"][f"{DENSE}-0"]["num_steps"] == 3
    assert card["use"].keys() == ARMS.keys() - {DENSE}
    use = card["use"][MOE]
    assert use["regions"] == {"breast": 2, "fetal head": 2}
    assert np.sum(use["layers"][0]["load"]) == pytest.approx(1)
    assert "EchoVLM texts BLEU-1 moe" in (tmp_path / "test_runs.csv").read_text()
    assert "Words by a mixture of experts" in capsys.readouterr().out
    kept = sorted((tmp_path / "kept").glob("experts-*/test.tsv"))
    assert [path.parent.name.rpartition("-")[0] for path in kept] == [f"experts-{arm}-0" for arm in sorted(ARMS)]
    once = [path.read_text() for path in kept]
    score.main(["--data", "x", "--split", "test", *folders])
    assert [path.read_text() for path in kept] == once
    assert figures_in_short(card).startswith("EchoVLM texts BLEU-1 moe")
    document = figures_of({"experts-test": card})
    assert experts_table(card) in document
    layers = card["use"][REGION]["layers"]
    told = [f"{np.mean([layer[about]['bits'] for layer in layers]):.3f}" for about in ("region", "task")]
    (row,) = [row for row in routing_table(card).splitlines() if row.startswith("| With a prior of the region |")]
    assert row.endswith(f"| {told[0]} | {told[1]} |")
    assert routing_table(card) in document


def test_a_text_is_scored_where_its_image_is_and_has_no_twin(tmp_path: Path) -> None:
    home, texts = tmp_path / "Dataset_BUSI_with_GT", tmp_path / TEXTS
    (home / "benign").mkdir(parents=True)
    texts.mkdir()
    rng = np.random.default_rng(0)
    names = [f"benign ({number})" for number in range(1, 4)]
    entries = []
    for name in names:
        pixels = rng.integers(0, 255, (SIZE, SIZE), np.uint8)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[20:40, 20:40] = 255
        cv2.imwrite(str(home / "benign" / f"{name}.png"), pixels)
        cv2.imwrite(str(home / "benign" / f"{name}_mask.png"), mask)
        turns = [{"from": "human", "value": SAID.question}, {"from": "gpt", "value": SAID.answer}]
        entries.append({"id": f"{name}.png", "description": SAID.answer, "conversations": turns})
    (texts / "BUSI.json").write_text(json.dumps(entries), "utf-8")
    rows = [f"benign/{name},,{name},{split}" for name, split in zip(names, ("train", "test", "test"), strict=True)]
    (home / "splits.csv").write_text("\n".join(["image,patient,group,split", *rows]) + "\n")
    table = tmp_path / "twins.csv"
    line = f"Dataset_BUSI_with_GT,benign/{names[2]},test,benign/{names[0]},train"
    table.write_text(f"dataset,key,split,twin,twin_split\n{line}\n")
    found = list(open_texts(tmp_path, open_images(tmp_path, "test", table=table)))
    assert [sample.key for sample in found] == [f"BUSI/{names[1]}"]
    assert found[0].exchanges[0].answer == SAID.answer
