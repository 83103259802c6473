"""An analysis as one HTML page that needs nothing else: no scripts, no fonts, no links."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

from umind.export.notice import NOTICE
from umind.schema.image import UltrasoundImage
from umind.schema.result import Analysis, Classification, Measurement
from umind.viz import overlay
from umind.viz.lettering import SOURCES, UNITS, value_text

SHEET = f"""
@page {{ size: A4; margin: 16mm 15mm 18mm;
  @bottom-left {{ content: "{NOTICE}"; font: 8pt system-ui, sans-serif; color: #a3341f; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif; color: #667585; }} }}
"""
STYLE = """
:root { color-scheme: light; --ink: #17202b; --faint: #667585; --rule: #dde3ea; --accent: #1273a8; --alarm: #a3341f; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; color: var(--ink); background: #fff;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; flex-wrap: wrap;
  border-bottom: 2px solid var(--ink); padding-bottom: .5rem; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.8rem 0 .4rem; color: var(--accent); }
.notice, .outside { font-weight: 600; color: var(--alarm); }
.faint { color: var(--faint); }
.faint p { margin: .2rem 0; }
figure { margin: 1.2rem 0; background: #10141a; border-radius: 6px; text-align: center; overflow: hidden; }
figure img { display: block; margin: 0 auto; max-width: 100%; max-height: 75vh; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--rule); vertical-align: top;
  overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
th { font-weight: 600; font-size: .85rem; color: var(--faint); white-space: nowrap; }
td.number { white-space: nowrap; font-weight: 600; }
td small { display: block; color: var(--faint); font-size: .8rem; font-weight: 400; white-space: normal; }
td small.outside { color: var(--alarm); font-weight: 600; }
meter { width: 10rem; height: .8rem; vertical-align: middle; }
meter::-webkit-meter-optimum-value { background: var(--accent); }
meter::-moz-meter-bar { background: var(--accent); }
.report { white-space: pre-wrap; font-size: 1.05rem; max-width: 46rem; overflow-wrap: anywhere; }
footer { margin-top: 2rem; padding-top: .5rem; border-top: 1px solid var(--rule); font-size: .85rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  figure, meter { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  figure { margin: 4mm 0; }
  figure img { max-height: 115mm; }
  thead { display: table-header-group; }
  tr, figure, .report { break-inside: avoid; }
  h2 { break-after: avoid; margin-top: 6mm; }
  footer { break-before: avoid; }
}
"""
MEASUREMENT_COLUMNS = ("Measurement", "Value", "Method", "Calibration", "Presence")
RANGE_COLUMNS = ("Measurement", "Number", "Value", "Formula holds for", "")
REFUSED_COLUMNS = ("Measurement", "Why")
FINDING_COLUMNS = ("Phrase", "Kind", "Found", "Scores", "Presence")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Content Security Policy: whatever a text might smuggle in, the browser loads nothing and runs nothing."""


class Markup(str):
    """Text that is HTML already; every other text is escaped on its way into the page."""


def to_html(image: UltrasoundImage, analysis: Analysis) -> str:
    """A page with the image and its findings, a table of each kind of result and the report's text, which also prints well.

    Args:
        image: What was analysed; it is embedded as PNG with the findings drawn on it.
        analysis: What was found.

    Returns:
        A whole HTML document. Every text of the user or the model in it is escaped.

    Raises:
        ValueError: The analysis is of an image of another size.
    """
    title = analysis.name or image.name or "Ultrasound analysis"
    sections = [
        section("Measurements", MEASUREMENT_COLUMNS, measurement_rows(analysis)),
        range_section(analysis),
        section("Refused", REFUSED_COLUMNS, [[name, reason] for name, reason in analysis.refused.items()]),
        section("Findings", FINDING_COLUMNS, finding_rows(analysis)),
        *(class_section(phrase, found) for phrase, found in analysis.classifications.items()),
        report_section(analysis),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{SHEET}{STYLE}</style>
</head>
<body>
<header><h1>{escape(title)}</h1><span class="notice">{NOTICE}</span></header>
<figure><img alt="Ultrasound image with its findings" src="data:image/png;base64,{png_of(image, analysis)}"></figure>
<div class="faint">{"".join(f"<p>{escape(line)}</p>" for line in about(image))}</div>
{"".join(sections)}<footer class="faint">{NOTICE}. Values are given with one standard deviation.</footer>
</body>
</html>
"""


def png_of(image: UltrasoundImage, analysis: Analysis) -> str:
    """The image with its findings, as base64 of PNG."""
    buffer = BytesIO()
    overlay(image, analysis).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def about(image: UltrasoundImage) -> list[str]:
    """Size and scale, what was found out about the scale, and the acquisition; a line each."""
    source = SOURCES.get(image.calibration, image.calibration)
    spacing = image.spacing
    if spacing:
        size = f"{spacing.dx:.4g}" if spacing.is_square else f"{spacing.dx:.4g} (x) by {spacing.dy:.4g} (y)"
        scale = f"{size} mm per pixel, calibration: {source}"
    elif any(region.spacing for region in image.regions):
        scale = f"millimetres by region, calibration: {source}"
    else:
        scale = "not calibrated: lengths are in pixels" + (" (suspect header)" if image.calibration == "suspect" else "")
    acquisition = "; ".join(f"{key}: {value}" for key, value in image.tags.items())
    lines = [f"{image.width} by {image.height} pixels; {scale}", *image.notes, acquisition]
    return [line for line in lines if line]


def section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A headed table; nothing without rows. A cell is escaped unless it is `Markup`."""
    lines = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>\n" for row in rows)
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return f"<h2>{escape(title)}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n"


def cell(value: str) -> str:
    """One cell of a table."""
    return value if isinstance(value, Markup) else f"<td>{escape(value)}</td>"


def measurements_of(analysis: Analysis) -> list[tuple[str, Measurement]]:
    """Every measurement with its name, those that only the report holds at the end."""
    asked = list(analysis.measurements.items())
    known = {id(found) for _, found in asked}
    told = analysis.report.measurements if analysis.report else ()
    return [*asked, *((found.phrase, found) for found in told if id(found) not in known)]


def measurement_rows(analysis: Analysis) -> list[list[str]]:
    """A row for each measurement."""
    return [measurement_row(name, found) for name, found in measurements_of(analysis)]


def measurement_row(name: str, found: Measurement) -> list[str]:
    """Name with code, value with spread and unit, method, calibration, presence."""
    code = f"{found.code.scheme} {found.code.value} {found.code.meaning}" if found.code else ""
    outside = "" if found.in_range in (None, True) else '<small class="outside">outside the valid range</small>'
    return [
        Markup(f"<td>{escape(name)}{f'<small>{escape(code)}</small>' if code else ''}</td>"),
        Markup(f'<td class="number">{escape(value_text(found))}{outside}</td>'),
        found.method,
        SOURCES.get(found.calibration, found.calibration),
        f"{found.presence:.2f}",
    ]


def range_section(analysis: Analysis) -> str:
    """Where the formulas hold, and the numbers that they were used with; nothing without such ranges."""
    rows = [
        [
            name,
            entry.name,
            Markup(f'<td class="number">{entry.value:.4g} {escape(UNITS.get(entry.unit, entry.unit))}</td>'),
            f"{entry.low:g} to {entry.high:g} {UNITS.get(entry.unit, entry.unit)}",
            "inside" if entry.holds else Markup('<td class="outside">outside</td>'),
        ]
        for name, found in measurements_of(analysis)
        for entry in found.ranges
    ]
    return section("Valid ranges", RANGE_COLUMNS, rows)


def finding_rows(analysis: Analysis) -> list[list[str]]:
    """A row for each phrase that was looked for."""
    kinds = (("masks", analysis.segmentations), ("boxes", analysis.detections), ("points", analysis.keypoints))
    return [
        [
            phrase,
            kind,
            str(len(found)) if len(found) else "absent",
            ", ".join(f"{score:.2f}" for score in found.scores),
            f"{found.presence:.2f}",
        ]
        for kind, results in kinds
        for phrase, found in results.items()
    ]


def class_section(phrase: str, found: Classification) -> str:
    """The probabilities of one classification, with bars; only its absence when what is classified is not there."""
    title = f"{phrase}: {found.label if found.label is not None else 'absent'}"
    if found.label is None:
        return section(title, ("Presence",), [[f"{found.presence:.2f}"]])
    rows = [
        [
            label,
            Markup(f'<td><meter min="0" max="1" value="{share:.4f}">{share:.4f}</meter></td>'),
            Markup(f'<td class="number">{100 * share:.1f} %</td>'),
        ]
        for label, share in zip(found.labels, map(float, found.probabilities), strict=True)
    ]
    return section(title, ("Class", "", "Probability"), rows)


def report_section(analysis: Analysis) -> str:
    """The report's text as it was generated; nothing without one."""
    if analysis.report is None:
        return ""
    return f'<h2>Report</h2>\n<p class="report">{escape(analysis.report.text)}</p>\n'
