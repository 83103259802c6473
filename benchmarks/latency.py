"""What many targets cost over one, and what a large promptable segmenter costs beside ours; ratios, since seconds age.

``python -m benchmarks.latency``. Repetitions of everything compared are interleaved, so that a busy machine is unjust to all.
Segment-anything ViT-B (Kirillov et al., 2023) has random weights here, which cost what trained ones do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from jaxtyping import Bool
from segment_anything import SamPredictor, sam_model_registry

from benchmarks.provenance import RESULTS, provenance
from umind.evaluation.phantoms import FIRST_SEED, draw_phantoms
from umind.predictor import UMindVL
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
    parser.add_argument("--model", type=Path, help="folder of a model; the embedded one when not given")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repetitions", type=int, default=15, help="of analyze")
    parser.add_argument("--sam-repetitions", type=int, default=3, help="of segment beside segment-anything; 0 leaves it out")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args(arguments)
    model = UMindVL.from_pretrained(options.model, device=options.device)
    image = draw_phantoms([FIRST_SEED["val"]])[0].image
    seconds = interleaved(
        {
            "analyze_1": lambda: model.analyze(image, TARGETS[:1], text=False),
            "analyze_16": lambda: model.analyze(image, TARGETS, text=False),
            "analyze_1_with_masks": lambda: masks_of_all(model.analyze(image, TARGETS[:1], text=False)),
            "analyze_16_with_masks": lambda: masks_of_all(model.analyze(image, TARGETS, text=False)),
        },
        options.repetitions,
    )
    card: dict[str, object] = provenance(options.device) | {"repetitions": options.repetitions, "image": [256, 256]}
    card["sixteen_over_one"] = seconds["analyze_16"] / seconds["analyze_1"]
    card["sixteen_over_one_with_masks"] = seconds["analyze_16_with_masks"] / seconds["analyze_1_with_masks"]
    if options.sam_repetitions:
        sam = SamPredictor(sam_model_registry["vit_b"]().to(options.device).eval())
        pixels = np.repeat(image.grey[..., None], 3, 2)

        def prompt() -> None:
            sam.set_image(pixels)
            sam.predict(box=np.array([64.0, 64.0, 192.0, 192.0]))

        beside = interleaved(
            {"segment": lambda: model.segment(image, "cyst").masks, "sam_vit_b": prompt}, options.sam_repetitions
        )
        card["sam_over_segment"] = beside["sam_vit_b"] / beside["segment"]
        card["sam_repetitions"] = options.sam_repetitions
        seconds |= beside
    card["seconds_for_information"] = {name: round(value, 4) for name, value in seconds.items()}
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / "latency.json"
    path.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", "utf-8")
    print(json.dumps(card, indent=1))


def masks_of_all(analysis: Analysis) -> list[Bool[np.ndarray, "n h w"]]:
    """Every mask at the size of the image; results keep them small until they are read."""
    return [result.masks for result in analysis.segmentations.values()]


def interleaved(actions: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Median seconds of each action, which take turns; a first round warms up and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(repetitions + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if turn:
                taken[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in taken.items()}


if __name__ == "__main__":
    main()
