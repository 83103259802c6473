"""Optimisations change what calls cost and not what they say; the script writes a card with both sides of each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import memory, mixture, networks, optimisations, throughput
from benchmarks.optimisations import EXPERTS, OPTIMISATIONS, QWEN, TINY
from benchmarks.prompts import NEW_TOKENS, Prompt, Setting
from benchmarks.tables import figures_of, read_cards
from umind import UMindVL
from umind.backbone.quantized import PACKAGES, Bits
from umind.model import StateRecorder
from umind.tasks.analyze import Analyze

SMALL = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
SMALL |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]}}
EYES = {"depth": 1, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 64}


@pytest.fixture(scope="module")
def tiny(random_umind: UMindVL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "small"
    random_umind.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "qwen"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "TEXT", networks.TEXT | SMALL)
        patch.setattr(networks, "VISION", networks.VISION | EYES | {"fullatt_block_indexes": [0]})
        patch.setattr(networks, "SEEN", 56)
        networks.write_qwen(place)
    return place


@pytest.fixture(params=["tiny", "qwen"])
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(request.getfixturevalue(request.param), 2)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experts of a size for tests."""
    monkeypatch.setattr(mixture, "HIDDEN", 16)
    monkeypatch.setattr(mixture, "TOKENS", 12)


@torch.no_grad()
def test_the_cache_changes_no_word(setting: Setting) -> None:
    whole, cached = (optimisations.cache(setting, improved).run() for improved in (False, True))
    assert torch.equal(whole, cached)
    prompt = optimisations.report_of(setting)
    assert whole.shape == (2, prompt.ids.shape[1] + NEW_TOKENS)


@torch.no_grad()
def test_recorded_states_are_those_of_a_second_pass(setting: Setting) -> None:
    prompt, recorder = optimisations.report_of(setting), StateRecorder()
    grown = prompt.write(recorder=recorder)[:, :-1]
    said, hidden = recorder.sequence()
    length = prompt.ids.shape[1] - 1
    again = Prompt(prompt.model, grown, prompt.features).read(decode=False).hidden
    assert torch.equal(said, grown[:, length:])
    torch.testing.assert_close(hidden, again[:, length:], atol=1e-4, rtol=1e-4)
    for improved in (False, True):
        regions, _ = optimisations.states(setting, improved).run()
        assert len(regions.presence) == int(
            torch.isin(said, torch.tensor(prompt.model.config.ids.of("[SEG]", "[DET]", "[MEAS]"))).sum()
        )


@torch.no_grad()
def test_a_batch_writes_what_each_does(setting: Setting) -> None:
    alone, together = (optimisations.together(setting, improved).run() for improved in (False, True))
    assert torch.equal(torch.cat(alone), together[0])


@torch.no_grad()
def test_many_questions_find_what_each_does(setting: Setting) -> None:
    each, (first, second) = (optimisations.prefill(setting, improved).run() for improved in (False, True))
    for segmentations in each:
        for analysis, alone in zip((first, second), segmentations, strict=True):
            assert analysis.segmentations[alone.phrase].presence == pytest.approx(alone.presence, abs=1e-4)
    anew, once = (optimisations.encode(setting, improved).run() for improved in (False, True))
    for some, same in zip(anew, once, strict=True):
        assert [found.presence for found in some] == pytest.approx([found.presence for found in same], abs=1e-4)


@torch.no_grad()
def test_attention_written_out_is_attention(setting: Setting) -> None:
    plain, kernel = (optimisations.attention(setting, improved).run() for improved in (False, True))
    torch.testing.assert_close(plain.hidden, kernel.hidden, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_half_precision_and_absent_phrases(tiny: Path) -> None:
    whole, half = (optimisations.half(Setting(tiny, 1), improved).run() for improved in (False, True))
    assert (whole.hidden.dtype, half.hidden.dtype) == (torch.float32, torch.bfloat16)
    umind = optimisations.load(Setting(tiny, 1))
    drawn, some = (optimisations.absent(Setting(tiny, 1), improved).run() for improved in (False, True))
    least = umind.one_pass.calibration.least_logit(None)
    assert len(drawn.regions.presence) == len(Analyze(optimisations.FIND).blocks()) == len(some.regions.presence)
    assert set(some.regions.slots.tolist()) == set((some.regions.presence >= least).nonzero().flatten().tolist())


def test_checkpointing_gives_the_same_step(setting: Setting) -> None:
    calls = [optimisations.checkpointing(setting, improved) for improved in (False, True)]
    assert calls[0].tokens == calls[1].tokens > 0
    with torch.no_grad():
        kept, again = (call.run() for call in calls)
    torch.testing.assert_close(kept, again, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("narrow")
def test_the_loop_is_what_grouped_products_take_the_place_of() -> None:
    setting = Setting(Path(), 2)
    with torch.no_grad():
        plain, grouped = (mixture.forward(setting, improved).run() for improved in (False, True))
        torch.testing.assert_close(plain, grouped, atol=1e-6, rtol=1e-5)
        assert plain.abs().max() > 0
    experts, hidden, routing = mixture.layer(setting)
    gradients = [
        torch.autograd.grad(mixed.square().sum(), tuple(experts.parameters()))
        for mixed in (mixture.loop(experts, hidden, routing), experts(hidden, routing))
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    with torch.no_grad():
        assert [mixture.forward_and_backward(setting, improved).tokens for improved in (False, True)] == [24, 24]


@pytest.mark.usefixtures("narrow")
def test_a_card_has_both_sides_and_a_table(tiny: Path, qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def told(module: str, *words: str) -> float:
        asked.append((module, *words))
        return 300.0 if "before" in words else 200.0

    chosen = {
        "one prefill": replace(OPTIMISATIONS["one prefill"], batches=(2,)),
        "grouped experts": OPTIMISATIONS["grouped experts"],
    }
    monkeypatch.setattr(throughput, "OPTIMISATIONS", chosen)
    monkeypatch.setattr(throughput, "EMBEDDED", tiny)
    monkeypatch.setattr(
        throughput, "write_qwen", lambda folder: [folder.joinpath(f.name).write_bytes(f.read_bytes()) for f in qwen.iterdir()]
    )
    monkeypatch.setattr(throughput, "peak_told", told)
    throughput.main(["--repetitions", "1", "--devices", "cpu", "--results", str(tmp_path)])
    card = json.loads((tmp_path / "throughput.json").read_text())
    assert [(row["name"], row["model"], row["batch"]) for row in card["rows"]] == [
        ("one prefill", TINY, 2),
        ("one prefill", QWEN, 2),
        ("grouped experts", EXPERTS, 1),
        ("grouped experts", EXPERTS, 8),
    ]
    for row in card["rows"]:
        before, after = row["before"], row["after"]
        assert row["times"] == pytest.approx(before["seconds"]["median"] / after["seconds"]["median"])
        assert row["times"] == pytest.approx(after["tokens_per_second"] / before["tokens_per_second"])
        assert before["tokens_per_second"] == pytest.approx(row["tokens"] / before["seconds"]["median"])
        assert (before["peak_mb"], after["peak_mb"]) == (300, 200)
    assert card["rows"][3]["tokens"] == 8 * 12
    assert asked[0][:3] == ("benchmarks.optimisations", "one prefill", "before")
    assert len(asked) == 2 * len(card["rows"])
    table = figures_of(read_cards(tmp_path))
    assert "| one prefill: 16 phrases, a pass each / one pass for all | umind-tiny | 2 |" in table
    assert table.count("| 300 to 200 |") == 4


def test_a_peak_counts_from_where_it_was_forgotten() -> None:
    if not memory.STATUS.exists():
        pytest.skip("the system does not say")
    ballast = bytearray(256 * memory.MEBI)
    ballast[::4096] = b"x" * len(ballast[::4096])
    high = memory.peak()
    del ballast
    memory.forget()
    assert memory.peak() < high - 200 * memory.MEBI


@pytest.mark.parametrize("bits", PACKAGES)
def test_quantised_layers_answer(qwen: Path, bits: Bits) -> None:
    pytest.importorskip(PACKAGES[bits])
    with torch.no_grad():
        half, few = (optimisations.quantised(bits)(Setting(qwen, 1), improved) for improved in (False, True))
        assert half.tokens == few.tokens
        assert not torch.equal(half.run().hidden, few.run().hidden)
    assert bits in OPTIMISATIONS


def test_every_side_of_a_pair_can_be_run_in_a_process_of_its_own(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not memory.STATUS.exists():
        pytest.skip("the system does not say")
    optimisations.main(["encoded once", "after", "--model", str(tiny)])
    told = int(capsys.readouterr().out.split()[-1])
    assert 50 * memory.MEBI < told < 1.1 * memory.peak(), "the system rounds"
