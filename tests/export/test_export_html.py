from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

from PIL import Image

from umind.export import to_html

EVIL = "<script src='https://evil.example/x.js'>alert(1)</script>\"><img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects tags and text, and checks that every tag is closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


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
        *("scan.png", "Research use only, not for diagnosis", "12.3 ± 0.6 mm", "longest diameter, 2024", "user"),
        *(
            "LN 11984-2",
            "breast lesion",
            "lesion: benign",
            "75.0 %",
            "There is a lesion of 12.3 mm.",
            "0.2 by 0.1 mm per pixel",
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


def test_absent_is_said(image, absent):
    reader = parse(to_html(image, absent))
    assert "absent" in reader.text
    assert "meter" not in reader.tags
    assert "50.0 %" not in reader.text
