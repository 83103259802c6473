"""Composition: a seed becomes an image with its truth."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8

from umind.data.phantom.geometry import BeamGrid, ScanConverter, draw_linear, draw_sector
from umind.data.phantom.head import draw_head, mask_of_head, paint_head
from umind.data.phantom.lesion import LesionKind, LesionName, draw_kind, paint_lesion
from umind.data.phantom.medium import Medium
from umind.data.phantom.outline import Outline, place
from umind.data.phantom.screen import burn_in
from umind.data.phantom.speckle import draw_machine, scan
from umind.data.phantom.tissue import Region, draw_tissue
from umind.data.phantom.vessel import draw_vessel, paint_vessel
from umind.geometry.probe import LinearProbe, Probe
from umind.geometry.spacing import Spacing
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

Scene = Literal["lesions", "head", "vessel", "empty"]

NAMES = ("cyst", "solid lesion", "fetal head", "carotid artery")
ORGANS = MappingProxyType({"lesions": "phantom", "head": "fetal head", "vessel": "neck", "empty": "phantom"})
SCENES: tuple[Scene, ...] = ("lesions", "head", "vessel", "empty")
WEIGHTS = (0.60, 0.18, 0.12, 0.10)
REFERENCE = 256  # side at which the millimetres per pixel are drawn
NUM_SAMPLES, NUM_LINES = 320, 192  # beam grid at that side


class Stage:
    """One image in the making: its frame, probe and medium.

    Args:
        rng: The only source of randomness.
        size: Side of the image, pixels.
        scene: What to show.
    """

    def __init__(self, rng: np.random.Generator, size: int, scene: Scene) -> None:
        low, high = {"head": (0.2, 0.3), "vessel": (0.1, 0.17)}.get(scene, (0.08, 0.3))
        self.rng = rng
        self.pixel = float(rng.uniform(low, high)) * REFERENCE / size
        self.field = self.pixel * size
        self.scale = size / REFERENCE
        self.scene = scene
        self.probe: Probe = self._draw_probe()
        shape = (round(NUM_SAMPLES * self.scale), round(NUM_LINES * self.scale))
        self.grid = BeamGrid.of(self.probe, *shape)
        centres = ((np.arange(size) + 0.5) * self.pixel).astype(np.float32)
        self.x, self.y = np.meshgrid(centres, centres)
        self.converter = ScanConverter.of(self.probe, self.x, self.y, shape)
        self.medium: Medium = draw_tissue(rng, shape, self._region())

    def _draw_probe(self) -> Probe:
        if self.scene == "vessel":
            return draw_linear(self.rng, self.field)
        if self.scene == "head":
            return draw_sector(self.rng, self.field, half_angle=(32, 42), overflow=1.3)
        return draw_linear(self.rng, self.field) if self.rng.random() < 0.6 else draw_sector(self.rng, self.field)

    def _region(self) -> Region:
        if self.scene == "head":
            return "uterus"
        if self.scene == "vessel":
            return "superficial"
        return "superficial" if isinstance(self.probe, LinearProbe) and self.rng.random() < 0.75 else "parenchyma"

    def add_lesions(self) -> tuple[Structure, ...]:
        """Paint one to five lesions of one kind or two, and say where they are."""
        count = int(self.rng.integers(1, 6))
        mix = self.rng.random()
        num_cysts = count if mix < 0.35 else 0 if mix < 0.7 else int(self.rng.integers(0, count + 1))
        names: list[LesionName] = ["cyst" if index < num_cysts else "solid lesion" for index in range(count)]
        kinds = {name: draw_kind(self.rng, name) for name in dict.fromkeys(names)}
        chosen = [kinds[name] for name in names]
        outlines = self._place(chosen)
        for outline, kind in zip(outlines, chosen, strict=True):
            paint_lesion(self.medium, self.grid, self.probe, outline, kind, self.rng)
        return tuple(
            Structure(
                name,
                masks=np.stack([o.mask(self.x, self.y) for o, k in zip(outlines, chosen, strict=True) if k is kind]),
                attributes=kind.attributes,
            )
            for name, kind in kinds.items()
        )

    def _place(self, kinds: list[LesionKind]) -> tuple[Outline, ...]:
        largest = {1: 46, 2: 36, 3: 30, 4: 25, 5: 22}[len(kinds)]
        pixel = self.pixel * self.scale  # at the reference size
        radii = [self.rng.uniform(13 if k.margin == "spiculated" else 9, largest) * pixel for k in kinds]
        drawn = [k.draw_outline(self.rng, r, pixel) for k, r in zip(kinds, radii, strict=True)]
        order = np.argsort([-outline.reach for outline in drawn])
        shadows = [kinds[i].posterior == "shadowing" for i in order]
        placed = place(self.rng, [drawn[i] for i in order], shadows, self.probe, self.field, 5 * pixel)
        return tuple(placed[i] for i in np.argsort(order))

    def add_head(self) -> tuple[tuple[Structure, ...], dict[str, float]]:
        """Paint a fetal head; its mask, and its circumference in millimetres."""
        ellipse = draw_head(self.rng, self.probe, self.field)
        paint_head(self.medium, self.grid, ellipse, self.rng)
        mask = mask_of_head(ellipse, self.x, self.y)
        return (Structure("fetal head", masks=mask[None]),), {"head circumference": ellipse.circumference}

    def add_vessel(self) -> tuple[Structure, ...]:
        """Paint an artery; the mask of its lumen."""
        assert isinstance(self.probe, LinearProbe)
        vessel = draw_vessel(self.rng, self.field, self.probe.top, self.probe.top + self.probe.depth)
        paint_vessel(self.medium, self.grid, vessel, self.rng)
        mask: Bool[np.ndarray, "h w"] = vessel.mask(self.x, self.y) & self.converter.inside
        return (Structure("carotid artery", masks=mask[None]),)

    def expose(self) -> UInt8[np.ndarray, "h w"]:
        """Scan the medium and show it on the screen."""
        machine = draw_machine(self.rng, self.scale)
        levels: Float[np.ndarray, "d l"] = scan(self.medium, machine, self.rng) * np.float32(255)
        pixels: UInt8[np.ndarray, "h w"] = np.rint(self.converter.convert(levels)).astype(np.uint8)
        if self.rng.random() < 0.4:
            face = self.probe.to_image(np.array(0.0), np.array(0.5))[1]
            burn_in(pixels, self.converter.inside, self.pixel, int(max(0.0, float(face)) / self.pixel), self.rng)
        return pixels


def phantom_sample(seed: int, *, size: int = REFERENCE, scene: Scene | None = None) -> Sample:
    """A synthetic B-mode image with exact truth, the same for the same arguments.

    The millimetres per pixel are 0.08-0.3 at 256 px and shrink with larger images, so that a seed shows one scene at any size.

    Args:
        seed: Seed of the one random generator.
        size: Side of the square image, pixels, at least 64.
        scene: What to show; None draws one (60 % lesions, 18 % head, 12 % vessel, 10 % empty).

    Raises:
        ValueError: The size is too small, or the scene has no such name.
    """
    if size < 64:
        raise ValueError(f"a phantom needs at least 64 pixels a side, got {size}")
    if scene is not None and scene not in SCENES:
        raise ValueError(f"scene must be one of {SCENES}, got {scene!r}")
    rng = np.random.default_rng(seed)
    drawn = SCENES[int(rng.choice(len(SCENES), p=WEIGHTS))]
    stage = Stage(rng, size, scene or drawn)
    structures: tuple[Structure, ...] = ()
    measurements: dict[str, float] = {}
    if stage.scene == "lesions":
        structures = stage.add_lesions()
    elif stage.scene == "head":
        structures, measurements = stage.add_head()
    elif stage.scene == "vessel":
        structures = stage.add_vessel()
    key = f"phantom-{seed}"
    shown = {structure.name for structure in structures}
    return Sample(
        UltrasoundImage(stage.expose(), spacing=Spacing.of(stage.pixel), calibration="phantom", name=key),
        key=key,
        dataset="phantom",
        split="train",
        organ=ORGANS[stage.scene],
        structures=structures,
        absent=tuple(name for name in NAMES if name not in shown),
        measurements=MappingProxyType(measurements),
        group=key,
    )
