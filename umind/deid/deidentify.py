"""One file in, the same file without the person out."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from umind.deid.dicom import crop_regions, encode, write_dicom
from umind.deid.header import Pseudonyms, Tally, cleaned
from umind.deid.passage import Passage
from umind.deid.pixels import Box, Curtain
from umind.deid.record import Record
from umind.deid.sheet import draw_sheet
from umind.io import read
from umind.io.dicom_file import is_dicom, open_dicom
from umind.io.limits import naming
from umind.schema.image import Clip

STILL, FRAMES, DICOM = ".png", ".tiff", ".dcm"
"""What comes out: pictures in a format without loss, a cine without a header as the pages of one file."""


def deidentify(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    sheet: str | os.PathLike[str],
    pseudonyms: Pseudonyms | None = None,
    crop: bool = False,
    paint: bool = False,
    box: Box | None = None,
) -> Record:
    """Write a file without its header's identity and with black pixels around its field of view.

    * DICOM: the header keeps what display and measurement need (see `umind.deid.profile`), the pixels become 8-bit grey or RGB
      as `umind.read` gives them, RLE coded.
    * Any other picture or cine: pixels only; EXIF, text chunks and all else is not written. A still becomes PNG, a cine TIFF.

    Nothing here reads letters, and no tool can promise that nothing of a person is left: a person has to look at the sheet.

    Args:
        path: Any file that `umind.read` opens.
        target: File to write, without suffix. Its name should say nothing of the patient, as the source's may.
        sheet: PNG to write for that person. It shows the frames as they were: not to be shared.
        pseudonyms: Of other files of the same patients or studies, so that they stay together.
        crop: Cut the picture to its field of view; regions and their scale follow.
        paint: Also paint thin bright strokes in the field of view over from their surroundings, which takes thin echoes, too.
        box: Box (x1, y1, x2, y2) that is the field of view, where the search for it fails.

    Returns:
        What was removed, without any value.

    Raises:
        ImageReadError: The file cannot be read, or shows no field of view.
    """
    given = Path(path)
    source = read(given)
    passage = Passage(source, Curtain.of(source, crop=crop, paint=paint, box=box))
    dicom = is_dicom(given)
    suffix = DICOM if dicom else FRAMES if isinstance(source, Clip) else STILL
    written = Path(target).with_name(f"{Path(target).name}{suffix}")
    try:
        if dicom:
            tally = write_dicom_of(given, written, passage, pseudonyms or Pseudonyms())
        else:
            tally = write_picture(written, passage)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
    record = passage.record(written.name, tally)
    draw_sheet(passage.samples, kept=passage.curtain.kept, marks=record.marks, title=record.file).save(sheet, "PNG")
    return record


def write_dicom_of(path: Path, target: Path, passage: Passage, pseudonyms: Pseudonyms) -> Tally:
    """Write a DICOM file without identity, and count what its header lost.

    Raises:
        ImageReadError: The header cannot be read.
    """
    with naming(path.name):
        file = open_dicom(path)
        header, tally = cleaned(file.header, pseudonyms)
        height, width = passage.curtain.kept.shape
        crop_regions(header, passage.curtain.crop, (width, height))
    frames = [encode(pixels) for pixels in passage]
    marked = bool(passage.marks()) and not passage.curtain.paint
    write_dicom(target, header, frames, size=passage.curtain.size, colour=passage.colour, coding=file.coding, marked=marked)
    return tally


def write_picture(target: Path, passage: Passage) -> Tally:
    """Write a PNG, or a TIFF with a page for each frame, which hold pixels only; there is no header to count."""
    if target.suffix == STILL:
        for pixels in passage:
            Image.fromarray(pixels).save(target)
        return Tally()
    with AppendingTiffWriter(str(target), new=True) as pages:  # page by page: save_all would hold all of them in memory
        for pixels in passage:
            Image.fromarray(pixels).save(pages, "TIFF", compression="tiff_deflate")
            pages.newFrame()
    return Tally()
