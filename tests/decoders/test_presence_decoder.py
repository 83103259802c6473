import torch
from fitting import descends_towards, fit

from umind.decoders.presence.head import PresenceHead
from umind.decoders.presence.loss import presence_loss

PRESENT = torch.tensor([1.0, 0.0, 1.0, 0.0])


def parts() -> tuple[PresenceHead, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return PresenceHead(24, 12, 16), (torch.randn(4, 24), torch.randn(4, 12), torch.randn(4, 8, 8), torch.randn(4, 8, 8))


def test_shapes() -> None:
    head, inputs = parts()
    assert head(*inputs).shape == (4,)


def test_overfits_one_batch() -> None:
    head, inputs = parts()
    first, last = fit(head, lambda: presence_loss(head(*inputs), PRESENT), 100)
    assert last < 0.02 * first


def test_batch_equals_one_by_one() -> None:
    head, inputs = parts()
    alone = torch.cat([head(*(x[i : i + 1] for x in inputs)) for i in range(4)])
    torch.testing.assert_close(head(*inputs), alone)


def test_only_the_best_cell_of_a_map_counts() -> None:
    head, (states, seen, centres, extent) = parts()
    shuffled = centres.flatten(1)[:, torch.randperm(64)].reshape(4, 8, 8)
    assert torch.equal(head(states, seen, centres, extent), head(states, seen, shuffled, extent))
    assert not torch.equal(head(states, seen, centres, extent), head(states, seen, centres + 1, extent))


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    logits = 40 * PRESENT - 20
    assert float(presence_loss(logits, PRESENT)) < 1e-6
    assert descends_towards(torch.zeros(4), logits, lambda x: presence_loss(x, PRESENT))


def test_no_questions() -> None:
    head, inputs = parts()
    loss = presence_loss(head(*(x[:0] for x in inputs)), torch.zeros(0))
    assert float(loss.detach()) == 0
    loss.backward()
