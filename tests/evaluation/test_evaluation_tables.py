"""Tables show the figures of their card, and stay narrow enough to be read."""

from __future__ import annotations

from evaluation_oracle import Oracle, shown

from umind.evaluation.suites import run_suites
from umind.evaluation.tables import card_tables
from umind.evaluation.truth import masks_of
from umind.schema.sample import Sample

LESIONS = [shown(f"lesion {k}", [(10, 10, 50, 30)], kind="malignant" if k % 2 else "benign") for k in range(6)]
NORMAL = [shown("normal", absent=("breast lesion", "fetal head"))]
HEADS = [
    shown(
        f"head {k}",
        [(5, 5, 70, 50)],
        name="fetal head",
        absent=("breast lesion",),
        dataset="heads",
        organ="fetal head",
        reference=160.0 + k,
    )
    for k in range(3)
]
IMAGES = [*LESIONS, *NORMAL, *HEADS]
MOST_COLUMNS = 9


def rows_of(tables: str, title: str) -> list[list[str]]:
    """Cells of the table under a title that starts so, its heading and rule among them."""
    parts = tables.split("\n\n")
    place = next(place for place, part in enumerate(parts) if part.startswith(f"**{title}"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in parts[place + 1].splitlines()]


def test_every_suite_has_its_table() -> None:
    def there(sample: Sample, phrase: str) -> float:
        return 0.9 if len(masks_of(sample, phrase)) and sample.key not in ("lesion 0", "head 0") else 0.1

    suites = ["segmentation", "detection", "keypoints", "presence", "diagnosis", "measurement"]
    tables = card_tables(run_suites(Oracle(IMAGES, there=there), IMAGES, suites))
    masks = rows_of(tables, "Masks")
    assert masks[2][:3] == ["made, breast lesion", "6", "1"]
    assert masks[2][-1].endswith("% of 1")
    assert masks[4][0] == "all sets, breast lesion"
    assert masks[4][-1] == "100.0 (100.0 to 100.0) % of 4"
    assert masks[4][5].endswith(" mm")
    boxes = rows_of(tables, "Boxes")
    assert boxes[2][:3] == ["made, breast lesion", "6 / 1", "6"]
    assert rows_of(tables, "Axis ends")[2][:2] == ["made, breast lesion", "6 (1 missed)"]
    assert rows_of(tables, "Benign")[2][:2] == ["made, breast lesion", "3 / 3"]
    measured = rows_of(tables, "Measurements")
    assert ["heads, head circumference", "3 (1 missed)"] in [row[:2] for row in measured]
    for line in tables.splitlines():
        assert line.count("|") <= MOST_COLUMNS + 1, line
    for part in tables.split("\n\n"):
        widths = {line.count("|") for line in part.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, part


def test_a_figure_that_is_not_there_is_not_a_number() -> None:
    bare = [shown("bare", [(10, 10, 50, 30)], spacing=None)]
    tables = card_tables(run_suites(Oracle(bare), bare, ["segmentation", "keypoints"]))
    assert rows_of(tables, "Masks")[2][-1] == "n/a"
    assert rows_of(tables, "Axis ends")[2][3] == "n/a"
    assert "None" not in tables
    assert "nan" not in tables
