"""Results out: JSON-safe dictionaries, COCO, CSV, NIfTI and a self-contained HTML page; DICOM is `umind.export.dicom`."""

from umind.export.coco import to_coco
from umind.export.dictionary import from_dict, to_dict
from umind.export.html import to_html
from umind.export.nifti import to_nifti
from umind.export.table import to_csv

__all__ = ["from_dict", "to_coco", "to_csv", "to_dict", "to_html", "to_nifti"]
