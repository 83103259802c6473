import numpy as np
import pytest
from scipy import stats

from umind.metrics.information import entropy, information, mutual_information


def choices_of(experts: np.ndarray, count: int) -> np.ndarray:
    """One choice a unit."""
    return np.eye(count)[experts]


def test_entropy_is_scipys() -> None:
    counts = np.array([5.0, 0, 3, 8])
    assert entropy(counts) == pytest.approx(stats.entropy(counts, base=2))
    assert entropy(np.array([7.0])) == 0
    assert entropy(np.ones(8)) == 3


def table_of(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    return table


def test_mutual_information_is_the_divergence_from_independence() -> None:
    draw = np.random.default_rng(0)
    table = table_of(draw.integers(0, 3, 60), draw.integers(0, 4, 60))
    wanted = stats.entropy(table.ravel(), np.outer(table.sum(1), table.sum(0)).ravel(), base=2)
    assert mutual_information(table) == pytest.approx(wanted)


def test_choice_that_follows_the_label_tells_its_entropy() -> None:
    labels = ["breast"] * 6 + ["liver"] * 3 + ["thyroid"] * 3
    experts = np.array([2] * 6 + [0] * 3 + [1] * 3)
    found = information(choices_of(experts, 4), labels)
    assert found.bits == pytest.approx(1.5)
    assert found.counted == pytest.approx(1.5)
    assert found.entropy == pytest.approx(1.5)
    assert 0 < found.chance < 0.6
    assert found.p_value == pytest.approx(1 / 201)


def test_constant_choice_tells_nothing() -> None:
    found = information(choices_of(np.full(12, 3), 4), ["a"] * 6 + ["b"] * 6)
    assert (found.bits, found.counted, found.chance, found.p_value) == (0, 0, 0, 1)


def test_one_label_leaves_nothing_to_tell() -> None:
    found = information(choices_of(np.arange(4), 4), ["a"] * 4)
    assert (found.bits, found.entropy) == (0, 0)


def test_small_sample_without_any_tie_does_not_look_informative() -> None:
    draw = np.random.default_rng(1)
    labels = ["a", "b", "c", "d"] * 3
    found = [information(choices_of(draw.integers(0, 4, 12), 4), labels, seed=k, num_shuffles=100) for k in range(40)]
    assert np.mean([item.counted for item in found]) > 0.4
    assert abs(np.mean([item.bits for item in found])) < 0.1
    assert 0.3 < np.mean([item.p_value for item in found]) < 0.7


def expected_information(table: np.ndarray) -> float:
    """Exact mean over all shuffles, in bits (Vinh et al., JMLR 2010, theorem 9)."""
    total, mean = int(table.sum()), 0.0
    for row in table.sum(1):
        for column in table.sum(0):
            held = np.arange(1, min(row, column) + 1)
            mean += (
                held / total * np.log2(total * held / (row * column)) * stats.hypergeom.pmf(held, total, row, column)
            ).sum()
    return mean


def test_chance_is_the_exact_mean_over_shuffles() -> None:
    draw = np.random.default_rng(2)
    experts = draw.integers(0, 3, 40)
    labels = np.where(draw.random(40) < 0.6, experts, draw.integers(0, 3, 40))
    found = information(choices_of(experts, 3), [str(label) for label in labels], num_shuffles=2000)
    assert found.chance == pytest.approx(expected_information(table_of(labels, experts)), abs=0.004)
    assert found.bits < found.counted


def test_units_count_alike_and_their_choices_are_no_draws_of_their_own() -> None:
    counts = choices_of(np.array([0, 1, 0, 1, 2]), 3)
    labels = ["a", "b", "a", "a", "b"]
    few = information(counts, labels)
    assert information(counts * np.array([[1.0], [900], [30], [2], [7]]), labels) == few
    assert few.p_value > 0.1


def test_strata_keep_what_differs_between_images_out() -> None:
    """Images of two kinds, each asked one kind of question mostly; the expert follows the image."""
    images = np.repeat(np.arange(20), 4)
    experts = images % 2
    labels = [("segment", "measure")[image % 2] if place else "ask" for image in range(20) for place in range(4)]
    over_all = information(choices_of(experts, 2), labels)
    inside = information(choices_of(experts, 2), labels, strata=images.tolist())
    assert over_all.bits > 0.5
    assert abs(inside.bits) < 1e-6
    assert inside.p_value == 1


def test_strata_need_not_stand_together() -> None:
    strata = [0, 1, 0, 1, 0, 1]
    found = information(choices_of(np.array([0, 1, 0, 1, 0, 1]), 2), ["a", "b"] * 3, strata=strata)
    assert found.chance == pytest.approx(found.counted)  # nobody changes the stratum, and each has one label


@pytest.mark.parametrize("counts", [np.zeros((0, 3)), np.array([[1.0, 0], [0, 0]])])
def test_units_without_choices_are_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="every unit wants a choice"):
        information(counts, ["a"] * len(counts))
