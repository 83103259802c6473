import torch
from fitting import descends_towards, discs, fit

from umind.decoders.mask.head import MaskHead
from umind.decoders.mask.loss import mask_loss, quality_loss, upsample_to

POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.6], [0.5, 0.2]])
TARGET = discs(POINTS, torch.tensor([0.2, 0.15, 0.1]), 16)
ROWS = torch.tensor([0, 1, 1])


def parts() -> tuple[MaskHead, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return MaskHead(24, 8, 8), torch.randn(3, 24), torch.randn(2, 8, 16, 16)


def test_shapes() -> None:
    head, instances, features = parts()
    masks, quality = head(instances, POINTS, features, ROWS)
    assert masks.shape == (3, 16, 16)
    assert quality.shape == (3,)
    assert upsample_to(masks, torch.zeros(3, 32, 32)).shape == (3, 32, 32)


def test_overfits_one_batch() -> None:
    head, instances, features = parts()

    def loss() -> torch.Tensor:
        masks, quality = head(instances, POINTS, features, ROWS)
        return sum(mask_loss(masks, TARGET)) + quality_loss(quality, masks, TARGET)

    first, last = fit(head, loss, 300)
    assert last < 0.1 * first
    masks, quality = head(instances, POINTS, features, ROWS)
    assert ((masks > 0) == (TARGET > 0.5)).float().mean() > 0.99
    assert quality.sigmoid().min() > 0.8


def test_batch_equals_one_by_one() -> None:
    head, instances, features = parts()
    masks, quality = head(instances, POINTS, features, ROWS)
    for index in range(3):
        pick = slice(index, index + 1)
        mask, value = head(instances[pick], POINTS[pick], features[ROWS[pick]], torch.zeros(1, dtype=torch.long))
        torch.testing.assert_close(mask[0], masks[index], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(value[0], quality[index])


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    logits = 40 * TARGET - 20
    assert max(map(float, mask_loss(logits, TARGET))) < 1e-6
    assert float(quality_loss(torch.full((3,), 20.0), logits, TARGET)) < 1e-6
    start = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0))
    for part in range(2):
        assert descends_towards(start, 12 * TARGET - 6, lambda x, part=part: mask_loss(x, TARGET)[part])
    assert descends_towards(-torch.ones(3), torch.full((3,), 20.0), lambda q: quality_loss(q, logits, TARGET))


def test_dice_of_an_empty_mask_on_an_empty_target_is_zero() -> None:
    assert float(mask_loss(torch.full((1, 8, 8), -30.0), torch.zeros(1, 8, 8))[1]) < 1e-6


def test_quality_target_is_the_iou() -> None:
    target, logits = torch.zeros(1, 4, 4), torch.full((1, 4, 4), -1.0)
    target[0, :2], logits[0, 1:3] = 1, 1  # 8 and 8 cells, 4 shared: IoU 1/3
    values = torch.linspace(-3, 3, 601)
    losses = torch.stack([quality_loss(q[None], logits, target) for q in values])
    assert abs(float(values[losses.argmin()].sigmoid()) - 1 / 3) < 0.01


def test_no_instances() -> None:
    head, _, features = parts()
    empty = torch.zeros(0, dtype=torch.long)
    masks, quality = head(torch.zeros(0, 24), torch.zeros(0, 2), features, empty)
    losses = (*mask_loss(masks, masks), quality_loss(quality, masks, masks))
    assert [float(loss.detach()) for loss in losses] == [0, 0, 0]
    sum(losses).backward()
