from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from adapter_lookalikes import disc
from PIL import Image

from umind.data.adapters.files import SUFFIXES, find_by_stem, read_csv, read_labels, read_mask, read_pixels
from umind.data.adapters.instances import components, drop_specks, merge_overlapping
from umind.schema.errors import ImageReadError


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PNG", ".JPG"])
def test_any_suffix_is_found_and_dots_are_part_of_the_stem(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"v4.mov_frame9 (1){suffix}"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    (tmp_path / "v4.mov_frame9 (11).png").touch()
    assert find_by_stem(tmp_path, "v4.mov_frame9 (1)") == path
    with pytest.raises(ImageReadError, match="v4: no file"):
        find_by_stem(tmp_path, "v4")


def test_grey_stays_grey_and_colour_colour(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
    opaque = np.full_like(grey, 255)
    for number, planes in enumerate([grey, np.dstack([grey] * 3), np.dstack([grey] * 3 + [opaque])]):
        path = tmp_path / f"{number}.png"
        Image.fromarray(planes).save(path)
        np.testing.assert_array_equal(read_pixels(path), grey)
    colour = np.dstack([grey, grey, 255 - grey])
    Image.fromarray(colour).save(tmp_path / "colour.png")
    np.testing.assert_array_equal(read_pixels(tmp_path / "colour.png"), colour)


def test_labels_survive_every_way_of_storing_them(tmp_path: Path) -> None:
    labels = np.maximum(disc(16, 16, 8), disc(48, 48, 8) * 2)
    palette = Image.fromarray(labels).convert("P")
    palette.putpalette([0, 0, 0, 200, 0, 0, 0, 90, 0] + [0] * 759)
    palette.save(tmp_path / "palette.png")
    Image.fromarray(labels).save(tmp_path / "grey.png")
    opaque = np.full_like(labels, 255)
    Image.fromarray(np.dstack([labels * 0, labels, labels * 0, opaque])).save(tmp_path / "colour.png")
    Image.fromarray(np.dstack([labels, opaque])).save(tmp_path / "alpha.png")
    for name in ("palette", "grey", "colour", "alpha"):
        np.testing.assert_array_equal(read_labels(tmp_path / f"{name}.png", (64, 64)), labels, err_msg=name)
    np.testing.assert_array_equal(read_mask(tmp_path / "grey.png", (64, 64)), labels > 0)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(ImageReadError, match=r"x\.png"):
        read_pixels(tmp_path / "x.png")
    with pytest.raises(ImageReadError, match=r"y\.csv"):
        read_csv(tmp_path / "y.csv")


def test_merging_joins_what_is_one_thing() -> None:
    big, inside, touching, apart = (disc(24, 24, 12), disc(26, 24, 5), disc(44, 24, 9), disc(50, 54, 6))
    merged = merge_overlapping([mask > 0 for mask in (inside, big, touching, apart, apart * 0)])
    assert sorted(np.count_nonzero(mask) for mask in merged) == sorted(np.count_nonzero(m) for m in (big, touching, apart))
    assert merge_overlapping([]) == []


def test_components_keep_every_pixel_and_make_no_instance_of_a_crumb() -> None:
    mask = np.maximum(disc(16, 16, 12), disc(48, 48, 6)) > 0
    mask[60, 3] = True
    large, small = components(mask)
    np.testing.assert_array_equal(large | small, mask)
    assert large[60, 3]
    assert not (large & small).any()
    np.testing.assert_array_equal(small, disc(48, 48, 6) > 0)
    assert components(mask & False) == []


def test_specks_go_but_a_tiny_only_piece_stays() -> None:
    gland = disc(20, 40, 10) > 0
    lettered = gland.copy()
    lettered[1, 1:4] = True
    np.testing.assert_array_equal(drop_specks(lettered), gland)
    only = np.zeros((64, 64), bool)
    only[5, 5] = True
    np.testing.assert_array_equal(drop_specks(only), only)
    assert not drop_specks(only & False).any()
