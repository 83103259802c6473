"""Findings and numbers of reports: what is read, and that no fault goes unseen."""

# ruff: noqa: RUF001  # Chinese punctuation is what is tested
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umind.metrics.answers import RunningText, text_scores
from umind.metrics.findings import OBJECTS, PROPERTIES, compare_findings, compare_numbers, findings_of
from umind.metrics.language import bleu, rouge

REPORT = "Breast ultrasound. Irregular hypoechoic mass in the left breast, 12 x 8 mm, without calcification. No cyst seen."


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (REPORT, "irregular, hypoechoic, lesion left, -calcification, -cyst"),
        ("Nodule in the left lobe, cyst in the right lobe", "lesion left, cyst right"),
        ("left nodule and right cyst", "lesion left, cyst right"),
        ("Mass, oval, in the right breast.", "lesion right, oval"),
        ("bilateral cysts", "cyst both"),
        ("No mass, cyst or calcification, but a normal left ovary.", "-lesion, -cyst, -calcification, normal, ovary left"),
        ("The mass is not seen. Cyst: absent.", "-lesion, -cyst"),
        ("Margin not circumscribed, hypoechoic.", "not circumscribed, hypoechoic"),
        ("margin not well-defined", "not circumscribed"),
        ("TALLER-THAN-WIDE; posterior acoustic shadowing", "taller than wide, shadowing"),
        ("surrounding tissue, abnormal", "abnormality"),
        ("5.5 mm lesion", "lesion"),
        ("I cannot tell.", ""),
        ("", ""),
        ("左侧乳腺探及一呈圆形、边界清晰的无回声区。", "round, circumscribed, anechoic"),
        ("右乳可见一实性低回声结节，边界欠清", "solid, hypoechoic, lesion right, not circumscribed"),
        ("右乳结节，未见明显声影或钙化。", "lesion right, -shadowing, -calcification"),
        ("周围组织回声均匀，无异常血流信号", "homogeneous, -abnormality, -vascularity"),
        ("形态不规则，内部回声不均匀，考虑恶性", "irregular, heterogeneous, malignant"),
        ("后方伴强回声增强，双侧囊肿", "enhancement, cyst both"),
    ],
)
def test_findings(text: str, want: str) -> None:
    got = {f"{'' if f.present else '-'}{f.name} {f.side}".strip() for f in findings_of(text)}
    assert got == set(filter(None, want.split(", ")))


@given(st.sets(st.tuples(st.sampled_from(["lesion", "cyst", "nerve", "ovary"]), st.sampled_from(["left", "right"]))))
def test_what_is_written_is_read(pairs: set[tuple[str, str]]) -> None:
    text = " ".join(f"There is a {name} on the {side}." for name, side in sorted(pairs))
    assert {(f.name, f.side) for f in findings_of(text)} == pairs
    assert all(f.present for f in findings_of(text))
    denied = findings_of(text.replace("There is a", "There is no"))
    assert {(f.name, f.side, f.present) for f in denied} == {(name, "", False) for name, _ in pairs}


def test_each_name_is_read_as_itself() -> None:
    for name in (*OBJECTS, *PROPERTIES):
        assert {f.name for f in findings_of(f"{name}.")} == {name}


def test_every_fault_is_seen() -> None:
    same = compare_findings([REPORT], [REPORT])
    assert (same.f1, same.num_right, same.num_stated, same.num_true, same.num_unparsed) == (1, 5, 5, 5, 0)
    faults = {
        REPORT.replace("left", "right"): (4, 5, 5),
        REPORT.replace("Irregular ", ""): (4, 4, 5),
        REPORT.replace("without", "with"): (4, 5, 5),
        REPORT.replace("mass", "calcified mass"): (5, 6, 5),
        "I cannot tell.": (0, 0, 5),
    }
    for text, counts in faults.items():
        got = compare_findings([text], [REPORT])
        assert (got.num_right, got.num_stated, got.num_true) == counts
        assert got.f1 < 1
    for nothing in (None, "", "?"):
        got = compare_findings([REPORT, nothing], [REPORT, REPORT])
        assert (got.f1, got.num_unparsed) == (pytest.approx(10 / 15), 1)
    assert math.isnan(compare_findings(["hello"], ["hello"]).f1)


@pytest.mark.parametrize(
    ("predicted", "truth", "tolerance", "counts"),
    [
        ("12 x 8 mm", "1.2 x 0.8 cm", 0, (2, 2, 2)),
        ("12 x 8 mm", "12 x 8 cm", 0, (0, 2, 2)),
        ("12 mm", "12", 0, (0, 1, 1)),
        ("12 mm", "13 mm", 0, (0, 1, 1)),
        ("12 mm", "13 mm", 0.1, (1, 1, 1)),
        ("12 mm and 12 mm", "12 mm", 0, (1, 2, 1)),
        ("3.5 cm2", "350 mm^2", 0, (1, 1, 1)),
        ("1.2 kg", "1200 g", 0, (1, 1, 1)),
        ("大小约1.2×0.8cm。", "12 x 8毫米", 0, (2, 2, 2)),
        ("孕32周4天", "32 weeks and 4 days", 0, (2, 2, 2)),
        ("2 周围", "2", 0, (1, 1, 1)),
        (None, "12 mm", 0, (0, 0, 1)),
        ("nothing", "nothing", 0, (0, 0, 0)),
    ],
)
def test_numbers(predicted: str | None, truth: str, tolerance: float, counts: tuple[int, int, int]) -> None:
    got = compare_numbers([predicted], [truth], tolerance)
    assert (got.num_right, got.num_stated, got.num_true) == counts


@given(
    stated=st.lists(st.integers(10, 20), max_size=4),
    true=st.lists(st.integers(10, 20), max_size=4),
    tolerance=st.floats(0, 0.5),
)
def test_pairing_is_the_best_there_is(stated: list[int], true: list[int], tolerance: float) -> None:
    """Against every order of the longer list."""
    few, many = sorted((stated, true), key=len)
    orders = itertools.permutations(many, len(few))

    def near(a: int, b: int) -> bool:
        return abs(a - b) <= (tolerance + 1e-9) * (b if few is stated else a)

    want = max(sum(near(a, b) for a, b in zip(few, order, strict=True)) for order in orders)
    text = [", ".join(f"{number} mm" for number in numbers) for numbers in (stated, true)]
    assert compare_numbers([text[0]], [text[1]], tolerance).num_right == want


def test_scores_of_texts_and_their_running_state() -> None:
    predicted, truth = [REPORT, None, "左侧结节 12mm"], [REPORT, REPORT, "左侧结节 12mm"]
    got = text_scores(predicted, truth, language="zh")
    assert (got.accuracy, got.finding_f1, got.number_f1) == pytest.approx((2 / 3, 12 / 17, 6 / 8))
    assert (got.bleu4, got.rouge_l) == (bleu(predicted, truth, language="zh"), rouge(predicted, truth).longest)
    assert (got.num_texts, got.num_unparsed) == (3, 1)
    running = RunningText(language="zh")
    for pair in zip(predicted, truth, strict=True):
        running.update(*pair)
    assert {name: float(value) for name, value in running.compute().items()} == pytest.approx(vars(got))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        compare_findings(["a"], [])
    with pytest.raises(ValueError, match="shorter"):
        compare_numbers(["a"], [])
    with pytest.raises(ValueError, match="negative"):
        compare_numbers(["a"], ["a"], -0.1)
