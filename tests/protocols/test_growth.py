"""Fetal regressions: the papers' examples and tables."""

import math

import pytest

from umind.protocols import PROTOCOLS, measure
from umind.protocols.growth import (
    AC,
    BPD,
    FL,
    HC,
    age_by_abdomen,
    age_by_biparietal,
    age_by_crown_rump,
    age_by_femur,
    age_by_head,
    hadlock_centile,
    intergrowth_centile,
    weight_by_ac_fl,
    weight_by_bpd_ac_fl,
    weight_by_bpd_hc_ac_fl,
    weight_by_hc_ac,
    weight_by_hc_ac_fl,
)


def test_intergrowth_example_of_the_paper():
    """Stirnemann 2017: AC 26 cm and HC 29 cm give log(EFW) = 7.312292, 1499 g."""
    weight = weight_by_hc_ac(29.0, 26.0)
    assert math.log(weight) == pytest.approx(7.312292, abs=1e-6)
    assert round(weight) == 1499


@pytest.mark.parametrize(("weight", "centile"), [(463, 3), (481, 10), (525, 50), (578, 90), (607, 97)])
def test_intergrowth_table_at_22_weeks(weight, centile):
    assert intergrowth_centile(weight, 22) == pytest.approx(centile, abs=0.7)


@pytest.mark.parametrize(("age", "median"), [(10, 35), (40, 3619)])
def test_hadlock_medians_of_the_abstract(age, median):
    """Hadlock 1991: from 35 g at 10 weeks to 3619 g at 40, one standard deviation is 12.7 %."""
    assert hadlock_centile(median - 0.5, age) < 50 < hadlock_centile(median + 0.5, age)
    assert hadlock_centile(3619 * 1.127, 40) == pytest.approx(84.13, abs=0.05)


@pytest.mark.parametrize(
    ("function", "sizes", "grams"),
    [
        (weight_by_ac_fl, (30.0, 6.0), 10**3.3311),
        (weight_by_bpd_ac_fl, (8.0, 30.0, 6.0), 10**3.3206),
        (weight_by_hc_ac_fl, (29.0, 30.0, 6.0), 10**3.3115),
        (weight_by_bpd_hc_ac_fl, (8.0, 29.0, 30.0, 6.0), 10**3.3128),
    ],
)
def test_hadlock_weights_by_hand(function, sizes, grams):
    """Exponents added up with pencil from the coefficients of Hadlock 1985."""
    assert function(*sizes) == pytest.approx(grams, rel=5e-4)


@pytest.mark.parametrize(
    ("entry", "function"), [(HC, age_by_head), (BPD, age_by_biparietal), (AC, age_by_abdomen), (FL, age_by_femur)]
)
def test_ranges_are_the_sizes_at_14_and_42_weeks(entry, function):
    low, high = entry.valid
    assert function(low) == pytest.approx(14, abs=0.15)
    assert function(high) == pytest.approx(42, abs=0.15)


@pytest.mark.parametrize(
    ("function", "size", "weeks"),
    [
        (age_by_biparietal, 5.0, 21.14),
        (age_by_head, 17.5, 20.0178),
        (age_by_abdomen, 15.0, 20.245),
        (age_by_femur, 3.3, 20.3193),
    ],
)
def test_ages_by_hand(function, size, weeks):
    assert function(size) == pytest.approx(weeks, abs=1e-3)


def test_robinson_by_hand():
    assert 7 * age_by_crown_rump(60.0) == pytest.approx(87.2436, abs=1e-3)  # 8.052 * 7.88797 + 23.73


@pytest.mark.parametrize(("crown_rump", "weeks", "days"), [(20.4, 8, 3), (37.3, 10, 4), (46.7, 11, 0), (66.5, 12, 6)])
def test_robinson_near_his_own_means(crown_rump, weeks, days):
    """Robinson 1975 lists these mean lengths at these ages, and 4.7 days as two standard deviations of one measurement."""
    assert 7 * age_by_crown_rump(crown_rump) == pytest.approx(7 * weeks + days, abs=4.7)


def test_a_length_in_millimetres_falls_out_of_the_range():
    values = {"abdominal circumference": 301.0, "femur length": 65.0}
    result = measure("estimated fetal weight", values=values)
    assert result.in_range is False
    assert [entry.name for entry in result.ranges if not entry.holds] == ["abdominal circumference", "femur length"]
    values = {"abdominal circumference": 30.1, "femur length": 6.5}
    assert measure("estimated fetal weight", values=values).in_range is True


def test_a_centile_beyond_its_chart_says_so():
    values = {"estimated fetal weight": 300.0, "gestational age": 20.0}
    assert measure("intergrowth centile", values=values).in_range is False
    assert measure("growth centile", values=values).in_range is True


def test_an_age_beyond_its_regression_says_so():
    assert measure("gestational age", values={"crown-rump length": 60.0}).in_range is True
    assert measure("gestational age", values={"crown-rump length": 95.0}).in_range is False


def test_every_regression_names_its_paper():
    for protocol in PROTOCOLS.values():
        if protocol.unit in ("g", "wk"):
            assert any(year in protocol.equation for year in ("1975", "1984", "1985", "2015", "2017")), protocol.name
