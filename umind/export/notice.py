"""What every page, table of labels and DICOM object says about itself."""

NOTICE = "Research use only, not for diagnosis"
