import numpy as np
import pytest

from umind.viz.heat_map import BOTTOM, CELL_HEIGHT, CELL_WIDTH, TOP, heat_map, shade
from umind.viz.palette import FINDINGS, PANEL

ROWS, COLUMNS = ("layer 1", "layer 2", "layer 3"), ("1", "2")
SHARES = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])


def cells(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (pixels == colour).all(-1)


def test_bright_cells_stand_where_the_shares_are() -> None:
    shown = heat_map({"all": SHARES}, rows=ROWS, columns=COLUMNS, title="load")
    assert shown.dtype == np.uint8
    assert shown.shape[0] == TOP + 3 * CELL_HEIGHT + BOTTOM
    bright, dark = cells(shown, FINDINGS[0]), cells(shown, PANEL)
    for row in range(3):
        strip = slice(TOP + row * CELL_HEIGHT, TOP + (row + 1) * CELL_HEIGHT)
        assert bright[strip].any() == dark[strip].any() == (row != 1)
        if row != 1:
            first, second = np.flatnonzero(bright[strip].any(0)).min(), np.flatnonzero(dark[strip].any(0)).min()
            assert second - first == (CELL_WIDTH if row == 2 else -CELL_WIDTH)
    assert cells(shown, shade(0.5))[TOP + CELL_HEIGHT : TOP + 2 * CELL_HEIGHT].sum() > CELL_WIDTH * CELL_HEIGHT


def test_the_largest_share_of_any_panel_is_the_brightest() -> None:
    shown = heat_map({"a": SHARES / 4, "b": SHARES / 2}, rows=ROWS, columns=COLUMNS, title="load")
    alone = heat_map({"a": SHARES / 4}, rows=ROWS, columns=COLUMNS, title="load")
    assert cells(shown, FINDINGS[0]).sum() == pytest.approx(cells(alone, FINDINGS[0]).sum(), rel=0.05)
    assert cells(shown, shade(0.5)).any()
    assert shown.shape[1] > alone.shape[1]


def test_long_names_get_their_room() -> None:
    narrow = heat_map({"all": SHARES}, rows=ROWS, columns=COLUMNS, title="load")
    wide = heat_map({"all the tokens that there were, of any kind": SHARES}, rows=ROWS, columns=COLUMNS, title="load")
    titled = heat_map({"all": SHARES}, rows=ROWS, columns=COLUMNS, title="load of every expert in every layer of the model")
    assert wide.shape[1] > narrow.shape[1] < titled.shape[1]


@pytest.mark.parametrize("panels", [{}, {"all": SHARES[:2]}, {"all": SHARES - 0.1}, {"all": SHARES * 1.1}])
def test_what_is_no_panel_of_shares_is_refused(panels: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="panels of 3 x 2 shares"):
        heat_map(panels, rows=ROWS, columns=COLUMNS, title="load")
