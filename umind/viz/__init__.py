"""Results drawn over the image that they belong to, with a legend that says what they are."""

from umind.viz.draw import draw, overlay

__all__ = ["draw", "overlay"]
