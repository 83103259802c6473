import pytest
import torch
from fitting import descends_towards, fit
from torch.nn import functional

from umind.decoders.keypoint.head import KeypointHead, read_points
from umind.decoders.keypoint.loss import keypoint_loss

POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.6], [0.52, 0.2]])
ROWS = torch.tensor([0, 1, 1])
BOXES = torch.cat([POINTS - 0.2, POINTS + torch.tensor([0.1, 0.3])], 1)


def parts() -> tuple[KeypointHead, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return KeypointHead(24, 12, 8, 8), torch.randn(3, 24), torch.randn(3, 12), torch.randn(2, 8, 16, 16)


def bump(x: float, y: float, sigma: tuple[float, float], size: tuple[int, int]) -> torch.Tensor:
    """Logits of a Gaussian; x, y and sigma in cells, cell centres at +0.5."""
    ys, xs = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    return -0.5 * (((xs - x) / sigma[0]) ** 2 + ((ys - y) / sigma[1]) ** 2)


def test_shapes() -> None:
    head, states, instances, features = parts()
    heatmaps = head(states, instances, BOXES, features, ROWS)
    assert heatmaps.shape == (3, 16, 16)
    points, covariance, score = read_points(heatmaps)
    assert (points.shape, covariance.shape, score.shape) == ((3, 2), (3, 2, 2), (3,))


def test_overfits_one_batch() -> None:
    head, states, instances, features = parts()
    first, last = fit(head, lambda: keypoint_loss(head(states, instances, BOXES, features, ROWS), POINTS), 300)
    assert last < 0.05 * first
    found, _, _ = read_points(head(states, instances, BOXES, features, ROWS))
    assert (found - POINTS).norm(dim=1).max() < 0.5 / 16


def test_batch_equals_one_by_one() -> None:
    head, states, instances, features = parts()
    heatmaps = head(states, instances, BOXES, features, ROWS)
    for index in range(3):
        pick = slice(index, index + 1)
        alone = head(states[pick], instances[pick], BOXES[pick], features[ROWS[pick]], torch.zeros(1, dtype=torch.long))
        torch.testing.assert_close(alone[0], heatmaps[index], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_points_move_with_the_box() -> None:
    head, states, instances, _ = parts()
    flat, row = torch.zeros(1, 8, 64, 64), torch.zeros(1, dtype=torch.long)
    box = torch.tensor([[0.25, 0.25, 0.5, 0.375]])
    moved = box + torch.tensor([0.25, 0.125] * 2)
    one, other = (head(states[:1], instances[:1], place, flat, row)[0] for place in (box, moved))
    torch.testing.assert_close(one[:56, :48], other[8:, 16:], atol=1e-4, rtol=1e-4)
    tall = torch.tensor([[0.25, 0.25, 0.5, 0.5]])  # the same left half, twice as high about its centre
    stretched = head(states[:1], instances[:1], tall, flat, row)[0]
    assert (stretched[:, 24] - one[:, 24]).abs().max() > 1e-5
    torch.testing.assert_close(stretched[24 - 3 : 24 + 3 : 2].mean(0), one[20 - 1 : 20 + 1].mean(0), atol=0.02, rtol=0.02)


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    target = torch.stack([bump(16 * x, 16 * y, (1, 1), (16, 16)) for x, y in POINTS.tolist()])
    assert abs(float(keypoint_loss(target, POINTS))) < 1e-6
    assert abs(float(keypoint_loss(target + 3, POINTS))) < 1e-5  # only differences of logits matter
    start = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert descends_towards(start, target, lambda x: keypoint_loss(x, POINTS))


def test_loss_equals_the_divergence_of_torch() -> None:
    logits = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))
    target = bump(16 * 0.3, 16 * 0.4, (2, 2), (16, 16)).flatten().log_softmax(0)
    expected = functional.kl_div(logits.flatten().log_softmax(0), target, log_target=True, reduction="sum")
    torch.testing.assert_close(keypoint_loss(logits, POINTS[:1], sigma=2.0), expected)


def test_no_points() -> None:
    head, _, _, features = parts()
    heatmaps = head(torch.zeros(0, 24), torch.zeros(0, 12), torch.zeros(0, 4), features, torch.zeros(0, dtype=torch.long))
    loss = keypoint_loss(heatmaps, torch.zeros(0, 2))
    assert float(loss.detach()) == 0
    loss.backward()
    assert read_points(heatmaps)[0].shape == (0, 2)


@pytest.mark.parametrize("x", [10.0, 10.25, 10.5, 10.9])
@pytest.mark.parametrize("size", [(24, 24), (24, 32)])
def test_a_gaussian_is_read_back(x: float, size: tuple[int, int]) -> None:
    points, covariance, score = read_points(bump(x, 12.3, (1.0, 1.0), size)[None])
    side = torch.tensor([size[1], size[0]])
    assert (points[0] * side - torch.tensor([x, 12.3])).abs().max() < 0.05
    cells = covariance[0] * side[:, None] * side
    assert (cells - torch.eye(2)).abs().max() < 0.02
    assert score[0] > 0.99


def test_covariance_knows_its_axes() -> None:
    _, covariance, _ = read_points(bump(12, 12, (0.8, 1.2), (24, 24))[None])
    torch.testing.assert_close(covariance[0].diagonal() * 24**2, torch.tensor([0.64, 1.44]), atol=0.02, rtol=0)


def test_a_second_mode_widens_but_does_not_pull() -> None:
    one, other = bump(6.5, 12, (1, 1), (24, 24)), bump(18.5, 12, (1, 1), (24, 24))
    both = torch.logaddexp(one, other - 0.5)
    points, covariance, score = read_points(torch.stack([one, both]))
    assert (points[0] - points[1]).abs().max() * 24 < 0.05
    assert covariance[1, 0, 0] > 20 * covariance[0, 0, 0]
    assert score[1] < 0.7 < score[0]
