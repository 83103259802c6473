"""Results out: JSON-safe dictionaries, COCO, CSV and a self-contained HTML page."""

from umind.export.coco import to_coco
from umind.export.dictionary import from_dict, to_dict
from umind.export.html import to_html
from umind.export.table import to_csv

__all__ = ["from_dict", "to_coco", "to_csv", "to_dict", "to_html"]
