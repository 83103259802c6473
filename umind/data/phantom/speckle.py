"""Image formation: fully developed speckle, detection, gain and log compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from umind.data.phantom.medium import Medium


@dataclass(frozen=True)
class PointSpread:
    """Separable Gaussian point spread function that widens away from the transmit focus.

    Args:
        axial: Standard deviation down the line, samples.
        lateral: Standard deviation across lines at the focus, lines.
        defocused: The same far away from the focus, lines.
        focus: Depth of the focus, fraction of the line.
    """

    axial: float
    lateral: float
    defocused: float
    focus: float


@dataclass(frozen=True)
class Machine:
    """Settings of the scanner between echo and screen.

    Args:
        spread: Point spread function.
        num_looks: Independent looks that are averaged (spatial compounding).
        dynamic_range: Decibels between black and white.
        tissue_grey: Screen level, 0..1, of average tissue.
        slope: Decibels that are gained from top to bottom after TGC; negative: attenuation wins.
        tgc: Decibels at equally spaced depths, the sliders of the time gain compensation.
        noise: Level of electronic noise at the bottom, decibels relative to average tissue.
        gamma: Exponent of the grey map.
    """

    spread: PointSpread
    num_looks: int
    dynamic_range: float
    tissue_grey: float
    slope: float
    tgc: tuple[float, ...]
    noise: float
    gamma: float


def draw_machine(rng: np.random.Generator, scale: float) -> Machine:
    """Random settings.

    Args:
        rng: Source of randomness.
        scale: Samples per sample of the 320 x 192 beam grid, so that larger images show the same speckle in millimetres.
    """
    lateral = rng.uniform(0.75, 1.5)
    spread = PointSpread(
        rng.uniform(0.75, 1.35) * scale, lateral * scale, lateral * rng.uniform(1.4, 2.4) * scale, rng.uniform(0.2, 0.7)
    )
    return Machine(
        spread,
        num_looks=int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2])),
        dynamic_range=rng.uniform(40, 70),
        tissue_grey=rng.uniform(0.40, 0.60),
        slope=rng.uniform(-9, 3),
        tgc=tuple(float(v) for v in rng.normal(0, 1.3, 6)),
        noise=rng.uniform(-46, -28),
        gamma=rng.uniform(0.9, 1.2),
    )


def scatter(
    amplitude: Float[np.ndarray, "d l"], specular: Float[np.ndarray, "d l"], spread: PointSpread, rng: np.random.Generator
) -> Float[np.ndarray, "d l"]:
    """Detected power of random scatterers and of coherent reflectors.

    A circular complex Gaussian field convolved with the point spread function: the envelope is Rayleigh distributed where
    there is no reflector, with mean over standard deviation 1.91 (Wagner et al. 1983, IEEE Trans. Sonics Ultrason. 30(3)).

    Args:
        amplitude: Root of the backscattered power of the tissue, relative to average tissue.
        specular: Amplitude of the coherent echo, the same unit.
        spread: Point spread function.
        rng: Source of randomness.
    """
    radius = int(np.ceil(3 * max(spread.defocused, spread.lateral)))
    axial = cv2.getGaussianKernel(2 * int(np.ceil(3 * spread.axial)) + 1, spread.axial, cv2.CV_32F)
    sharp = cv2.getGaussianKernel(2 * radius + 1, spread.lateral, cv2.CV_32F)
    wide = cv2.getGaussianKernel(2 * radius + 1, spread.defocused, cv2.CV_32F)
    depth = (np.arange(len(amplitude), dtype=np.float32) + 0.5) / len(amplitude)
    blur = np.clip(np.abs(depth - spread.focus) / 0.5, 0, 1)[:, None]
    lateral_power = (
        (1 - blur) ** 2 * (sharp**2).sum() + blur**2 * (wide**2).sum() + 2 * blur * (1 - blur) * (sharp * wide).sum()
    )
    unit = amplitude / np.sqrt(2 * (axial**2).sum() * lateral_power)
    noise = rng.standard_normal((2, *amplitude.shape), dtype=np.float32)
    parts = (noise[0] * unit + specular, noise[1] * unit)
    power = np.zeros_like(amplitude)
    for part in parts:
        thin = cv2.sepFilter2D(part, cv2.CV_32F, sharp, axial, borderType=cv2.BORDER_REFLECT)
        thick = cv2.sepFilter2D(part, cv2.CV_32F, wide, axial, borderType=cv2.BORDER_REFLECT)
        thin += blur * (thick - thin)
        power += thin * thin
    return power


def compound(medium: Medium, machine: Machine, rng: np.random.Generator) -> Float[np.ndarray, "d l"]:
    """Detected power of a medium averaged over the machine's looks, before attenuation and gain."""
    amplitude = decibels_to_amplitude(medium.echo)
    looks = [scatter(amplitude, medium.specular, machine.spread, rng) for _ in range(machine.num_looks)]
    if len(looks) == 1:
        return looks[0]
    mean = sum((np.sqrt(look) for look in looks[1:]), start=np.sqrt(looks[0])) / len(looks)
    return np.asarray(mean * mean)


def scan(medium: Medium, machine: Machine, rng: np.random.Generator) -> Float[np.ndarray, "d l"]:
    """Screen levels 0..1 of every beam sample.

    The losses that the beam met so far (shadow, or enhancement when negative) are a running sum down the line; electronic
    noise is added behind them and both pass the gain.
    """
    num_samples, num_lines = medium.echo.shape
    power = compound(medium, machine, rng)
    lost = cv2.GaussianBlur(np.cumsum(medium.loss, axis=0), (0, 0), sigmaX=1.3 * num_lines / 192, sigmaY=0.01)
    depth = np.linspace(0, 1, num_samples, dtype=np.float32)
    sliders = np.interp(depth, np.linspace(0, 1, len(machine.tgc)), machine.tgc).astype(np.float32)
    gain = machine.slope * depth + cv2.GaussianBlur(sliders[:, None], (1, 0), sigmaX=0.01, sigmaY=num_samples / 20)[:, 0]
    power *= decibels_to_amplitude(-2 * lost)
    static = rng.standard_exponential((num_samples, num_lines), dtype=np.float32)
    power += static * decibels_to_amplitude(2 * (machine.noise - 22 * (1 - depth)))[:, None]
    level = np.float32(10 / np.log(10)) * cv2.log(power + np.float32(1e-9)) + gain[:, None] + medium.line_gain[None]
    grey = np.clip(machine.tissue_grey + level / np.float32(machine.dynamic_range), 0, 1)
    return np.asarray(cv2.pow(grey, machine.gamma))


def decibels_to_amplitude(level: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """``10 ** (dB / 20)`` in float32."""
    scaled = np.asarray(level, np.float32) * np.float32(np.log(10) / 20)
    return np.asarray(np.exp(scaled))
