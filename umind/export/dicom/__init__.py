"""Results as the DICOM objects that an archive keeps beside the image: Segmentation, Structured Report, Secondary Capture.

Importing this package imports highdicom, which takes a moment; ``import umind`` does without.
"""

from umind.export.dicom.capture import to_secondary_capture
from umind.export.dicom.seg import to_dicom_seg
from umind.export.dicom.sr import to_dicom_sr

__all__ = ["to_dicom_seg", "to_dicom_sr", "to_secondary_capture"]
