"""Views of tissue beside a lesion: sets of lesions show little that is healthy, and a model has to see it to say no."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from umind.data.labelled import Labelled

NAMES = frozenset({"breast lesion", "thyroid nodule", "liver lesion"})
"""What is annotated wherever it is visible, so that the rest of the image is free of it."""
MARGIN = 0.04
"""Distance from the lesion's box, in sides of the canvas."""
MIN_SIDE = 0.4
"""A view is at least this long and wide, in sides of the canvas."""
MIN_LIT = 0.6
"""Least share of a view's pixels that are not black."""


def beside_lesion(item: Labelled, rng: np.random.Generator) -> Labelled | None:
    """A random one of the largest rectangles beside the lesions; None where none is large enough, or other things are shown."""
    names = {name for name, _, _ in item.facts.structures}
    if not names or not names <= NAMES or not item.labels.any() or item.facts.boxed:
        return None
    rows, columns = item.labels.nonzero()
    size = item.labels.shape[0]
    gap = round(MARGIN * size)
    top, bottom, left, right = rows.min() - gap, rows.max() + gap + 1, columns.min() - gap, columns.max() + gap + 1
    whole = slice(None)
    views = [
        (whole, slice(0, max(left, 0))),
        (whole, slice(right, size)),
        (slice(0, max(top, 0)), whole),
        (slice(bottom, size), whole),
    ]
    crops = [item.pixels[view] for view in views]
    fitting = [crop for crop in crops if min(crop.shape) >= MIN_SIDE * size and (crop > 8).mean() >= MIN_LIT]
    if not fitting:
        return None
    pixels = np.ascontiguousarray(fitting[rng.integers(len(fitting))])
    facts = replace(item.facts, structures=(), absent=tuple(dict.fromkeys((*item.facts.absent, *sorted(names)))))
    return Labelled(pixels, np.zeros_like(pixels), facts)
