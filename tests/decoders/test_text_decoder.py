import torch
from fitting import descends_towards, fit
from torch import nn

from umind.decoders.text.head import response_likelihoods
from umind.decoders.text.loss import choice_loss, text_loss
from umind.tokens.slots import IGNORED

LABELS = torch.tensor([[IGNORED, IGNORED, IGNORED, 4, 2, IGNORED, IGNORED, 3, IGNORED], [IGNORED] * 6 + [1, 2, IGNORED]])
BLOCKS = torch.tensor([[0, 0, 1, 1, 1, 1, 2, 2, 2], [-1, -1, -1, 0, 0, 1, 1, 1, 1]])


def logits() -> torch.Tensor:
    return torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(0))


def test_likelihoods_equal_a_loop_over_responses() -> None:
    scores = logits()
    result = response_likelihoods(scores, LABELS, BLOCKS)
    expected = torch.zeros(2, 2)
    for row in range(2):
        for place in range(9):
            if LABELS[row, place] != IGNORED:
                chance = torch.softmax(scores[row, place], 0)[LABELS[row, place]]
                expected[row, BLOCKS[row, place] - 1] += chance.log()
    assert result.shape == (2, 2)
    torch.testing.assert_close(result, expected)
    assert result[1, 1] == 0  # no second block in that row


def test_likelihoods_do_not_see_the_words_of_the_question() -> None:
    scores = logits()
    changed = torch.where((LABELS == IGNORED)[..., None], torch.randn(2, 9, 6), scores)
    assert torch.equal(response_likelihoods(scores, LABELS, BLOCKS), response_likelihoods(changed, LABELS, BLOCKS))


def test_likelihoods_of_a_batch_equal_one_by_one() -> None:
    scores = logits()
    both = response_likelihoods(scores, LABELS, BLOCKS)
    torch.testing.assert_close(response_likelihoods(scores[:1], LABELS[:1], BLOCKS[:1])[0], both[0])
    torch.testing.assert_close(response_likelihoods(scores[1:], LABELS[1:], BLOCKS[1:])[0], both[1, :1])


def test_likelihoods_of_every_response_sum_to_one() -> None:
    scores = logits()[:1, :3].expand(6, -1, -1)
    labels = torch.tensor([[IGNORED, IGNORED, word] for word in range(6)])
    likelihoods = response_likelihoods(scores, labels, torch.tensor([[0, 1, 1]]).expand(6, -1))
    torch.testing.assert_close(likelihoods.exp().sum(), torch.tensor(1.0))


def test_overfits_one_batch() -> None:
    torch.manual_seed(0)
    head, states, words = nn.Linear(16, 20), torch.randn(12, 16), torch.arange(12)
    first, last = fit(head, lambda: text_loss(head(states), words), 150, rate=5e-2)
    assert last < 0.02 * first


def test_loss_is_zero_at_the_target_and_falls_towards_it() -> None:
    words = torch.tensor([3, 0, 5])
    target = 40 * torch.eye(6)[words]
    assert float(text_loss(target, words)) < 1e-6
    assert descends_towards(logits()[0, :3], target / 4, lambda x: text_loss(x, words))


def test_choice_is_the_cross_entropy_over_the_answers_to_each_question() -> None:
    likelihoods = torch.tensor([-1.0, -3.0, -2.0, -0.5, -4.0])
    questions, right = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([1.0, 0, 0, 0, 1])
    expected = -(likelihoods[:3].log_softmax(0)[0] + likelihoods[3:].log_softmax(0)[1]) / 2
    torch.testing.assert_close(choice_loss(likelihoods, questions, right), expected)
    assert descends_towards(likelihoods, likelihoods + 20 * (right - 0.5), lambda x: choice_loss(x, questions, right))


def test_choice_does_not_mind_how_likely_its_answers_are_together() -> None:
    likelihoods, questions = torch.tensor([-1.0, -3.0, -0.5, -4.0]), torch.tensor([0, 0, 1, 1])
    right = torch.tensor([1.0, 0, 1, 0])
    less = likelihoods - torch.tensor([5.0, 5, 0, 0])
    torch.testing.assert_close(choice_loss(likelihoods, questions, right), choice_loss(less, questions, right))


def test_no_choices() -> None:
    nothing = torch.zeros(0, requires_grad=True)
    loss = choice_loss(nothing, torch.zeros(0, dtype=torch.long), torch.zeros(0))
    assert float(loss.detach()) == 0
    loss.backward()


def test_no_responses() -> None:
    scores = logits().requires_grad_()
    loss = text_loss(scores[:, :0].flatten(0, 1), torch.zeros(0, dtype=torch.long))
    assert float(loss.detach()) == 0
    loss.backward()
