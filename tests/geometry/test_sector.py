"""The probe is found again in phantoms, whose probe is known exactly."""

import numpy as np
import pytest

from umind.data.phantom.scene import SCENES, Scene, Stage
from umind.geometry.beams import Beams
from umind.geometry.probe import LinearProbe, SectorProbe
from umind.geometry.sector import estimate_probe, insonified, scaled


def scanned(seed: int, size: int, scene: Scene) -> tuple[Stage, np.ndarray]:
    """A stage, which knows its probe, with its pixels."""
    stage = Stage(np.random.default_rng(seed), size, scene)
    if scene != "empty":
        {"head": stage.add_head, "lesions": stage.add_lesions, "vessel": stage.add_vessel}[scene]()
    return stage, stage.expose()


@pytest.mark.parametrize("size", [64, 128, 256, 320])
def test_probes_of_phantoms(size: int) -> None:
    angles, overlaps = [], []
    for scene in SCENES:
        for seed in range(12):
            stage, pixels = scanned(seed, size, scene)
            truth, found = scaled(stage.probe, 1 / stage.pixel), estimate_probe(pixels)
            assert type(found) is type(truth)
            true_field, field = (Beams.of(probe, pixels.shape).inside() for probe in (truth, found))
            overlaps.append((true_field & field).sum() / (true_field | field).sum())
            rows, columns = true_field.nonzero()
            gaps = [
                abs(truth.beam_angle(x + 0.5, y + 0.5) - found.beam_angle(x + 0.5, y + 0.5))
                for x, y in zip(columns[::97], rows[::97], strict=True)
            ]
            angles.append(np.degrees(max(gaps)))
    assert np.median(overlaps) > 0.97
    assert min(overlaps) > 0.8
    assert np.median(angles) < 1.5
    assert np.percentile(angles, 90) < 6  # where a head leaves an edge of the fan dark it is worse


def test_the_lit_region_leaves_out_what_is_burned_in() -> None:
    for seed in range(12):
        stage, pixels = scanned(seed, 256, "empty")
        region, inside = insonified(pixels), stage.converter.inside
        assert (region & inside).sum() > 0.95 * inside.sum()
        assert (region & ~inside).sum() < 0.02 * inside.sum()


def test_images_without_an_echo_are_all_field_of_view() -> None:
    assert estimate_probe(np.zeros((80, 100), np.uint8)) == LinearProbe(0.0, 100.0, 0.0, 80.0)
    assert estimate_probe(np.full((80, 100, 3), 90, np.uint8)) == LinearProbe(0.0, 100.0, 0.0, 80.0)


@pytest.mark.parametrize("probe", [LinearProbe(10.0, 110.0, 5.0, 100.0), SectorProbe(60.0, -20.0, 30.0, 80.0, 0.6)])
def test_beams_agree_with_the_probe(probe: LinearProbe | SectorProbe) -> None:
    beams = Beams.of(probe, (118, 121))
    x, y = np.meshgrid(np.arange(121) + 0.5, np.arange(118) + 0.5)
    depth, lateral = probe.to_beam(x, y)
    middle = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(beams.to_pixels(beams.depth)[middle], depth[middle], atol=0.01)
    np.testing.assert_allclose(beams.to_pixels(beams.lateral)[middle], lateral[middle], atol=0.03)
    inside = (depth >= 0) & (depth < 1) & (lateral >= 0) & (lateral < 1)
    assert (beams.inside() != inside).mean() < 0.01
