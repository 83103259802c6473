"""What the arguments name, opened: the model and the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from transformers.utils import logging

from umind.checkpoint import locate
from umind.cli.terminal import CallError
from umind.geometry.spacing import Spacing
from umind.io import read
from umind.io.ruler import calibrated_by_ruler
from umind.predictor import UMindVL
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip, UltrasoundImage


def open_model(source: Path | None, *, device: str, adapter: Path | None = None) -> UMindVL:
    """A model from a folder, the embedded one for None, with its adapter; never one from the network.

    Raises:
        CallError: There is no such folder, or no model or adapter in it.
    """
    if not Path(locate(source)).is_dir():
        raise CallError(f"no model in {source}: wanted a folder with config.json and model.safetensors")
    if adapter is not None and not adapter.is_dir():
        raise CallError(f"no adapter in {adapter}: wanted a folder with adapter_config.json and adapter_model.safetensors")
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return UMindVL.from_pretrained(source, device=device, adapter=adapter)
    except (ValueError, OSError) as error:
        raise CallError(str(error)) from error


def refuse_missing(folders: Sequence[Path]) -> None:
    """Refuse folders of data sets that are not there, before the first is read.

    Raises:
        CallError: One of them is no folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise CallError(f"{folder} is no folder; wanted are folders of data sets")


def open_still(path: Path, *, spacing: Spacing | None, ruler: float | None, frame: int | None) -> UltrasoundImage:
    """One image: a still, or a chosen frame of a clip.

    Args:
        path: File.
        spacing: Millimetres per pixel, in place of what the file says.
        ruler: Centimetres between the ticks of its depth ruler, which is read where no scale is known; None not to look at it.
        frame: Of a clip.

    Raises:
        ImageReadError: It cannot be read, is a clip of which no frame was chosen, or has no such frame.
    """
    image = read(path, spacing=spacing)
    num_frames = len(image) if isinstance(image, Clip) else 1
    if isinstance(image, Clip) and frame is None:
        raise ImageReadError(f"{path.name}: is a clip of {num_frames} frames; --frame N picks one, counted from 0")
    if frame is not None and frame >= num_frames:
        raise ImageReadError(f"{path.name}: has no frame {frame}; the last is {num_frames - 1}")
    still = image[frame or 0] if isinstance(image, Clip) else image
    if ruler is None or still.spacing or any(region.spacing for region in still.regions):
        return still
    return calibrated_by_ruler(still, cm_per_tick=ruler)
