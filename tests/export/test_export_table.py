from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

import pytest

from umind.export import to_csv
from umind.schema.result import ValidRange


def parse(text):
    return list(csv.DictReader(StringIO(text)))


def test_one_row_for_each_thing(analysis):
    rows = parse(to_csv(analysis))
    kinds = [row["kind"] for row in rows]
    assert kinds == [
        *("segmentation", "segmentation", "detection", "keypoint", "keypoint"),
        *("measurement", "classification", "classification", "finding"),
    ]
    measurement = rows[5]
    assert float(measurement["value"]) == 12.34
    assert float(measurement["spread"]) == 0.56
    wanted = {"unit": "mm", "method": "longest diameter, 2024", "calibration": "user", "code": "LN 11984-2"}
    assert {column: measurement[column] for column in wanted} == wanted
    assert measurement["in_range"] == ""
    assert rows[2]["x1"] == "10.5"
    assert rows[6]["name"] == "benign"
    assert rows[8]["phrase"] == "There is a lesion of 12.3 mm."
    assert {row["image"] for row in rows} == {"scan.png"}


@pytest.mark.parametrize(("low", "said"), [(10.0, "yes"), (13.0, "no")])
def test_a_formula_out_of_its_range_is_told(analysis, low, said):
    measurement = next(iter(analysis.measurements.values()))
    ranged = replace(measurement, ranges=(ValidRange("length", 12.34, low, 20.0, unit="mm"),))
    rows = parse(to_csv(replace(analysis, measurements={"length": ranged}, report=None)))
    assert [row["in_range"] for row in rows if row["kind"] == "measurement"] == [said]


def test_absent_has_a_row_and_no_number(absent, analysis):
    rows = parse(to_csv([absent, analysis]))
    assert len(rows) == 5 + 9
    for row in rows[:5]:
        assert row["presence"]
        assert not any(row[column] for column in ("name", "score", "value", "unit", "spread", "x1"))


def test_formulas_are_disarmed(analysis):
    evil = replace(analysis, name="=HYPERLINK(1)", segmentations={'-1+"a",\n': analysis.segmentations["breast lesion"]})
    rows = parse(to_csv(evil))
    assert rows[0]["image"] == "'=HYPERLINK(1)"
    assert rows[0]["phrase"] == '\'-1+"a",\n'


def test_numbers_below_zero_stay_numbers(analysis):
    angle = replace(analysis.measurements["lesion size"], value=-12.5, unit="deg")
    row = next(row for row in parse(to_csv(replace(analysis, measurements={"tilt": angle}))) if row["phrase"] == "tilt")
    assert (row["value"], row["unit"]) == ("-12.5", "deg")
