import torch
from fitting import descends_towards, fit

from umind.decoders.quality.head import QualityHead
from umind.decoders.quality.loss import mask_iou, on_nothing, quality_loss

IOU, NONE = torch.tensor([0.9, 0.4, 0.0]), torch.zeros(0)


def parts() -> tuple[QualityHead, torch.Tensor]:
    torch.manual_seed(0)
    return QualityHead(24), torch.randn(5, 24)


def test_shapes() -> None:
    head, instances = parts()
    assert head(instances).shape == (5,)
    assert head(instances[:0]).shape == (0,)


def test_overfits_one_batch() -> None:
    head, instances = parts()
    fit(head, lambda: quality_loss(head(instances[:3]), IOU, head(instances[3:])), 400)
    found = head(instances).sigmoid()
    torch.testing.assert_close(found, torch.cat([IOU, torch.zeros(2)]), atol=0.03, rtol=0)


def test_batch_equals_one_by_one() -> None:
    head, instances = parts()
    torch.testing.assert_close(torch.cat([head(one[None]) for one in instances]), head(instances))


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    sure, never = torch.full((3,), 20.0), torch.full((2,), -20.0)
    assert float(quality_loss(sure, torch.ones(3), never)) < 1e-6
    assert descends_towards(-torch.ones(3), sure, lambda q: quality_loss(q, torch.ones(3), never))
    assert descends_towards(torch.ones(2), torch.full((2,), -6.0), lambda q: quality_loss(sure, torch.ones(3), q))


def test_candidates_weigh_as_much_as_instances() -> None:
    ours, idle = torch.tensor([0.3]), torch.tensor([0.7, -0.2])
    alone = [quality_loss(ours, torch.ones(1), NONE), *(quality_loss(NONE, NONE, i[None]) for i in idle)]
    torch.testing.assert_close(quality_loss(ours, torch.ones(1), idle), torch.stack(alone).mean())


def test_iou_of_masks() -> None:
    target, logits = torch.zeros(1, 4, 4), torch.full((1, 4, 4), -1.0)
    target[0, :2], logits[0, 1:3] = 1, 1  # 8 and 8 cells, 4 shared
    torch.testing.assert_close(mask_iou(logits, target), torch.tensor([1 / 3]))


def test_only_candidates_outside_the_extent_lie_on_nothing() -> None:
    extent = torch.zeros(2, 4, 8)
    extent[0, 1, 5] = 0.1
    points = torch.tensor([[5.5 / 8, 1.5 / 4], [4.9 / 8, 1.5 / 4], [5.5 / 8, 1.5 / 4], [1.0, 1.0]])
    assert on_nothing(points, torch.tensor([0, 0, 1, 0]), extent).tolist() == [False, True, True, True]


def test_nothing_at_all() -> None:
    assert float(quality_loss(NONE, NONE, NONE)) == 0
