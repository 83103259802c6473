from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

from PIL import Image

from umind.export import to_html
from umind.geometry.region import UltrasoundRegion
from umind.geometry.spacing import Spacing
from umind.schema.result import ValidRange

EVIL = "<script src='https://evil.example/x.js'>alert(1)</script>\"><img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects tags and text, and checks that every tag is closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.rows, self.text = [], [], [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def parse(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_page_holds_everything(image, analysis):
    page = to_html(image, analysis)
    reader = parse(page)
    for words in (
        *("scan.png", "Research use only, not for diagnosis", "12.3 ± 0.6 mm", "longest diameter, 2024", "given by the caller"),
        *(
            "LN 11984-2",
            "breast lesion",
            "lesion: benign",
            "75.0 %",
            "There is a lesion of 12.3 mm.",
            "0.2 (x) by 0.1 (y) mm per pixel",
        ),
    ):
        assert words in reader.text, words
    assert reader.tags.count("meter") == 2


def test_picture_is_embedded_and_nothing_is_loaded(image, analysis):
    page = to_html(image, analysis)
    (address,) = parse(page).addresses
    kind, _, data = address.partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(BytesIO(base64.b64decode(data))) as picture:
        assert picture.size == (640, 427)
    assert not re.search(r"https?:|//|url\(|@import|<script|<link", page.replace(data, ""))


def test_malicious_words_stay_words(image, analysis):
    found = analysis.segmentations["breast lesion"]
    measurement = replace(analysis.measurements["lesion size"], method=EVIL, phrase=EVIL)
    classes = replace(analysis.classifications["lesion"], labels=(EVIL, "other"), label=EVIL)
    report = replace(analysis.report, text=EVIL)
    evil = replace(
        analysis,
        name=EVIL,
        segmentations={EVIL: replace(found, phrase=EVIL)},
        measurements={EVIL: measurement},
        classifications={EVIL: classes},
        report=report,
    )
    reader = parse(to_html(image, evil))
    assert "script" not in reader.tags
    assert reader.tags.count("img") == 1
    assert "alert(1)" in reader.text


def test_numbers_outside_the_range_of_their_formula_are_flagged(image, analysis):
    def rows(*ranges):
        measurement = replace(analysis.measurements["lesion size"], ranges=ranges)
        return parse(to_html(image, replace(analysis, measurements={"weight": measurement}, report=None))).rows

    length = ValidRange("femur length", 8.9, 1.0, 8.0, "cm")
    head = ValidRange("head circumference", 30.1, 5.0, 38.0, "cm")
    flag = "outside the valid range"
    assert not any("range" in cell or "Formula" in cell for row in rows() for cell in row)
    assert ["weight", "head circumference", "30.1 cm", "5 to 38 cm", "inside"] in rows(head)
    assert not any(flag in cell for row in rows(head) for cell in row)
    assert ["weight", "femur length", "8.9 cm", "1 to 8 cm", "outside"] in rows(head, length)
    assert any(cell == f"12.3 ± 0.6 mm{flag}" for row in rows(head, length) for cell in row)


def test_what_was_found_out_about_the_scale_is_said(image, analysis):
    region = UltrasoundRegion((0.0, 0.0, 50.0, 60.0), kind="2D", spacing=Spacing(0.1, 0.1))
    other = UltrasoundRegion((50.0, 0.0, 90.0, 60.0), kind="2D", spacing=Spacing(0.2, 0.2))
    two = replace(image, spacing=None, calibration="dicom-region", regions=(region, other), notes=("Two scales.",))
    text = parse(to_html(two, analysis)).text
    assert "millimetres by region, calibration: DICOM ultrasound regions" in text
    assert "Two scales." in text
    assert "suspect" in parse(to_html(replace(image, spacing=None, calibration="suspect"), analysis)).text


def test_page_prints_on_a4_with_whole_rows(image, analysis):
    page = to_html(image, analysis)
    assert re.search(r"@page \{ size: A4", page)
    assert "thead { display: table-header-group; }" in page
    assert re.search(r"tr, figure, \.report \{ break-inside: avoid; \}", page)


def test_absent_is_said(image, absent):
    reader = parse(to_html(image, absent))
    assert "absent" in reader.text
    assert "meter" not in reader.tags
    assert "50.0 %" not in reader.text
