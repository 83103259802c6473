import torch
from fitting import descends_towards, discs, fit

from umind.decoders.mask.head import MaskHead
from umind.decoders.mask.loss import fine_parts, mask_loss

POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.6], [0.5, 0.2]])
TARGET = discs(POINTS, torch.tensor([0.2, 0.15, 0.1]), 32)
ROWS = torch.tensor([0, 1, 1])


def parts() -> tuple[MaskHead, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return MaskHead(24, 16, 16), torch.randn(3, 24), torch.randn(2, 16, 16, 16)


def test_shapes() -> None:
    head, instances, features = parts()
    masks = head(instances, POINTS, features, ROWS)
    assert masks.shape == (3, 32, 32)


def test_draws_what_is_finer_than_a_cell_of_its_features() -> None:
    head, instances, features = parts()
    stripes = torch.arange(32).remainder(2).expand(3, 32, 32).float()
    fit(head, lambda: sum(mask_loss(head(instances, POINTS, features, ROWS), stripes)), 400)
    assert ((head(instances, POINTS, features, ROWS) > 0) == (stripes > 0.5)).all()


def test_overfits_one_batch() -> None:
    head, instances, features = parts()

    first, last = fit(head, lambda: sum(mask_loss(head(instances, POINTS, features, ROWS), TARGET)), 400)
    assert last < 0.1 * first
    assert ((head(instances, POINTS, features, ROWS) > 0) == (TARGET > 0.5)).float().mean() > 0.99


def test_batch_equals_one_by_one() -> None:
    head, instances, features = parts()
    masks = head(instances, POINTS, features, ROWS)
    for index in range(3):
        pick = slice(index, index + 1)
        mask = head(instances[pick], POINTS[pick], features[ROWS[pick]], torch.zeros(1, dtype=torch.long))
        torch.testing.assert_close(mask[0], masks[index], atol=1e-5, rtol=1e-4)


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    logits = 40 * TARGET - 20
    assert max(map(float, mask_loss(logits, TARGET))) < 1e-6
    start = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    for part in range(2):
        assert descends_towards(start, 12 * TARGET - 6, lambda x, part=part: mask_loss(x, TARGET)[part])


def test_fine_parts_are_tips_and_no_margins() -> None:
    masks = discs(torch.tensor([[0.5, 0.5]]), torch.tensor([0.25]), 64)
    body = masks.clone()
    masks[0, 31:33, 48:60] = 1
    fine = fine_parts(masks)
    assert (fine[0, 31:33, 50:60] == 1).all()
    assert fine_parts(body).sum() < 0.03 * body.sum()
    assert fine.sum() - fine_parts(body).sum() < 30


def test_a_lost_tip_costs_more_than_as_much_of_the_body() -> None:
    target = discs(torch.tensor([[0.5, 0.5]]), torch.tensor([0.25]), 64)
    target[0, 31:33, 48:60] = 1
    without_tip, without_core = 12 * target - 6, 12 * target - 6
    without_tip[0, 31:33, 50:60] = -6
    without_core[0, 31:33, 22:32] = -6
    for tip, core in zip(mask_loss(without_tip, target), mask_loss(without_core, target), strict=True):
        assert tip > 2 * core


def test_dice_of_an_empty_mask_on_an_empty_target_is_zero() -> None:
    assert float(mask_loss(torch.full((1, 8, 8), -30.0), torch.zeros(1, 8, 8))[1]) < 1e-6


def test_no_instances() -> None:
    head, _, features = parts()
    empty = torch.zeros(0, dtype=torch.long)
    masks = head(torch.zeros(0, 24), torch.zeros(0, 2), features, empty)
    losses = mask_loss(masks, masks)
    assert [float(loss.detach()) for loss in losses] == [0, 0]
    sum(losses).backward()
