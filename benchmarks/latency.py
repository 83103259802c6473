"""What calls cost: seconds and memory by verb, images, targets and pixels, and ratios, since seconds age.

``python -m benchmarks.latency``, on a machine that does nothing else. Writes ``latency.json`` and ``latency.png``. What is
compared takes turns; segment-anything ViT-B (Kirillov et al., 2023) and the network of one specialist have random weights here,
which cost what trained ones do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image
from segment_anything import SamPredictor, sam_model_registry

from benchmarks.cards import write_card
from benchmarks.curves import cost_picture
from benchmarks.memory import peak_of
from benchmarks.peers.network import build_network, outline
from benchmarks.provenance import RESULTS, provenance
from benchmarks.tables import latency_tables
from benchmarks.timing import Timing, interleaved
from benchmarks.workloads import WORKLOADS
from umind.checkpoint import locate
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms
from umind.predictor import UMindVL
from umind.processor.letterbox import letterbox
from umind.schema.result import Analysis

TARGETS = (
    "cyst",
    "solid lesion",
    "lesion",
    "breast lesion",
    "fetal head",
    "ovarian mass",
    "ovary",
    "thyroid nodule",
    "thyroid gland",
    "carotid artery",
    "nerve",
    "vessel",
    "liver lesion",
    "simple cyst",
    "solid mass",
    "nodule",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a model; umind-tiny, which is embedded, when not given")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repetitions", type=int, default=15, help="of everything but segment-anything (default: 15)")
    parser.add_argument("--sam-repetitions", type=int, default=3, help="of segment beside segment-anything; 0 leaves it out")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    folder = Path(locate(options.model))
    model = UMindVL.from_pretrained(folder, device=options.device)
    card: dict[str, Any] = provenance(options.device) | {"repetitions": options.repetitions, "warm_up": 1, "image": [256, 256]}
    card |= ratios(model, options)
    card["loaded_mb"] = peak_of(None, folder, options.device)
    card["workloads"] = [row for axis in WORKLOADS for row in measured(axis, model, folder, options)]
    path = write_card(options.results, "latency", card)
    Image.fromarray(cost_picture(card["workloads"])).save(path.with_suffix(".png"))
    print(f"{latency_tables(card)}\n\nwritten: {path}, {path.with_suffix('.png')}")


def measured(axis: str, model: UMindVL, folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The workloads of an axis with their seconds, and the peak memory of each in a process of its own."""
    seconds = interleaved({workload: workload.bind(model) for workload in WORKLOADS[axis]}, options.repetitions)
    return [
        asdict(workload) | {"seconds": asdict(timing), "peak_mb": peak_of(workload, folder, options.device)}
        for workload, timing in seconds.items()
    ]


def ratios(model: UMindVL, options: argparse.Namespace) -> dict[str, Any]:
    """Sixteen targets over one, without and with masks at full size; ``analyze`` over a specialist, SAM over ``segment``."""
    image = draw_phantoms([FIRST_SEED["val"]])[0].image
    specialist = build_network(imagenet=False).to(options.device).eval()
    size = model.processor.image_processor.size
    timings: dict[str, Timing] = interleaved(
        {
            "analyze_1": lambda: model.analyze(image, TARGETS[:1], text=False),
            "analyze_16": lambda: model.analyze(image, TARGETS, text=False),
            "analyze_1_with_masks": lambda: masks_of_all(model.analyze(image, TARGETS[:1], text=False)),
            "analyze_16_with_masks": lambda: masks_of_all(model.analyze(image, TARGETS, text=False)),
            "specialist": lambda: outline(specialist, letterbox(image.grey, size)[0]),
        },
        options.repetitions,
    )
    card: dict[str, Any] = {
        "sixteen_over_one": timings["analyze_16"].median / timings["analyze_1"].median,
        "sixteen_over_one_with_masks": timings["analyze_16_with_masks"].median / timings["analyze_1_with_masks"].median,
        "analyze_over_specialist": timings["analyze_1"].median / timings["specialist"].median,
    }
    if options.sam_repetitions:
        sam = SamPredictor(sam_model_registry["vit_b"]().to(options.device).eval())
        pixels = np.repeat(image.grey[..., None], 3, 2)

        def prompt() -> None:
            sam.set_image(pixels)
            sam.predict(box=np.array([64.0, 64.0, 192.0, 192.0]))

        beside = {"segment": lambda: model.segment(image, "cyst").masks, "sam_vit_b": prompt}
        timings |= interleaved(beside, options.sam_repetitions)
        card["sam_over_segment"] = timings["sam_vit_b"].median / timings["segment"].median
        card["sam_repetitions"] = options.sam_repetitions
    return card | {"seconds_for_information": {name: round(timing.median, 4) for name, timing in timings.items()}}


def masks_of_all(analysis: Analysis) -> list[Bool[np.ndarray, "n h w"]]:
    """Every mask at the size of the image; results keep them small until they are read."""
    return [result.masks for result in analysis.segmentations.values()]


if __name__ == "__main__":
    main()
