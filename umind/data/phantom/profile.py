"""Profiles across a line or an edge, as functions of distance over width."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def bell(ratio: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``exp(-t^2)``: 1 at the middle, 0.37 at one width."""
    return np.asarray(np.exp(-(ratio * ratio)))


def plateau(ratio: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``exp(-t^4)``: flat within half a width, 0.37 at one width, steep beyond; squares, as float powers are slow."""
    square = ratio * ratio
    return np.asarray(np.exp(-(square * square)))
