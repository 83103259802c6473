"""A DICOM file within limits: its header, and where its pixels lie; neither is trusted before its size is known.

Errors here do not name the file; `umind.io.dicom` does.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from struct import pack, unpack
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

PREAMBLE = 132
"""Bytes before the file meta information, PS3.10 7.1."""
PIXELS = 0x7FE00010
UNDEFINED = 0xFFFFFFFF
"""Length of an element that ends with a delimiter, PS3.5 7.1.1."""
DEFER = 2**22
"""Elements above this many bytes are skipped while the header is read."""
MAX_READS = 2**16
"""Reads that a header may take, two for an element; functional groups of a thousand frames take half as many."""
MAX_ITEMS = 2**14
"""Items of a sequence that is looked into."""
MAX_INFLATED = 2**27
"""Bytes that a deflated file may unpack to; it cannot be read in parts."""
SEQUENCES = (
    "SequenceOfUltrasoundRegions",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "PixelMeasuresSequence",
)


@dataclass(frozen=True, eq=False)
class DicomFile:
    """Header and place of the pixels.

    Args:
        source: File, or the unpacked content of a deflated one.
        header: Data set up to the pixels.
        coding: Transfer syntax of the pixels.
        vr: Value representation of Pixel Data; big-endian bytes of 8-bit pixels are swapped in ``"OW"`` and not in ``"OB"``.
        offset: Byte at which the value of Pixel Data starts.
        held: Its bytes; of encapsulated pixels its fragments.
    """

    source: Path | bytes
    header: Dataset
    coding: UID
    vr: str
    offset: int
    held: int


class Metered:
    """A file that stops being read after so many reads, so that a header of a million empty items costs no gigabytes.

    Args:
        file: Opened file.
        reads: Reads that are allowed.
    """

    def __init__(self, file: BinaryIO, reads: int) -> None:
        self.file = file
        self.left = reads
        self.name = ""
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """So many bytes.

        Raises:
            ValueError: The header is too long.
        """
        self.left -= 1
        if self.left < 0:
            raise ValueError("the header holds more elements than are read")
        return self.file.read(size)


def is_dicom(path: Path) -> bool:
    """True when the file has the ``DICM`` prefix after its preamble (PS3.10 7.1)."""
    with path.open("rb") as file:
        return file.read(PREAMBLE)[-4:] == b"DICM"


def open_dicom(path: Path) -> DicomFile:
    """Read the header of a DICOM file and find its pixels.

    Raises:
        ValueError: There are no pixels, or the header or the unpacked file is too large.
        Exception: Whatever pydicom makes of a damaged file.
    """
    coding = UID(read_file_meta_info(path).TransferSyntaxUID)
    source = inflated(path) if coding == DeflatedExplicitVRLittleEndian else path
    coding = ExplicitVRLittleEndian if isinstance(source, bytes) else coding
    with opened(source) as file:
        header = dcmread(Metered(file, MAX_READS), defer_size=DEFER, stop_before_pixels=True)
        refuse_long_sequences(header)
        start = file.read(8 if coding.is_implicit_VR else 12)
        order = "<" if coding.is_little_endian else ">"
        group, element = unpack(f"{order}HH", start[:4]) if len(start) > 7 else (0, 0)
        if group << 16 | element != PIXELS:
            raise ValueError(f"DICOM without pixels ({header.get('Modality', 'unknown modality')})")
        vr = "OW" if coding.is_implicit_VR else start[4:6].decode("ascii")
        offset = file.tell()
        (length,) = unpack(f"{order}L", start[-4:])
        if coding.is_encapsulated:
            parse_basic_offsets(file)
            held = parse_fragments(file)[0]
        else:
            held = min(length, file.seek(0, 2) - offset)
    return DicomFile(source, header, coding, vr, offset, held)


def opened(source: Path | bytes) -> BinaryIO:
    """A file to read from."""
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def refuse_long_sequences(header: Dataset) -> None:
    """Refuse sequences of more items than any image has, before they are parsed.

    Raises:
        ValueError: A sequence is too long.
    """
    for keyword in SEQUENCES:
        element = header.get_item(keyword, keep_deferred=True) if keyword in header else None
        if not isinstance(element, RawDataElement):
            continue
        item = pack("<HH" if element.is_little_endian else ">HH", 0xFFFE, 0xE000)
        if element.length > DEFER or (element.value or b"").count(item) > MAX_ITEMS:
            raise ValueError(f"{keyword} is longer than is read")


def inflated(path: Path) -> bytes:
    """A deflated file (PS3.5 A.5) as the plain file that it stands for.

    Raises:
        ValueError: It ends early, is no deflated data, or unpacks to more than `MAX_INFLATED` bytes.
    """
    length = read_file_meta_info(path).FileMetaInformationGroupLength
    packed = path.read_bytes()
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    body = unpacker.decompress(packed[PREAMBLE + 12 + length :], MAX_INFLATED)
    if not unpacker.eof:
        left = unpacker.unconsumed_tail
        raise ValueError(f"deflated data of more than {MAX_INFLATED:,} bytes" if left else "the deflated data end early")
    coding = ExplicitVRLittleEndian.encode("ascii") + b"\0"
    return packed[:PREAMBLE] + pack("<HH2sH", 2, 0x10, b"UI", len(coding)) + coding + body
