"""The phantom: same seed same picture, the right statistics, and truth that agrees with what is drawn."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from umind.data.phantom import Scene, describe, phantom_sample
from umind.data.phantom.geometry import BeamGrid
from umind.data.phantom.speckle import PointSpread, scatter
from umind.geometry.ellipse import ellipse_of_mask
from umind.geometry.probe import LinearProbe, SectorProbe
from umind.schema.sample import Sample, Structure

NAMES = {"cyst", "solid lesion", "fetal head", "carotid artery"}


@pytest.fixture(scope="module")
def lesions() -> list[Sample]:
    return [phantom_sample(seed, scene="lesions") for seed in range(60)]


def all_masks(sample: Sample) -> np.ndarray:
    return np.concatenate([structure.masks for structure in sample.structures])


def below_and_beside(sample: Sample, structure: Structure) -> Iterator[tuple[float, float]]:
    """Mean grey straight below every instance, and at the same rows on both sides of it."""
    pixels = sample.image.grey.astype(float)
    free = ~all_masks(sample).any(0) & (cv2.blur(pixels, (9, 9)) > 4)
    for mask in structure.masks:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        height, width = len(rows), len(columns)
        band = slice(rows[-1] + 4, rows[-1] + 4 + max(12, height // 2))
        middle = slice(columns[0] + width // 3, columns[-1] - width // 3 + 1)
        left, right = slice(max(columns[0] - width, 0), columns[0] - 3), slice(columns[-1] + 4, columns[-1] + width)
        below = pixels[band, middle][free[band, middle]]
        beside = np.concatenate([pixels[band, side][free[band, side]] for side in (left, right)])
        if below.size > 20 and beside.size > 20:
            yield float(below.mean()), float(beside.mean())


@pytest.mark.parametrize("scene", [None, "lesions", "head", "vessel", "empty"])
def test_same_seed_same_sample(scene: Scene | None) -> None:
    first, again, other = (phantom_sample(seed, scene=scene) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.image.pixels, again.image.pixels)
    assert [s.name for s in first.structures] == [s.name for s in again.structures]
    for mine, theirs in zip(first.structures, again.structures, strict=True):
        np.testing.assert_array_equal(mine.masks, theirs.masks)
        assert mine.attributes == theirs.attributes
    assert first.measurements == again.measurements
    assert not np.array_equal(first.image.pixels, other.image.pixels)


def test_envelope_is_rayleigh() -> None:
    flat = np.ones((320, 192), np.float32)
    power = scatter(flat, np.zeros_like(flat), PointSpread(1.0, 1.1, 2.0, 0.5), np.random.default_rng(0))
    envelope = np.sqrt(power[8:-8, 8:-8])
    assert power.mean() == pytest.approx(1.0, rel=0.05)
    assert envelope.mean() / envelope.std() == pytest.approx(1.91, rel=0.03)


@pytest.mark.parametrize("probe", [LinearProbe(1.0, 39.0, 2.0, 36.0), SectorProbe(20.0, -9.0, 12.0, 35.0, 0.6)])
def test_probe_maps_are_inverse(probe: LinearProbe | SectorProbe) -> None:
    depth, lateral = np.random.default_rng(0).uniform(0, 1, (2, 100))
    np.testing.assert_allclose(probe.to_beam(*probe.to_image(depth, lateral)), [depth, lateral], atol=1e-12)
    grid = BeamGrid.of(probe, 64, 48)
    steps = np.hypot(np.diff(grid.x, axis=0), np.diff(grid.y, axis=0))
    np.testing.assert_allclose(steps, grid.axial_step, rtol=1e-3)


def test_masks_are_apart_connected_and_in_frame(lesions: list[Sample]) -> None:
    counts = set()
    for sample in lesions:
        masks = all_masks(sample)
        counts.add(len(masks))
        assert masks.dtype == bool
        assert masks.shape[1:] == sample.image.pixels.shape
        assert masks.sum((1, 2)).min() >= 60
        assert cv2.connectedComponents(masks.any(0).astype(np.uint8))[0] - 1 == len(masks)
        for index, mask in enumerate(masks):
            assert not (mask[0].any())
            assert not (mask[-1].any())
            assert not (mask[:, 0].any())
            assert not (mask[:, -1].any())
            grown = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
            assert not (grown & np.delete(masks, index, 0).any(0)).any()
    assert counts == {1, 2, 3, 4, 5}


def test_spiculated_outlines_survive_quarter_resolution(lesions: list[Sample]) -> None:
    found = [s for sample in lesions for s in sample.structures if s.attributes["margin"] == "spiculated"]
    assert found
    for mask in np.concatenate([s.masks for s in found]):
        small = cv2.resize(mask.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
        back = cv2.resize(small, (256, 256), interpolation=cv2.INTER_LINEAR) > 0.5
        assert (mask & back).sum() / (mask | back).sum() > 0.8


@pytest.mark.parametrize("seed", range(8))
def test_head_circumference_is_that_of_its_mask(seed: int) -> None:
    sample = phantom_sample(seed, scene="head")
    spacing = sample.image.spacing
    assert spacing is not None
    assert sample.image.calibration == "phantom"
    head = sample.structure("fetal head")
    assert head is not None
    mask = head.masks[0]
    assert not (mask[0].any())
    assert not (mask[-1].any())
    assert not (mask[:, 0].any())
    assert not (mask[:, -1].any())
    ellipse = ellipse_of_mask(mask, (spacing.dy, spacing.dx))
    assert sample.measurements["head circumference"] == pytest.approx(ellipse.circumference, rel=0.01)
    assert 0.69 < ellipse.semi_minor / ellipse.semi_major < 0.89


def test_skull_is_brighter_than_brain() -> None:
    for seed in range(8):
        sample = phantom_sample(seed, scene="head")
        mask = sample.structures[0].masks[0].astype(np.uint8)
        inner = cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0
        pixels = sample.image.grey
        assert pixels[(mask > 0) & ~inner].mean() > pixels[inner].mean()


def test_cysts_are_dark_and_enhance(lesions: list[Sample]) -> None:
    gains = []
    for sample in lesions:
        cyst = sample.structure("cyst")
        if cyst is None:
            continue
        pixels, everything = sample.image.grey, all_masks(sample).any(0)
        for mask in cyst.masks:
            ring = (cv2.dilate(mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0) & ~everything
            assert pixels[mask].mean() < 0.7 * pixels[ring].mean()
        gains += [below - beside for below, beside in below_and_beside(sample, cyst)]
    assert len(gains) > 20
    assert np.mean(gains) > 10
    assert np.mean(np.array(gains) > 0) > 0.8


def test_shadows_are_dark(lesions: list[Sample]) -> None:
    drops = [
        beside - below
        for sample in lesions
        for structure in sample.structures
        if structure.attributes["posterior features"] == "shadowing"
        for below, beside in below_and_beside(sample, structure)
    ]
    assert len(drops) > 10
    assert np.mean(drops) > 15
    assert np.mean(np.array(drops) > 0) > 0.9


def test_echogenicity_is_what_the_picture_shows(lesions: list[Sample]) -> None:
    contrast: dict[str, list[float]] = {}
    for sample in lesions:
        everything = all_masks(sample).any(0)
        for structure in sample.structures:
            for mask in structure.masks:
                ring = (cv2.dilate(mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0) & ~everything
                pixels = sample.image.grey
                contrast.setdefault(structure.attributes["echogenicity"], []).append(
                    float(pixels[mask].mean()) - float(pixels[ring].mean())
                )
    assert np.mean(contrast["anechoic"]) < np.mean(contrast["hypoechoic"]) < -15
    assert np.mean(contrast["hyperechoic"]) > 10


@pytest.mark.parametrize(
    ("scene", "organ", "allowed"),
    [
        ("lesions", "phantom", {"cyst", "solid lesion"}),
        ("head", "fetal head", {"fetal head"}),
        ("vessel", "neck", {"carotid artery"}),
        ("empty", "phantom", set()),
    ],
)
def test_scenes_hold_what_they_say(scene: Scene, organ: str, allowed: set[str]) -> None:
    for seed in range(5):
        sample = phantom_sample(seed, scene=scene)
        shown = {structure.name for structure in sample.structures}
        assert shown <= allowed
        assert bool(shown) == bool(allowed)
        assert set(sample.absent) == NAMES - shown
        assert (sample.organ, sample.dataset, sample.split) == (organ, "phantom", "train")
        assert sample.key == sample.group == f"phantom-{seed}"
        spacing = sample.image.spacing
        assert spacing is not None
        assert spacing.is_square
        assert 0.08 <= spacing.dy <= 0.3


def test_all_scenes_are_drawn() -> None:
    assert {phantom_sample(seed, size=64).organ for seed in range(40)} == {"phantom", "fetal head", "neck"}


def test_lumen_is_one_dark_band() -> None:
    for seed in range(5):
        sample = phantom_sample(seed, scene="vessel")
        mask = sample.structures[0].masks[0]
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
        assert mask.any(0).mean() > 0.75
        around = cv2.dilate(mask.astype(np.uint8), np.ones((21, 1), np.uint8)) > 0
        assert sample.image.grey[mask].mean() < 0.5 * sample.image.grey[around & ~mask].mean()


def test_size_keeps_the_scene() -> None:
    small, large = phantom_sample(11, size=128, scene="head"), phantom_sample(11, size=256, scene="head")
    assert small.image.pixels.shape == (128, 128)
    assert small.measurements["head circumference"] == pytest.approx(large.measurements["head circumference"])
    shrunk = cv2.resize(large.structures[0].masks[0].astype(np.float32), (128, 128), interpolation=cv2.INTER_AREA) > 0.5
    assert (shrunk ^ small.structures[0].masks[0]).mean() < 0.01


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="64 pixels"):
        phantom_sample(0, size=32)
    with pytest.raises(ValueError, match="scene must be one of"):
        phantom_sample(0, scene="kidney")  # type: ignore[arg-type]


def test_describe_mentions_count_and_descriptors(lesions: list[Sample]) -> None:
    numbers = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    for sample in lesions:
        text = describe(sample)
        assert text.endswith(".")
        assert text[0].isupper()
        for structure in sample.structures:
            assert f"{numbers[len(structure.masks)]} {structure.attributes['shape']}" in text.lower()
            assert structure.attributes["echogenicity"] in text
            assert structure.attributes["margin"] in text
    assert describe(phantom_sample(0, scene="empty")) == "No focal lesion."
    head = phantom_sample(0, scene="head")
    assert f"{head.measurements['head circumference']:.0f} mm" in describe(head)
    assert describe(phantom_sample(0, scene="vessel")) == "One carotid artery."
