"""Whole training runs, small: repeatable to the bit, resumable at any step, and what they leave behind."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from umind.backbone.adapter import AdapterConfig
from umind.checkpoint import load
from umind.decoders.decoder import Candidates, RegionOutput
from umind.decoders.keypoint.head import PointOutput
from umind.decoders.measure.head import LengthOutput
from umind.model import UMindOutput
from umind.training.callbacks import FOUND, TRUTH, Overlays, SaveModel, contact_sheet
from umind.training.module import part_of, schedule

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # a tiny run needs none
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning calls what torch has renamed
]
STEPS = 20


class KilledError(Exception):
    """The process was killed."""


class Witness(Callback):
    """Notes the loss of every step; saves at one step and kills the run there.

    Args:
        kill_at: Global step.
        path: Checkpoint.
    """

    def __init__(self, kill_at: int | None = None, path: Path | None = None) -> None:
        self.kill_at, self.path = kill_at, path
        self.losses: dict[int, float] = {}

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs, batch, batch_idx: int) -> None:
        self.losses[trainer.global_step] = float(outputs["loss"])
        if trainer.global_step == self.kill_at:
            trainer.save_checkpoint(self.path)
            raise KilledError


def trainer_of(root: Path, *callbacks: Callback, **kwargs: object) -> Trainer:
    settings: dict[str, object] = {
        "accelerator": "cpu",
        "max_steps": STEPS,
        "max_epochs": -1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "gradient_clip_val": 1.0,
        "deterministic": "warn",
        "log_every_n_steps": 5,
    }
    before = [callback for callback in callbacks if not isinstance(callback, Witness)]
    after = [callback for callback in callbacks if isinstance(callback, Witness)]  # as Lightning has ModelCheckpoint last
    return Trainer(default_root_dir=root, callbacks=[*before, EMAWeightAveraging(decay=0.9), *after], **(settings | kwargs))


def fit(studio, root: Path, witness: Witness, ckpt: Path | None = None, **kwargs: object) -> dict[str, Tensor]:
    """Weights after a run."""
    module = studio.module()
    trainer_of(root, witness, **kwargs).fit(module, datamodule=studio.data(), ckpt_path=ckpt, weights_only=True)
    return module.state_dict()


@pytest.fixture(scope="module")
def whole(studio, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, float], dict[str, Tensor]]:
    witness = Witness()
    return witness.losses, fit(studio, tmp_path_factory.mktemp("whole"), witness)


def test_a_seeded_run_is_repeatable_to_the_bit(studio, tmp_path: Path, whole) -> None:
    losses, weights = whole
    witness = Witness()
    again = fit(studio, tmp_path, witness)
    assert list(losses) == list(range(1, STEPS + 1))
    assert witness.losses == losses
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    start = studio.module().state_dict()
    assert sum(not torch.equal(weights[name], start[name]) for name in weights) > len(weights) / 2


@pytest.mark.parametrize("step", [int(np.random.default_rng(0).integers(2, 14)), 15, 17])  # in, at the end of, after an epoch
def test_a_killed_run_goes_on_as_if_nothing_had_happened(studio, tmp_path: Path, whole, step: int) -> None:
    losses, weights = whole
    first, second = Witness(step, tmp_path / "killed.ckpt"), Witness()
    with pytest.raises(KilledError):
        fit(studio, tmp_path, first)
    resumed = fit(studio, tmp_path, second, ckpt=tmp_path / "killed.ckpt")
    assert first.losses | second.losses == losses
    assert min(second.losses) == step + 1
    assert [name for name in weights if not torch.equal(weights[name], resumed[name])] == []


def test_validation_saves_a_model_that_loads(studio, tmp_path: Path) -> None:
    module = studio.module()
    trainer = trainer_of(tmp_path, SaveModel(), max_steps=15)
    trainer.fit(module, datamodule=studio.data())
    folder = tmp_path / "model"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    model, processor = load(folder, device="cpu", dtype="float32")
    kept, averaged = model.state_dict(), module.model.state_dict()
    assert set(kept) == set(averaged)
    for name, tensor in averaged.items():  # at the end of fit the averaged weights are in the module
        wanted = tensor.bfloat16().float() if tensor.is_floating_point() else tensor
        assert kept[name].dtype == wanted.dtype
        torch.testing.assert_close(kept[name], wanted, rtol=0, atol=0)
    assert processor.image_processor.size == 64
    assert len(processor.tokenizer) == len(module.processor.tokenizer)


def test_validating_alone_writes_nothing(studio, tmp_path: Path) -> None:
    figures = trainer_of(tmp_path, SaveModel()).validate(studio.module(), datamodule=studio.data(), verbose=False)[0]
    assert not (tmp_path / "model").exists()
    assert {"val/loss", "val/mask", "val/dice_at_truth", "val/presence_accuracy", "val/word_accuracy"} <= set(figures)
    assert 0 <= figures["val/dice_at_truth"] <= 1


def test_testing_gives_the_figures_of_validation(studio, tmp_path: Path) -> None:
    module, data = studio.module(), studio.data()
    trainer = trainer_of(tmp_path)
    validated = trainer.validate(module, datamodule=data, verbose=False)[0]
    tested = trainer.test(module, datamodule=data, verbose=False)[0]
    assert {name.removeprefix("val/") for name in validated} == {name.removeprefix("test/") for name in tested}


def test_predicting_reads_no_truth(studio, tmp_path: Path) -> None:
    module, data = studio.module(), studio.data()
    outputs = trainer_of(tmp_path).predict(module, datamodule=data)
    assert outputs is not None
    assert len(outputs) == 1
    assert isinstance(outputs[0], UMindOutput)
    assert outputs[0].regions is not None
    batch = next(iter(data.val_dataloader()))
    module.eval()
    with torch.inference_mode():
        wanted = module.model(batch.input_ids, batch.attention_mask, batch.pixel_values).regions
    torch.testing.assert_close(outputs[0].regions.points, wanted.points)
    assert len(wanted.slots) != len(batch.regions.slots) or not torch.equal(wanted.points, batch.regions.sites)


def test_overlays_reach_the_board_and_change_nothing(studio, tmp_path: Path, whole) -> None:
    witness = Witness()
    board = TensorBoardLogger(tmp_path, name="board")
    weights = fit_with_overlays(studio, tmp_path, witness, board)
    assert witness.losses == whole[0]
    assert all(torch.equal(weights[name], whole[1][name]) for name in weights)
    events = EventAccumulator(board.log_dir, size_guidance={"images": 0}).Reload()
    drawn = events.Images("val/overlays")
    assert [event.step for event in drawn] == [15]
    assert (drawn[0].width, drawn[0].height) == (4 * 64, 64)  # two validation images, four to a row


def fit_with_overlays(studio, root: Path, witness: Witness, board: TensorBoardLogger) -> dict[str, Tensor]:
    module = studio.module()
    trainer_of(root, witness, Overlays(), logger=board).fit(module, datamodule=studio.data())
    return module.state_dict()


def test_contact_sheet_shows_truth_and_finding(studio) -> None:
    data, module = studio.data(), studio.module()
    data.attach(module.processor)
    walk = data.val_dataloader().dataset
    examples = [walk[0], walk[1]]
    truths = [truth for example in examples for truth in example.regions]
    slot = next(k for k, truth in enumerate(truths) if len(truth.masks))
    num = len(truths)
    masks = torch.full((1, 16, 16), -5.0)
    masks[0, 4:12, 4:12] = 5.0

    def output(presence: float) -> UMindOutput:
        empty, none = torch.zeros(num, 8, 8), torch.zeros(0, dtype=torch.long)
        regions = RegionOutput(
            centres=empty,
            extent=empty,
            presence=torch.full((num,), presence),
            slots=torch.tensor([slot]),
            points=torch.tensor([[0.5, 0.5]]),
            vectors=torch.zeros(1, 32),
            scores=torch.tensor([0.9]),
            masks=masks,
            quality=torch.zeros(1),
            boxes=torch.zeros(1, 4),
            lengths=LengthOutput(torch.zeros(1, 4), torch.zeros(1, 4)),
            candidates=Candidates(none, torch.zeros(0, 2), torch.zeros(0)),
        )
        return UMindOutput(torch.zeros(1), torch.zeros(1), regions, PointOutput(none, none, torch.zeros(0, 16, 16)), None)

    sheet = contact_sheet(examples, output(3.0), columns=3)
    assert sheet.shape == (64, 192, 3)
    assert (sheet == FOUND).all(-1).sum() > 80
    assert (sheet == TRUTH).all(-1).any()
    assert not (sheet[:, 128:]).any()
    assert not (contact_sheet(examples, output(-3.0), columns=3) == FOUND).all(-1).any()


def test_schedule() -> None:
    assert schedule(0, 10, 100) == pytest.approx(0.1)
    assert schedule(9, 10, 100) == pytest.approx(1)
    assert schedule(55, 10, 100) == pytest.approx(0.505)
    assert schedule(100, 10, 100) == pytest.approx(0.01)
    assert schedule(500, 10, 100) == pytest.approx(0.01)


def test_optimiser_takes_each_trained_weight_once(studio) -> None:
    module = studio.module(frozen=("pixels.encoder.conv_stem",), encoder_rate=0.5)
    module.trainer = Trainer(max_steps=5, logger=False, enable_checkpointing=False, accelerator="cpu", barebones=True)
    trained = [p for p in module.model.parameters() if p.requires_grad]
    assert all(m.training for m in module.model.modules())
    module.on_train_start()
    assert {name for name, part in module.model.named_modules() if not part.training} == {"pixels.encoder.conv_stem"}
    assert not any(p.requires_grad for p in module.model.pixels.encoder.conv_stem.parameters())
    groups = optimiser_groups(module)
    members = [p for group in groups for p in group["params"]]
    assert {id(p) for p in members} == {id(p) for p in trained}
    assert len(members) == len(trained)
    assert {group["initial_lr"] for group in groups} == {1e-3, 5e-4}
    assert all(group["weight_decay"] == (0.05 if group["params"][0].ndim > 1 else 0) for group in groups)


def test_frozen_parts_stay_while_the_rest_learns(studio, tmp_path) -> None:
    frozen = ("pixels.encoder", "pixels.to_token", "language")
    module = studio.module(frozen=frozen)
    before = {name: value.clone() for name, value in module.model.state_dict().items()}
    trainer_of(tmp_path, max_steps=2).fit(module, studio.data())
    after = module.model.state_dict()
    changed = {name for name, value in after.items() if not torch.allclose(value, before[name], atol=0, rtol=1e-6)}
    assert changed
    assert not [name for name in changed if f"{name}.".startswith(tuple(f"{part}." for part in frozen))]
    assert {"regions", "points", "pixels"} == {name.split(".")[0] for name in changed}


def test_an_adapter_learns_alone_and_loads_on_the_model_that_it_began_with(studio, tmp_path: Path) -> None:
    module = studio.module(adapter=AdapterConfig(rank=2))
    before = {name: value.clone() for name, value in module.model.state_dict().items()}
    trainer_of(tmp_path, SaveModel(), SaveModel("half", share=0.5), max_steps=15).fit(module, studio.data())
    after = module.model.state_dict()
    changed = {name for name, value in after.items() if not torch.allclose(value, before[name], atol=0, rtol=1e-6)}
    assert changed  # statistics of batch normalisation stay too: the adapter does not hold them
    assert {name for name in changed if "lora_" not in name} == set()
    base, _ = load(studio.init, device="cpu", dtype="float32")
    adapted, _ = load(studio.init, device="cpu", dtype="float32", adapter=tmp_path / "model")
    assert set(adapted.state_dict()) == set(base.state_dict())
    assert any(not torch.equal(value, base.state_dict()[name]) for name, value in adapted.state_dict().items())
    half, _ = load(studio.init, device="cpu", dtype="float32", adapter=tmp_path / "half")
    for name, value in half.state_dict().items():
        midway = (base.state_dict()[name].double() + adapted.state_dict()[name].double()) / 2
        torch.testing.assert_close(value.double(), midway, atol=1e-6, rtol=1e-5)


def test_an_unknown_part_cannot_be_frozen(studio) -> None:
    with pytest.raises(ValueError, match=r"no part 'pixels\.encode'"):
        part_of(studio.module().model, "pixels.encode")


def optimiser_groups(module) -> list[dict]:
    return module.configure_optimizers()["optimizer"].param_groups
