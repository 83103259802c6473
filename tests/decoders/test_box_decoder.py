import torch
from fitting import descends_towards, fit

from umind.decoders.box.head import BoxHead
from umind.decoders.box.loss import box_loss

POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.6], [0.5, 0.2]])
TARGET = torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.6, 0.5, 0.9, 0.8], [0.4, 0.05, 0.6, 0.3]])


def parts() -> tuple[BoxHead, torch.Tensor]:
    torch.manual_seed(0)
    return BoxHead(24), torch.randn(3, 24)


def test_shapes_and_order_of_corners() -> None:
    head, instances = parts()
    boxes = head(instances, POINTS)
    assert boxes.shape == (3, 4)
    assert (boxes[:, :2] < POINTS).all()
    assert (boxes[:, 2:] > POINTS).all()


def test_overfits_one_batch() -> None:
    head, instances = parts()
    first, last = fit(head, lambda: sum(box_loss(head(instances, POINTS), TARGET)))
    assert last < 0.1 * first


def test_batch_equals_one_by_one() -> None:
    head, instances = parts()
    alone = torch.cat([head(instances[i : i + 1], POINTS[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(head(instances, POINTS), alone)


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    assert max(map(float, box_loss(TARGET, TARGET))) < 1e-5
    start = torch.tensor([[0.2, 0.3, 0.8, 0.9]]).expand(3, -1)
    for part in range(2):
        assert descends_towards(start, TARGET, lambda x, part=part: box_loss(x, TARGET)[part])


def test_no_instances() -> None:
    head, _ = parts()
    losses = box_loss(head(torch.zeros(0, 24), torch.zeros(0, 2)), torch.zeros(0, 4))
    assert [float(loss.detach()) for loss in losses] == [0, 0]
    sum(losses).backward()
