"""Training takes what others bring: shards from a configuration, boxes without outlines, a set's own words."""

from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch import Trainer

from umind.data.shards import write_shards
from umind.data.store import Store
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Exchange, Sample, Structure

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # a tiny run needs none
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning calls what torch has renamed
    # webdataset leaves open files to the garbage collector
    pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"),
]


def boxed_sample(seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    return Sample(
        UltrasoundImage(rng.integers(0, 255, (64, 64), np.uint8)),
        key=str(seed),
        dataset="boxed",
        split="train",
        organ="",
        structures=(Structure("nodule", masks=np.zeros((0, 64, 64), bool), boxes=np.array([[10, 12, 40, 44]], np.float32)),),
        exchanges=(Exchange("Is there a nodule?", answer="Yes, one."),),
        report="One nodule.",
    )


def fit(studio, data, root: Path) -> Trainer:
    trainer = Trainer(
        default_root_dir=root,
        accelerator="cpu",
        max_steps=2,
        val_check_interval=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(studio.module(), datamodule=data)
    return trainer


def test_a_run_streams_from_shards(studio, tmp_path: Path) -> None:
    write_shards(Store(studio.stores / "phantom-train"), tmp_path / "shards", per_shard=4)
    trainer = fit(studio, studio.data(shards=tmp_path / "shards"), tmp_path)
    assert trainer.global_step == 2
    assert trainer.datamodule.state_dict() == {"samples": 4}
    assert trainer.callback_metrics["val/loss"].isfinite()


def test_boxes_and_words_alone_train(studio, tmp_path: Path) -> None:
    Store.write(tmp_path / "boxed-train", [boxed_sample(seed) for seed in range(6)], 6, 64)
    data = studio.data()
    data.folder, data.weights = tmp_path, {"boxed": 1.0}
    module = studio.module(frozen=())
    data.attach(module.processor)
    batch = next(batch for batch in data.train_dataloader() if batch.regions.present.any())
    assert len(batch.regions.slots)
    total, parts, _ = module.step(batch)
    total.backward()
    assert total.isfinite()
    assert parts["presence"] > 0
    assert parts["text"] > 0
    assert all(parts[name] == 0 for name in ("mask", "dice", "keypoint", "spread"))
    assert all(parts[name] > 0 for name in ("centre", "box_l1", "box_giou"))
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())
