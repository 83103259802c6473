"""Synthetic B-mode images with exact truth: speckle, shadows, lesions, a fetal head, an artery."""

from umind.data.phantom.describe import describe
from umind.data.phantom.scene import Scene, phantom_sample

__all__ = ["Scene", "describe", "phantom_sample"]
