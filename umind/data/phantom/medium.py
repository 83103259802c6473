"""The insonified medium on the beam grid, which the tissue and the objects are painted into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Medium:
    """What the beams meet. The arrays are painted in place while a scene is composed.

    Args:
        echo: Backscatter of the tissue, decibels relative to average soft tissue, ``(D, L)``.
        specular: Amplitude of coherent reflectors relative to average tissue's, ``(D, L)``.
        loss: Round-trip decibels that a sample takes from all below it, beyond average tissue; negative enhances, ``(D, L)``.
        line_gain: Decibels by which a whole line differs (contact, apodisation), ``(L,)``.
    """

    echo: Float[np.ndarray, "d l"]
    specular: Float[np.ndarray, "d l"]
    loss: Float[np.ndarray, "d l"]
    line_gain: Float[np.ndarray, "l"]
