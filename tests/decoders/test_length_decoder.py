import numpy as np
import pytest
import torch
from fitting import descends_towards, discs, fit
from jaxtyping import Bool
from torch.nn.functional import interpolate

from umind.decoders.measure.head import LengthHead, LengthOutput
from umind.decoders.measure.lengths import axes_of_masks, lengths_of_masks
from umind.decoders.measure.loss import length_loss
from umind.geometry.caliper import diameters_of_mask
from umind.geometry.ellipse import ellipse_of_mask

CENTRES = torch.tensor([[0.5, 0.5], [0.4, 0.6], [0.5, 0.45]])
TRUTH = discs(CENTRES, torch.tensor([0.30, 0.25, 0.35]), 48)
LOGITS = 2 * discs(CENTRES, torch.tensor([0.33, 0.24, 0.30]), 48) - 1
LENGTHS = lengths_of_masks(TRUTH > 0.5) / 48
DRAWN = lengths_of_masks(interpolate(LOGITS[:, None], scale_factor=2, mode="bilinear")[:, 0] > 0) / 96
MISSING = LENGTHS.log() - DRAWN.log()
SURE = torch.full((3, 4), -4.0)


def parts() -> tuple[LengthHead, torch.Tensor]:
    torch.manual_seed(0)
    return LengthHead(24), torch.randn(3, 24)


def tilted_ellipse(seed: int) -> Bool[np.ndarray, "96 128"]:
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:96, :128]
    (x, y), (a, b), angle = rng.uniform(40, 60, 2), rng.uniform(4, 35, 2), rng.uniform(0, np.pi)
    along = (xs - x) * np.cos(angle) + (ys - y) * np.sin(angle)
    across = (ys - y) * np.cos(angle) - (xs - x) * np.sin(angle)
    return np.asarray((along / a) ** 2 + (across / b) ** 2 < 1)


def test_shapes_and_range() -> None:
    head, instances = parts()
    said = head(instances)
    assert said.log_scale.shape == said.log_spread.shape == (3, 4)
    assert said.log_scale.abs().max() < 0.2
    assert (said.log_spread - -2.5).abs().max() < 0.2
    extreme = head(1e5 * instances)
    assert extreme.log_scale.abs().max() <= 0.5
    assert extreme.log_spread.min() >= -6
    assert extreme.log_spread.max() <= 0


def test_overfits_one_batch() -> None:
    head, instances = parts()
    first, last = fit(head, lambda: length_loss(head(instances), LOGITS, LENGTHS)[0], 150, rate=3e-3)
    assert last < 0.1 * first
    torch.testing.assert_close(head(instances).log_scale, MISSING, atol=0.02, rtol=0)


def test_batch_equals_one_by_one() -> None:
    head, instances = parts()
    alone = [head(instances[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(head(instances).log_scale, torch.cat([said.log_scale for said in alone]))
    torch.testing.assert_close(head(instances).log_spread, torch.cat([said.log_spread for said in alone]))


def test_losses_are_least_at_the_truth_and_fall_towards_it() -> None:
    assert descends_towards(torch.zeros(3, 4), MISSING, lambda x: length_loss(LengthOutput(x, SURE), LOGITS, LENGTHS)[0])
    assert float(length_loss(LengthOutput(MISSING, SURE), LOGITS, LENGTHS)[0]) < 1e-6
    plain = torch.zeros(3, 4)
    best = MISSING.abs().log()  # where the likelihood of a Gaussian is greatest
    for start in (-1.0, -4.5):
        assert descends_towards(
            torch.full((3, 4), start), best, lambda x: length_loss(LengthOutput(plain, x), LOGITS, LENGTHS)[1]
        )


def test_spread_learns_from_what_the_scale_leaves_and_does_not_move_it() -> None:
    scale = (0.5 * MISSING).requires_grad_()
    best = (0.5 * MISSING).abs().log().requires_grad_()
    length_loss(LengthOutput(scale, best), LOGITS, LENGTHS)[1].backward()
    assert scale.grad is None
    assert best.grad is not None
    assert best.grad.abs().max() < 1e-4


def test_no_instances() -> None:
    head, instances = parts()
    losses = length_loss(head(instances[:0]), LOGITS[:0], LENGTHS[:0])
    assert [float(loss.detach()) for loss in losses] == [0, 0]
    sum(losses).backward()


@pytest.mark.parametrize("seed", range(6))
def test_axes_equal_those_of_the_ellipse(seed: int) -> None:
    mask = tilted_ellipse(seed)
    ellipse = ellipse_of_mask(mask)
    expected = [2 * ellipse.semi_major, 2 * ellipse.semi_minor]
    np.testing.assert_allclose(axes_of_masks(torch.from_numpy(mask[None]))[0].numpy(), expected, rtol=2e-3)


@pytest.mark.parametrize("seed", range(6))
def test_calipers_equal_those_of_the_hull(seed: int) -> None:
    mask = tilted_ellipse(seed)
    longest, across = (caliper.length() for caliper in diameters_of_mask(mask))
    found = lengths_of_masks(torch.from_numpy(mask[None]))[0]
    np.testing.assert_allclose(found[:2].numpy(), [longest, across], atol=1.5)  # the hull's corners stick out by half a pixel


def test_calipers_reach_a_tip_that_axes_hardly_feel() -> None:
    masks = discs(torch.tensor([[0.5, 0.5]]), torch.tensor([0.25]), 64) > 0.5
    spiked = masks.clone()
    spiked[0, 31:33, 40:60] = True
    plain, longer = lengths_of_masks(torch.cat([masks, spiked]))
    assert float(longer[0] - plain[0]) == pytest.approx(12, abs=1)
    assert float(longer[2] - plain[2]) < 4


def test_nothing_and_one_pixel_are_about_a_pixel_long() -> None:
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[1, 20, 20] = True
    lengths = lengths_of_masks(masks)
    assert ((lengths >= 1) & (lengths < 1.2)).all()
