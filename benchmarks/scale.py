"""Memory and cost of a training step around Qwen2.5-VL of 3 and 7 billion weights, on paper.

``python -m benchmarks.scale`` rewrites the tables of ``docs/scale.md``, each between two marks. Weights are counted in models
built from the published sizes on the meta device; bytes and operations follow from them by the formulas in that document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import torch
from transformers import Qwen2_5_VLConfig

from benchmarks.provenance import REPOSITORY
from umind.backbone.adapter import AdapterConfig, add_adapter
from umind.backbone.pixels import PixelConfig
from umind.backbone.quantized import quantisable
from umind.decoders.config import DecoderConfig
from umind.evaluation.markdown import table
from umind.model import UMindConfig, UMindModel
from umind.tokens.vocabulary import TokenIds

DOCUMENT = REPOSITORY / "docs" / "scale.md"
VISION = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}
SIZES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "3B": {
            "vocab_size": 151936,
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 36,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "tie_word_embeddings": True,
        },
        "7B": {
            "vocab_size": 152064,
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "tie_word_embeddings": False,
        },
    }
)
"""Of the published configs of Qwen2.5-VL-3B-Instruct and Qwen2.5-VL-7B-Instruct."""
Method = Literal["LoRA", "QLoRA", "all weights"]
METHODS: tuple[Method, ...] = ("LoRA", "QLoRA", "all weights")
RANK = 16
NUM_GPUS = (1, 8, 64)
IMAGES, TOKENS, VISUAL, ANSWERED = 4, 1400, 1024, 300
"""On each GPU; and of an image all tokens, those that show it, and those that the loss of words is taken of."""
PATCHES = 4 * VISUAL
CAPACITY, SPEED, UTILISATION = 80e9, 989e12, 0.4
"""Bytes of a GPU, the operations a second in dense bf16 that NVIDIA names for the H100 SXM, and the share that is reached."""
NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8
"""Bytes of a weight: 4 bits, a scale of 8 bits for 64 of them, and one of 32 bits for 256 scales."""


@dataclass(frozen=True)
class Shape:
    """Weights of a model by what becomes of them, and widths.

    Args:
        layers: Of linear layers inside the language model's layers.
        tables: Of the table of the words, and of the language head where it has its own.
        rest: Of norms and biases of the language model.
        tower: Of the vision tower.
        fresh: Of pixel encoder and decoders.
        adapter: Of products of rank ``RANK`` and rows of the task tokens.
        depth: Layers of the language model.
        hidden: Its width.
        inner: Width of its MLP.
        keys: Width of keys, and of values.
        words: Size of the vocabulary.
    """

    layers: int
    tables: int
    rest: int
    tower: int
    fresh: int
    adapter: int
    depth: int
    hidden: int
    inner: int
    keys: int
    words: int

    @property
    def base(self) -> int:
        """Weights as published."""
        return self.layers + self.tables + self.rest + self.tower

    @property
    def root(self) -> int:
        """Published weights that FSDP2 gathers at once, and for the whole step: those outside the layers."""
        return self.base - self.layers


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU."""

    weights: float
    gradients: float
    moments: float
    activations: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.gradients + self.moments + self.activations


@cache
def shape_of(size: str) -> Shape:
    """Counted without memory."""
    text = SIZES[size]
    vision = VISION | {"out_hidden_size": text["hidden_size"]}
    tied = text["tie_word_embeddings"]
    config = UMindConfig(
        pixel_config=PixelConfig(),
        text_config=Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied),
        decoder_config=DecoderConfig(),
        token_ids=TokenIds(tasks=(151665, 151666, 151667, 151668)).to_dict(),
        tie_word_embeddings=tied,
    )
    with torch.device("meta"):
        model = UMindModel(config)
        layers = sum(layer.weight.numel() for layer in quantisable(model).values())
        tower, fresh = count([model.language.visual]), count([model.pixels, model.regions, model.points])
        words = model.get_input_embeddings().get_parameter("weight").numel()
        tables = words if tied else 2 * words
        published = count([model]) - fresh
        add_adapter(model, AdapterConfig(rank=RANK, alpha=2 * RANK))
    learnt = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Shape(
        layers=layers,
        tables=tables,
        rest=published - layers - tables - tower,
        tower=tower,
        fresh=fresh,
        adapter=learnt - fresh,
        depth=text["num_hidden_layers"],
        hidden=text["hidden_size"],
        inner=text["intermediate_size"],
        keys=text["hidden_size"] // text["num_attention_heads"] * text["num_key_value_heads"],
        words=text["vocab_size"],
    )


def count(modules: Iterable[torch.nn.Module]) -> int:
    """Weights of modules, tied ones once."""
    return sum({id(p): p.numel() for module in modules for p in module.parameters()}.values())


def memory_of(shape: Shape, method: Method, num_gpus: int, *, checkpointing: bool) -> Memory:
    """Of one GPU: in shards over all of them, but for QLoRA, whose weights all have whole."""
    activations = activations_of(shape, method, checkpointing=checkpointing)
    if method == "all weights":
        learnt, gathered = shape.base + shape.fresh, 0 if num_gpus == 1 else 4 * (shape.root + 2 * shape.layers / shape.depth)
        return Memory(4 * learnt / num_gpus + gathered, 4 * learnt / num_gpus, 8 * learnt / num_gpus, activations)
    learnt = shape.adapter + shape.fresh
    if method == "QLoRA":
        return Memory(NF4 * shape.layers + 2 * shape.root + 4 * learnt, 4 * learnt, 8 * learnt, activations)
    gathered = 0 if num_gpus == 1 else 2 * (shape.root + 2 * shape.layers / shape.depth) + 4 * shape.fresh
    kept = (2 * shape.base + 4 * learnt) / num_gpus
    return Memory(kept + gathered, 4 * learnt / num_gpus, 8 * learnt / num_gpus, activations)


def activations_of(shape: Shape, method: Method, *, checkpointing: bool) -> float:
    """Bytes that the backward pass needs of the forward pass, and the gradient of the logits."""
    layer = IMAGES * TOKENS * kept_of_a_layer(shape.hidden, shape.inner, shape.keys)
    language = shape.depth * IMAGES * TOKENS * 2 * shape.hidden + layer if checkpointing else shape.depth * layer
    logits = IMAGES * shape.words * (4 * TOKENS + 12 * ANSWERED)
    if method == "all weights":
        tower = kept_of_a_layer(VISION["hidden_size"], VISION["intermediate_size"], VISION["hidden_size"])
        return language + logits + VISION["depth"] * IMAGES * PATCHES * tower
    return language + logits + 8 * shape.words * shape.hidden


def kept_of_a_layer(hidden: int, inner: int, keys: int) -> int:
    """Bytes of a token."""
    return 12 * hidden + 4 * keys + 8 * inner


def operations_of(shape: Shape, method: Method, *, checkpointing: bool) -> tuple[float, float]:
    """Of an image, in the language model and in the vision tower."""
    layers = TOKENS * (2 * shape.layers + 4 * TOKENS * shape.hidden * shape.depth)
    head = TOKENS * 2 * shape.words * shape.hidden
    tower = PATCHES * 2 * shape.tower
    again = layers if checkpointing else 0
    if method == "all weights":
        return 3 * (layers + head) + again, 3 * tower
    passes = 4 if checkpointing else 3
    return 2 * layers + 3 * head + again + TOKENS * passes * 2 * shape.adapter, tower


def seconds_of(shape: Shape, method: Method, *, checkpointing: bool) -> float:
    """Of an image on one GPU."""
    return sum(operations_of(shape, method, checkpointing=checkpointing)) / (UTILISATION * SPEED)


def weights_table() -> str:
    """What is counted."""
    shapes = [shape_of(size) for size in SIZES]
    parts = {
        "linear layers of the language model, `Q`": "layers",
        "table of the words, and language head where it is untied": "tables",
        "norms and biases": "rest",
        "vision tower, `T`": "tower",
        "**as published, `N`**": "base",
        "pixel encoder and decoders": "fresh",
        f"products of rank {RANK} and rows of four task tokens": "adapter",
    }
    rows = [[name, *(f"{getattr(shape, part):,}" for shape in shapes)] for name, part in parts.items()]
    widths = [f"{s.depth}, {s.hidden:,}, {s.inner:,}, {s.keys}, {s.words:,}" for s in shapes]
    return table("Weights", ["", *(f"Qwen2.5-VL-{size}" for size in SIZES)], [*rows, ["`n`, `h`, `i`, `k`, `V`", *widths]])


def memory_table() -> str:
    """Gigabytes on each GPU."""
    rows = []
    for size in SIZES:
        for method in METHODS:
            for num_gpus in NUM_GPUS:
                small, large = (memory_of(shape_of(size), method, num_gpus, checkpointing=kept) for kept in (True, False))
                held = (small.weights, small.gradients, small.moments, small.activations, small.total)
                cells = [f"{value / 1e9:.1f}" for value in (*held, large.activations, large.total)]
                fits = ["yes" if memory.total < CAPACITY else "no" for memory in (small, large)]
                rows.append([f"{size}, {method}", str(num_gpus), *cells, " / ".join(fits)])
    columns = ["", "GPUs", "weights", "gradients", "moments", "activations", "sum", "activations, none recomputed", "sum"]
    return table("Gigabytes on each GPU", [*columns, "in 80 GB"], rows)


def step_table() -> str:
    """Operations and seconds."""
    rows = []
    for size in SIZES:
        for method in METHODS:
            shape = shape_of(size)
            language, tower = operations_of(shape, method, checkpointing=True)
            again, without = (seconds_of(shape, method, checkpointing=kept) for kept in (True, False))
            hours = [f"{1e6 * again / num_gpus / 3600:.2g}" for num_gpus in NUM_GPUS]
            counted = [f"{language / 1e12:.1f} + {tower / 1e12:.1f}", f"{IMAGES * again:.2f}", f"{IMAGES * without:.2f}"]
            rows.append([f"{size}, {method}", *counted, " / ".join(hours)])
    columns = ["", "teraflop an image, language model + tower", f"seconds a step of {IMAGES} images", "none recomputed"]
    return table("A step", [*columns, f"hours for a million images on {' / '.join(map(str, NUM_GPUS))} GPUs"], rows)


def traffic_table() -> str:
    """What FSDP2 moves for a step."""
    rows = []
    for size in SIZES:
        shape = shape_of(size)
        for method, bytes_of_weight, reduced in (("LoRA", 2, 0), ("all weights", 4, 4 * shape.base)):
            moved = bytes_of_weight * (2 * shape.layers + shape.root) + reduced
            step = IMAGES * seconds_of(shape, method, checkpointing=True)
            times = [f"{moved / speed:.2f}" for speed in (370e9, 50e9)]
            rows.append([f"{size}, {method}", f"{moved / 1e9:.0f}", *times, f"{step:.2f}"])
    return table("Between GPUs, for a step", ["", "GB a GPU", "seconds at 370 GB/s", "at 50 GB/s", "step"], rows)


def rewrite(document: str) -> str:
    """The document with new tables between its marks.

    Raises:
        ValueError: A table's marks are not there exactly once.
    """
    tables = {"weights": weights_table(), "memory": memory_table(), "step": step_table(), "traffic": traffic_table()}
    for name, rows in tables.items():
        marks = rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)"
        document, found = re.subn(marks, lambda marks, rows=rows: marks[1] + rows + "\n" + marks[2], document, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"wants one <!-- {name}:begin --> and behind it one <!-- {name}:end -->")
    return document


def main() -> None:
    """Rewrite the document."""
    DOCUMENT.write_text(rewrite(DOCUMENT.read_text("utf-8")), "utf-8")
    print(f"rewritten: {DOCUMENT.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
