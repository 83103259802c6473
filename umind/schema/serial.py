"""Results as JSON-safe dictionaries, and back.

A dictionary carries ``"type"``, the class, and on the outside ``"version"``. Arrays are nested lists of numbers, which float32
survives exactly; mask logits are compressed (see `encode_logits`). Numbers that JSON lacks are the strings ``"NaN"``,
``"Infinity"`` and ``"-Infinity"``.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Float32

from umind.geometry.caliper import Caliper
from umind.geometry.ellipse import Ellipse
from umind.geometry.frame import FrameMap

VERSION = 1
"""Rises when a dictionary of today can no longer be read."""
SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"boxes": (-1, 4), "points": (-1, 2), "covariances": (-1, 2, 2), "scores": (-1,), "probabilities": (-1,)}
)
"""Fields that are arrays; an empty list alone would lose its shape."""
MAPPINGS = frozenset({"segmentations", "detections", "keypoints", "measurements", "classifications"})
"""Fields of an analysis, keyed by phrases: a phrase may well be ``"type"``."""


class ResultData:
    """What a result can do with itself: become a JSON-safe dictionary and come back."""

    def to_dict(self) -> dict[str, Any]:
        """The result as a dictionary that ``json.dumps(..., allow_nan=False)`` accepts, versioned."""
        return {"version": VERSION, **encode_fields(self)}

    def __repr__(self) -> str:
        """Every field, arrays by type and shape."""
        shown = (f"{entry.name}={outline(getattr(self, entry.name))}" for entry in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The result that `to_dict` wrote.

        Args:
            data: Dictionary, perhaps after a way through JSON.

        Raises:
            ValueError: Another version, another class than this one, or missing, unknown or malformed fields.
        """
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            given = data.get("version") if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"wanted a result dictionary of version {VERSION}, got {given!r}")
        result = decode_fields({key: value for key, value in data.items() if key != "version"})
        if not isinstance(result, cls):
            raise ValueError(f"wanted a {cls.__name__}, got a {type(result).__name__}")
        return result


def outline(value: object) -> str:
    """A value in few words: arrays of more than eight numbers by type and shape."""
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"<{value.dtype} {value.shape}>"
    return repr(value.tolist()) if isinstance(value, np.ndarray) else repr(value)


def encode_fields(item: object) -> dict[str, Any]:
    """A dataclass as its type and fields."""
    assert is_dataclass(item)
    encoded: dict[str, Any] = {"type": type(item).__name__}
    for entry in fields(item):
        value = getattr(item, entry.name)
        encoded[entry.name] = encode_logits(value) if entry.name == "logits" else encode(value)
    return encoded


def encode(value: object) -> Any:
    """One field's value, JSON-safe."""
    if isinstance(value, np.ndarray | np.generic):
        return encode(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if is_dataclass(value):
        return encode_fields(value)
    raise ValueError(f"a {type(value).__name__} is no part of a result")


def result_types() -> dict[str, type]:
    """The classes that a dictionary may name."""
    return {kind.__name__: kind for kind in (*ResultData.__subclasses__(), Caliper, Ellipse, FrameMap)}


def decode_fields(data: Mapping[str, Any]) -> Any:
    """The dataclass that a dictionary describes; a field with a default may be missing, as in dictionaries older than it.

    Raises:
        ValueError: Unknown type, or missing, unknown or malformed fields.
    """
    kinds, name = result_types(), data.get("type")
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"unknown result type {name!r}; known are {', '.join(sorted(kinds))}")
    wanted, given = {entry.name: str(entry.type) for entry in fields(kind)}, data.keys() - {"type"}
    missing = {entry.name for entry in fields(kind) if entry.default is entry.default_factory is MISSING} - given
    if missing or given - wanted.keys():
        raise ValueError(f"{name}: missing fields {sorted(missing)}, unknown fields {sorted(given - wanted.keys())}")
    try:
        return kind(**{key: decode_field(key, wanted[key], data[key]) for key in given})
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{name}: malformed fields ({error})") from error


def decode_field(name: str, annotation: str, value: Any) -> Any:
    """One field's value, by the field's name and annotation where its kind depends on them."""
    if name == "logits":
        return decode_logits(value)
    if name in SHAPES:
        return np.asarray(value, np.float32).reshape(SHAPES[name])
    if annotation == "Mapping[str, str]" and all(isinstance(text, str) for text in value.values()):
        return dict(value)
    if name in MAPPINGS and isinstance(value, Mapping):
        return {key: decode_fields(item) for key, item in value.items()}
    if annotation in ("float", "float | None") and value is not None:
        return float(value)  # "NaN" as well as the 1 that some writers make of 1.0
    return decode(value)


def decode(value: Any) -> Any:
    """Lists become tuples, dictionaries dataclasses."""
    if isinstance(value, list | tuple):
        return tuple(decode(item) for item in value)
    return decode_fields(value) if isinstance(value, Mapping) else value


def encode_logits(logits: Float[np.ndarray, "n h w"]) -> dict[str, Any]:
    """Logits as their shape and base64 of zlib of float32, rounded where no mask can tell.

    A mask is the sign of bilinear interpolation, which no rounding changes where a cell and its eight neighbours have one sign.
    There the values are rounded to float16; everywhere else they stay exact. Masks restore bit by bit. All lowest bytes of the
    little-endian numbers come first, then all second bytes and so on: most of the low ones are zero, and compress well.
    """
    exact = np.ascontiguousarray(logits, "<f4")
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float16).astype("<f4")
    safe = uniform_neighbourhood(exact > 0) & np.isfinite(rounded) & ((rounded > 0) == (exact > 0))
    kept = np.ascontiguousarray(np.where(safe, rounded, exact), "<f4")
    packed = zlib.compress(kept.reshape(-1).view(np.uint8).reshape(-1, 4).T.tobytes(), 6)
    return {"shape": list(exact.shape), "float32_planes": base64.b64encode(packed).decode("ascii")}


def uniform_neighbourhood(positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True for the cells of ``(N, h, w)`` whose eight neighbours have the same sign as they; the border repeats itself."""
    padded = np.pad(positive, ((0, 0), (1, 1), (1, 1)), mode="edge") if positive.size else positive
    height, width = positive.shape[1:]
    same = np.ones_like(positive)
    if positive.size:
        for row in range(3):
            for column in range(3):
                same &= padded[:, row : row + height, column : column + width] == positive
    return same


def decode_logits(data: Mapping[str, Any]) -> Float32[np.ndarray, "n h w"]:
    """Logits that `encode_logits` wrote.

    Raises:
        ValueError: Shape and bytes contradict each other, or the bytes are damaged.
    """
    try:
        shape = tuple(int(side) for side in data["shape"])
        wanted = 4 * math.prod(shape)
        # one byte more than wanted shows that there was more, and bounds what a damaged or hostile string can unfold to
        unpacked = zlib.decompressobj().decompress(base64.b64decode(data["float32_planes"], validate=True), max(wanted, 0) + 1)
    except (KeyError, TypeError, binascii.Error, zlib.error) as error:
        raise ValueError(f"malformed logits: {error}") from error
    if len(shape) != 3 or min(shape) < 0 or len(unpacked) != wanted:
        raise ValueError(f"malformed logits: shape {shape} and {len(unpacked)} bytes")
    numbers = np.ascontiguousarray(np.frombuffer(unpacked, np.uint8).reshape(4, -1).T).view("<f4")
    return numbers.astype(np.float32).reshape(shape)
