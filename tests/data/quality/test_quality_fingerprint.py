"""Fingerprints are alike for copies and for nothing else; what belongs together stays together."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smooth_scans import scan

from umind.data.adapters.files import find_by_stem, read_pixels
from umind.data.quality.fingerprint import TWIN_DISTANCE, fingerprint, twins, unite
from umind.schema.image import UltrasoundImage


def bits_apart(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.unpackbits((fingerprint(first) ^ fingerprint(second)).view(np.uint8)).sum())


def test_copies_are_twins_and_other_images_are_not() -> None:
    scans = [scan(seed, side=160) for seed in range(12)]
    original = scans[0]
    marked = original.copy()
    cv2.drawMarker(marked, (60, 70), 255, cv2.MARKER_CROSS, 9)
    cv2.putText(marked, "RT", (8, 150), 0, 0.4, 255, 1)
    _, packed = cv2.imencode(".jpg", original, [cv2.IMWRITE_JPEG_QUALITY, 60])
    copies = {
        "smaller": cv2.resize(original, (96, 96), interpolation=cv2.INTER_AREA),
        "squeezed": cv2.resize(original, (200, 140), interpolation=cv2.INTER_LINEAR),
        "brighter": cv2.convertScaleAbs(original, alpha=0.8, beta=20),
        "packed": cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE),
        "marked": marked,
    }
    for name, copy in copies.items():
        assert bits_apart(original, copy) <= TWIN_DISTANCE, name
    others = [bits_apart(scans[i], scans[j]) for i in range(12) for j in range(i)]
    assert min(others) > TWIN_DISTANCE
    assert bits_apart(original, original) == 0
    fingerprint(np.zeros((1, 1), np.uint8))
    assert bits_apart(np.zeros((9, 5), np.uint8), np.full((9, 5), 200, np.uint8)) == 0


def test_twins_equal_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umind.data.quality.fingerprint.BLOCK", 7)
    rng = np.random.default_rng(0)
    prints = rng.integers(0, 2**63, (20, 4), dtype=np.uint64)
    prints[13] = prints[2] ^ np.array([0b1011, 0, 1, 0], np.uint64)
    prints[19] = prints[2]
    expected = [
        (i, j, count)
        for i in range(20)
        for j in range(i + 1, 20)
        if (count := sum(int(a ^ b).bit_count() for a, b in zip(prints[i], prints[j], strict=True))) <= 90
    ]
    assert [tuple(row) for row in twins(prints, 90).tolist()] == expected
    assert twins(prints).tolist() == [[2, 13, 4], [2, 19, 0], [13, 19, 4]]
    assert twins(prints[:1]).shape == (0, 3)


@settings(max_examples=50)
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_groups_are_those_of_a_plain_search(case: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = case
    leaders = unite(count, pairs)
    for start in range(count):
        reached, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            new = {b for a, b in [*pairs, *[(y, x) for x, y in pairs]] if a == here} - reached
            reached |= new
            waiting += new
        assert leaders[start] == min(reached)


@pytest.mark.skipif("UMIND_DATA" not in os.environ, reason="UMIND_DATA names no folder with the real sets")
def test_real_twins() -> None:
    """Pairs that were looked at: one scan twice, with calipers or another crop; and neighbours that are other scans."""
    root = Path(os.environ["UMIND_DATA"])

    def apart(name: str, folder: str, *stems: str) -> int:
        first, second = (read_pixels(find_by_stem(root / name / folder, stem)) for stem in stems)
        return bits_apart(*(UltrasoundImage(pixels).grey for pixels in (first, second)))

    busi, usgra = "Dataset_BUSI_with_GT", "USGRA"
    for a, b in ((11, 328), (220, 271), (94, 108), (221, 246)):
        assert apart(busi, "benign", f"benign ({a})", f"benign ({b})") <= TWIN_DISTANCE
    for a, b in ((2, 47), (29, 125), (34, 143)):
        assert apart(usgra, "images", f"{a:04d}", f"{b:04d}") <= TWIN_DISTANCE
    for a, b in ((0, 1), (10, 11), (20, 21)):
        assert apart(usgra, "images", f"{a:04d}", f"{b:04d}") > TWIN_DISTANCE
