import numpy as np
import pytest
import torch
from fitting import descends_towards, discs, fit

from umind.decoders.measure.head import SpreadHead
from umind.decoders.measure.loss import axes_of_masks, spread_loss
from umind.geometry.ellipse import ellipse_of_mask

CENTRES = torch.tensor([[0.5, 0.5], [0.4, 0.6], [0.5, 0.45]])
TRUTH = discs(CENTRES, torch.tensor([0.30, 0.25, 0.35]), 48)
LOGITS = 2 * discs(CENTRES, torch.tensor([0.33, 0.24, 0.30]), 48) - 1


def parts() -> tuple[SpreadHead, torch.Tensor]:
    torch.manual_seed(0)
    return SpreadHead(24), torch.randn(3, 24)


def test_shapes_and_range() -> None:
    head, instances = parts()
    spread = head(instances)
    assert spread.shape == (3, 2)
    assert (spread - -2.5).abs().max() < 1.5
    assert head(1000 * instances).min() >= -6
    assert head(1000 * instances).max() <= 0


def test_overfits_one_batch() -> None:
    head, instances = parts()
    residual = axes_of_masks(LOGITS > 0).log() - axes_of_masks(TRUTH > 0.5).log()
    best = float(spread_loss(residual.abs().log(), LOGITS, TRUTH))
    first, last = fit(head, lambda: spread_loss(head(instances), LOGITS, TRUTH), 300)
    assert last - best < 0.02 * (first - best)


def test_batch_equals_one_by_one() -> None:
    head, instances = parts()
    alone = torch.cat([head(instances[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(head(instances), alone)


def test_loss_is_least_at_the_true_spread_and_falls_towards_it() -> None:
    residual = axes_of_masks(LOGITS > 0).log() - axes_of_masks(TRUTH > 0.5).log()
    target = residual.abs().log()  # where the likelihood of a Gaussian is greatest
    assert descends_towards(torch.full((3, 2), -1.0), target, lambda x: spread_loss(x, LOGITS, TRUTH))
    assert descends_towards(torch.full((3, 2), -4.0), target, lambda x: spread_loss(x, LOGITS, TRUTH))
    leaf = target.clone().requires_grad_()
    spread_loss(leaf, LOGITS, TRUTH).backward()
    assert leaf.grad is not None
    assert leaf.grad.abs().max() < 1e-4


def test_no_measurements() -> None:
    head, instances = parts()
    loss = spread_loss(head(instances[:0]), LOGITS[:0], TRUTH[:0])
    assert float(loss.detach()) == 0
    loss.backward()


@pytest.mark.parametrize("seed", range(6))
def test_axes_equal_those_of_the_ellipse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:96, :128]
    (x, y), (a, b), angle = rng.uniform(40, 60, 2), rng.uniform(4, 35, 2), rng.uniform(0, np.pi)
    along = (xs - x) * np.cos(angle) + (ys - y) * np.sin(angle)
    across = (ys - y) * np.cos(angle) - (xs - x) * np.sin(angle)
    mask = (along / a) ** 2 + (across / b) ** 2 < 1
    ellipse = ellipse_of_mask(mask)
    expected = [2 * ellipse.semi_major, 2 * ellipse.semi_minor]
    np.testing.assert_allclose(axes_of_masks(torch.from_numpy(mask[None]))[0].numpy(), expected, rtol=2e-3)


def test_axes_of_nothing_and_of_one_cell_are_about_a_cell() -> None:
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[1, 20, 20] = True
    axes = axes_of_masks(masks)
    assert ((axes >= 1) & (axes < 1.2)).all()
