"""Numbers in a text, and texts that are the same."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.metrics.text import Quantity, exact_match_accuracy, quantities_of


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("A lesion of 12 x 8 mm.", [(12, "mm"), (8, "mm")]),
        ("12\u00d78\u00d75.5cm", [(12, "cm"), (8, "cm"), (5.5, "cm")]),
        ("12mm x 0.8cm", [(12, "mm"), (0.8, "cm")]),
        ("area 3.5 cm², 3.5 cm2 or 350 mm^2", [(3.5, "cm2"), (3.5, "cm2"), (350, "mm2")]),
        ("3-5 mm", [(3, ""), (5, "mm")]),
        ("shifted by -3.0 mm", [(-3, "mm")]),
        ("EFW 1,250 g at 32 weeks and 4 days", [(1250, "g"), (32, "wk"), (4, "d")]),
        ("presence 97 %, angle 120°, 45 degrees", [(97, "%"), (120, "deg"), (45, "deg")]),
        ("two cysts, 2", [(2, "")]),
        ("segments 2,3", [(2, ""), (3, "")]),
        ("12 months", [(12, "")]),
        ("BI-RADS 4a, T2, G2P1, v1.2.3", []),
        ("no lesion", []),
    ],
)
def test_quantities(text: str, want: list[tuple[float, str]]) -> None:
    assert [(q.value, q.unit) for q in quantities_of(text)] == want


@given(
    st.lists(st.tuples(st.integers(0, 9999).map(lambda n: n / 10), st.sampled_from(["mm", "cm", "mm2", "ml", "%", "px", ""])))
)
def test_what_is_written_is_read(pairs: list[tuple[float, str]]) -> None:
    text = "; ".join(f"part measures {value} {unit}".strip() for value, unit in pairs)
    assert quantities_of(text) == tuple(Quantity(value, unit) for value, unit in pairs)


def test_exact_match() -> None:
    predicted = ["A cyst.", "a  CYST", "a cyst", "", "12 mm"]
    truth = ["a cyst", "A cyst.", "a solid lesion", "a cyst", "12.0 mm"]
    assert exact_match_accuracy(predicted, truth) == 0.4  # an empty answer is wrong, never dropped
    assert math.isnan(exact_match_accuracy([], []))
    with pytest.raises(ValueError, match="shorter"):
        exact_match_accuracy(["a"], [])
