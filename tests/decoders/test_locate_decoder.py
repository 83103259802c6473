import torch
from fitting import descends_towards, discs, fit

from umind.decoders.locate.head import LocateHead, peaks
from umind.decoders.locate.loss import centre_loss, centre_target, extent_loss

POINTS = torch.tensor([[0.3, 0.4], [0.7, 0.6], [0.55, 0.2]])
BOXES = torch.cat([POINTS - 0.15, POINTS + 0.15], 1)
SLOTS = torch.tensor([0, 0, 2])
ROWS = torch.tensor([0, 0, 1])
CENTRES = centre_target(POINTS, BOXES, SLOTS, (3, 12, 12))
DISCS = discs(POINTS, torch.full((3,), 0.15), 12)
EXTENT = torch.stack([DISCS[:2].amax(0), torch.zeros(12, 12), DISCS[2]])


def parts() -> tuple[LocateHead, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return LocateHead(24, 16), torch.randn(3, 24), torch.randn(2, 16, 12, 12)


def test_shapes_and_prior() -> None:
    head, states, context = parts()
    centres, extent = head.eval()(states, context, ROWS)
    assert centres.shape == extent.shape == (3, 12, 12)
    assert centres.sigmoid().mean() < 0.05


def test_overfits_one_batch() -> None:
    head, states, context = parts()

    def loss() -> torch.Tensor:
        centres, extent = head(states, context, ROWS)
        return centre_loss(centres, CENTRES) + extent_loss(extent, EXTENT)

    first, last = fit(head, loss, 250, rate=3e-2)
    assert last < 0.15 * first
    centres, _ = head(states, context, ROWS)
    slots, found, _ = peaks(centres, 4, 0.4)
    for slot, point in zip(SLOTS, POINTS, strict=True):
        assert (found[slots == slot] - point).norm(dim=1).min() < 1 / 12


def test_batch_equals_one_by_one() -> None:
    head, states, context = parts()
    head.eval()
    centres, extent = head(states, context, ROWS)
    for index in range(3):
        pick = slice(index, index + 1)
        alone = head(states[pick], context[ROWS[pick]], torch.zeros(1, dtype=torch.long))
        torch.testing.assert_close(alone[0][0], centres[index], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(alone[1][0], extent[index], atol=1e-5, rtol=1e-4)


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    logits = 40 * (CENTRES == 1).float() - 20
    assert float(centre_loss(logits, CENTRES)) < 1e-6
    assert float(extent_loss(40 * EXTENT - 20, EXTENT)) < 1e-6
    start = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(0))
    assert descends_towards(start, logits / 3, lambda x: centre_loss(x, CENTRES))
    assert descends_towards(start, 12 * EXTENT - 6, lambda x: extent_loss(x, EXTENT))


def test_centre_loss_equals_a_loop() -> None:
    logits = torch.randn(3, 12, 12, generator=torch.Generator().manual_seed(0))
    total, hits = 0.0, 0
    for p, y in zip(logits.sigmoid().flatten().tolist(), CENTRES.flatten().tolist(), strict=True):
        chance = torch.tensor(p if y == 1 else 1 - p).log().item()
        total -= (1 - p) ** 2 * chance if y == 1 else p**2 * (1 - y) ** 4 * chance
        hits += y == 1
    assert abs(total / hits - float(centre_loss(logits, CENTRES))) < 1e-3


def test_no_phrases() -> None:
    head, _, context = parts()
    centres, extent = head(torch.zeros(0, 24), context, torch.zeros(0, dtype=torch.long))
    assert centres.shape == (0, 12, 12)
    loss = centre_loss(centres, centres) + extent_loss(extent, extent)
    assert float(loss.detach()) == 0
    loss.backward()
    assert [len(part) for part in peaks(centres, 4, 0.1)] == [0, 0, 0]


def test_target_is_one_at_each_distinct_centre_and_nowhere_else() -> None:
    assert (CENTRES == 1).sum((1, 2)).tolist() == [2, 0, 1]
    assert CENTRES[0, 4, 3] == CENTRES[0, 7, 8] == CENTRES[2, 2, 6] == 1
    assert CENTRES.max() == 1
    twice = centre_target(POINTS[[0, 0]], BOXES[[0, 0]], torch.tensor([0, 0]), (1, 12, 12))
    assert (twice == 1).sum() == 1


def test_target_of_a_centre_on_the_rim_and_of_a_whole_image_box() -> None:
    points = torch.tensor([[1.0, 1.0], [0.0, 0.5]])
    boxes = torch.tensor([[0.9, 0.9, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    target = centre_target(points, boxes, torch.tensor([0, 1]), (2, 12, 12))
    assert (target == 1).nonzero().tolist() == [[0, 11, 11], [1, 6, 0]]


def test_planted_peaks_are_found_in_order() -> None:
    logits = torch.full((2, 10, 10), -8.0)
    logits[0, 2, 3], logits[0, 2, 4], logits[0, 7, 8], logits[1, 0, 9] = 1.0, 0.5, 3.0, -4.0
    slots, points, scores = peaks(logits, 4, 0.1)
    assert slots.tolist() == [0, 0, 1]  # the neighbour of a peak is none; map 1 keeps its best, though it is below the minimum
    torch.testing.assert_close(points, torch.tensor([[0.85, 0.75], [0.35, 0.25], [0.95, 0.05]]))
    torch.testing.assert_close(scores, torch.tensor([3.0, 1.0, -4.0]).sigmoid())


def test_peaks_keep_the_limit() -> None:
    logits = torch.full((1, 12, 12), -8.0)
    logits[0, ::3, ::3] = torch.arange(16.0).reshape(4, 4)
    assert peaks(logits, 5, 0.1)[2].tolist() == torch.arange(11.0, 16).flip(0).sigmoid().tolist()
