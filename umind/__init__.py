"""Ultrasound perception and reasoning in one forward pass: ``from umind import UMindVL``."""

from umind.export import to_coco, to_csv, to_dict, to_html
from umind.io import read
from umind.predictor import UMindVL
from umind.schema.errors import CheckpointError, ImageReadError, UncalibratedError
from umind.schema.image import Clip, UltrasoundImage
from umind.schema.study import Study
from umind.viz import draw

__version__ = "0.1.0"
__all__ = [
    "CheckpointError",
    "Clip",
    "ImageReadError",
    "Study",
    "UMindVL",
    "UltrasoundImage",
    "UncalibratedError",
    "draw",
    "read",
    "to_coco",
    "to_csv",
    "to_dict",
    "to_html",
]
