"""Damaged and malicious files, the same for the same seed; ``python tests/hostile.py 2000`` says what reading so many costs.

Whole small files of every format are cut at every kilobyte, have bytes and lengths overwritten and blocks taken out or doubled;
bombs are made by hand.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import resource
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
import nibabel
import numpy as np
from made_dicom import duplex, region, write_dicom
from PIL import Image
from pydicom import uid

from umind.io import read
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip

SIDE = 96
SHOWN = 12
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 60_000, 1 << 24)
File = tuple[str, bytes]


def whole_files(folder: Path) -> list[File]:
    """A small valid file of every kind."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (SIDE, SIDE), np.uint8)
    rgb = np.stack([grey, grey // 2, 255 - grey], -1)
    smooth = np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
    made = [duplex(folder / "duplex.dcm"), *dicom_files(folder, grey, rgb, smooth)]
    for suffix in ("png", "jpg", "tif", "webp", "bmp"):
        Image.fromarray(rgb).save(folder / f"rgb.{suffix}")
        made.append(folder / f"rgb.{suffix}")
    Image.fromarray(grey).save(folder / "packed.tif", compression="tiff_lzw")
    frames = [Image.fromarray(smooth + level) for level in (0, 40, 80)]
    for suffix in ("gif", "png", "tif", "webp"):
        frames[0].save(folder / f"cine.{suffix}", save_all=True, append_images=frames[1:], duration=40)
        made.append(folder / f"cine.{suffix}")
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(nibabel.Nifti1Image(np.asfortranarray(np.stack([grey, smooth])), np.eye(4)), folder / name)
        made.append(folder / name)
    header = f"ObjectType = Image\nNDims = 2\nDimSize = {SIDE} {SIDE}\nElementType = MET_UCHAR\n"
    (folder / "plain.mha").write_bytes(f"{header}ElementDataFile = LOCAL\n".encode() + grey.tobytes())
    packed = f"{header}CompressedData = True\nElementDataFile = LOCAL\n".encode() + zlib.compress(grey.tobytes())
    (folder / "packed.mha").write_bytes(packed)
    made += [folder / "packed.tif", folder / "plain.mha", folder / "packed.mha"]
    kinds = {"a.mp4": "libx264", "b.mp4": "mpeg4", "a.mov": "libx264", "a.avi": "mjpeg", "b.avi": "mpeg4", "a.mkv": "libx264"}
    made += [video(folder / name, codec, smooth) for name, codec in kinds.items()]
    return [(path.name, path.read_bytes()) for path in made]


def dicom_files(folder: Path, grey: np.ndarray, rgb: np.ndarray, smooth: np.ndarray) -> Iterator[Path]:
    """DICOM in the codings that need no encoder of GDCM."""
    regions = {"SequenceOfUltrasoundRegions": [region((0, 0, 40, 40))]}
    yield write_dicom(folder / "implicit.dcm", grey, coding=uid.ImplicitVRLittleEndian, **regions)
    yield write_dicom(folder / "big.dcm", grey, coding=uid.ExplicitVRBigEndian, **regions)
    yield write_dicom(folder / "deflated.dcm", grey, coding=uid.DeflatedExplicitVRLittleEndian, **regions)
    yield write_dicom(folder / "rgb.dcm", rgb, photometric="RGB", **regions)
    ramp = (np.arange(256, dtype="<u2") * 257).tobytes()
    colours = ("Red", "Green", "Blue")
    palette: dict[str, object] = {f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in colours}
    palette |= {f"{colour}PaletteColorLookupTableData": ramp for colour in colours}
    yield write_dicom(folder / "palette.dcm", grey, photometric="PALETTE COLOR", **palette)
    jpeg, jpeg2000 = coded(grey, "JPEG"), coded(grey, "JPEG2000")
    yield write_dicom(folder / "jpeg.dcm", grey, coding=uid.JPEGBaseline8Bit, encoded=[jpeg], **regions)
    yield write_dicom(folder / "j2k.dcm", grey, coding=uid.JPEG2000Lossless, encoded=[jpeg2000], **regions)
    yield write_dicom(folder / "jls.dcm", grey, coding=uid.JPEGLSLossless, encoded=[jpeg], **regions)
    yield write_dicom(folder / "lossless.dcm", grey, coding=uid.JPEGLosslessSV1, encoded=[jpeg], **regions)
    runs = struct.pack("<16L", 1, 64, *[0] * 14) + b"".join(bytes([1, *smooth[0, i : i + 2]]) for i in range(0, SIDE, 2)) * SIDE
    yield write_dicom(folder / "rle.dcm", smooth, coding=uid.RLELossless, encoded=[runs], **regions)


def coded(pixels: np.ndarray, kind: str) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def video(path: Path, codec: str, pixels: np.ndarray) -> Path:
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pixels.shape
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for shift in range(6):
            frame = np.roll(pixels, 5 * shift, 1)[..., None].repeat(3, 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def bombs(whole: dict[str, bytes], folder: Path) -> Iterator[File]:
    """What costs much more to read than its bytes suggest, and headers that lie."""
    pixel = np.zeros((1, 1), np.uint8)
    for keyword in ("Rows", "Columns"):
        yield f"{keyword}.dcm", write_dicom(folder / "bomb", pixel, **{keyword: 65535}).read_bytes()
    both = {"Rows": 65535, "Columns": 65535}
    yield "both.dcm", write_dicom(folder / "bomb", pixel, **both).read_bytes()
    yield "frames.dcm", write_dicom(folder / "bomb", pixel, NumberOfFrames=2**31 - 1).read_bytes()
    plain = write_dicom(folder / "bomb", pixel).read_bytes()
    start = plain.index(b"\x08\x00\x60\x00CS")
    undefined = struct.pack("<HH2sHL", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item, empty = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF), struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    yield "nested.dcm", plain[:start] + (undefined + item) * 50_000 + plain[start:]
    yield "items.dcm", plain[:start] + undefined + empty * 500_000 + plain[start:]
    regions = struct.pack("<HH2sHL", 0x18, 0x6011, b"SQ", 0, 8 * 400_000) + empty * 400_000
    yield "regions.dcm", plain[: plain.index(b"\x28\x00\x02\x00US")] + regions + plain[plain.index(b"\x28\x00\x02\x00US") :]
    elements = struct.pack("<HH2sH", 9, 1, b"LO", 0) * 500_000
    yield "elements.dcm", plain[:start] + elements + plain[start:]
    fragments = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 300_000
    jpeg = whole["jpeg.dcm"]
    yield "fragments.dcm", jpeg[: jpeg.index(b"\xe0\x7f\x10\x00") + 12] + fragments
    yield "deflated.dcm", deflated_bomb(plain)
    huge = bytearray(coded(np.zeros((16, 16), np.uint8), "JPEG"))
    place = huge.index(b"\xff\xc0") + 5
    huge[place : place + 4] = struct.pack(">HH", 65000, 65000)
    yield "jpeg.dcm", write_dicom(folder / "bomb", pixel, coding=uid.JPEGBaseline8Bit, encoded=[bytes(huge)]).read_bytes()
    yield "huge.jpg", bytes(huge)
    yield from picture_bombs(whole)
    yield from volume_bombs(whole)
    for name, codec in (("a.mp4", b"avc1"), ("b.mp4", b"mp4v")):
        content = bytearray(whole[name])
        content[(place := content.index(codec) + 28) : place + 4] = struct.pack(">HH", 60_000, 60_000)
        yield f"huge-{name}", bytes(content)
    content = bytearray(whole["a.mkv"])
    content[(place := content.index(b"\xb0\x81")) : place + 6] = b"\xb0\x83\x10\x00\x00\xba"
    yield "huge.mkv", bytes(content)
    content = bytearray(whole["a.mp4"])
    content[(place := content.index(b"stsz") + 8) : place + 8] = struct.pack(">LL", 1, 2**32 - 1)
    yield "samples.mp4", bytes(content)


def deflated_bomb(plain: bytes) -> bytes:
    """A deflated file of 10 GB of zeros in a private element."""
    start = plain.index(b"\x08\x00\x16\x00UI")
    meta = plain[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"[:20])
    syntax = struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99"
    old = struct.pack("<HH2sH", 2, 0x10, b"UI", 20)
    meta = meta.replace(meta[meta.index(old) : meta.index(old) + 28], syntax)
    place = meta.index(b"\x02\x00\x00\x00UL") + 8
    meta = meta[:place] + struct.pack("<L", len(meta) - place - 4) + meta[place + 4 :]
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = packer.compress(struct.pack("<HH2sHL", 9, 0x1010, b"OB", 0, 0xFFFFFFF0)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return meta + head + block * 640


def picture_bombs(whole: dict[str, bytes]) -> Iterator[File]:
    """Pictures that claim more pixels than they hold, or whose text unpacks to much."""
    for width, height in ((65_000, 65_000), (2**31 - 1, 1), (8_000, 8_000)):
        ihdr = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
        yield f"{width}.png", png(chunk(b"IHDR", ihdr), chunk(b"IDAT", zlib.compress(bytes(10**6))))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))
    ihdr = chunk(b"IHDR", struct.pack(">LLBBBBB", 8, 8, 8, 0, 0, 0, 0))
    yield "text.png", png(ihdr, text, chunk(b"IDAT", zlib.compress(bytes(72))))
    yield "profile.png", png(ihdr, profile, chunk(b"IDAT", zlib.compress(bytes(72))))
    yield "frames.png", png(ihdr, chunk(b"acTL", struct.pack(">LL", 2**31 - 1, 0)), chunk(b"IDAT", zlib.compress(bytes(72))))
    gif = bytearray(whole["cine.gif"])
    gif[6:10] = b"\xff\xff\xff\xff"
    yield "huge.gif", bytes(gif)
    loop = struct.pack("<2sHL", b"II", 42, 8) + struct.pack("<H", 1) + struct.pack("<HHLL", 256, 3, 1, 8) + struct.pack("<L", 8)
    yield "loop.tif", loop
    for tag, value in ((256, 2**31), (257, 2**31), (277, 65535), (273, 2**31)):
        tiff = bytearray(whole["rgb.tif"])
        (offset,) = struct.unpack("<L", tiff[4:8])
        (count,) = struct.unpack("<H", tiff[offset : offset + 2])
        for entry in range(offset + 2, offset + 2 + 12 * count, 12):
            if struct.unpack("<H", tiff[entry : entry + 2])[0] == tag:
                tiff[entry + 2 : entry + 12] = struct.pack("<HLL", 4, 1, value)
        yield f"tag{tag}.tif", bytes(tiff)


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def volume_bombs(whole: dict[str, bytes]) -> Iterator[File]:
    """Volumes that unpack to what their header claims, and to more."""
    zeros = gzip.compress(bytes(2**22))
    for name, sizes, bits in (("wide", (8192, 8192, 1), 64), ("deep", (512, 512, 256), 64), ("over", (1024, 1024, 1024), 8)):
        header = bytearray(whole["a.nii"][:352])
        header[40:56] = struct.pack("<8h", 3, *sizes, 1, 1, 1, 1)
        header[70:74] = struct.pack("<hh", 64 if bits == 64 else 2, bits)
        yield f"{name}.nii.gz", gzip.compress(bytes(header)) + zeros * 128
        yield f"{name}.nii", bytes(header)
    header = bytearray(whole["a.nii"][:352])
    header[108:112], header[348:352] = struct.pack("<f", 1.9e9), b"\1\0\0\0"
    yield "extension.nii.gz", gzip.compress(bytes(header) + struct.pack("<ll", 1_900_000_000, 4)) + zeros * 100
    for kind, size in (("MET_DOUBLE", 8192), ("MET_UCHAR", 8192), ("MET_UCHAR", 10**6)):
        lines = f"ObjectType = Image\nNDims = 2\nDimSize = {size} {size}\nElementType = {kind}\nCompressedData = True\n"
        yield f"{kind}{size}.mha", f"{lines}ElementDataFile = LOCAL\n".encode() + zlib.compress(bytes(2**26))


def damaged(whole: list[File], seed: int) -> Iterator[File]:
    """Damage without end: every kilobyte at which a file may be cut, then chance."""
    for name, content in whole:
        yield from ((f"cut{end}-{name}", content[:end]) for end in range(0, len(content), 1024))
    rng = np.random.default_rng(seed)
    while True:
        name, content = whole[int(rng.integers(len(whole)))]
        yield name, DAMAGES[int(rng.integers(len(DAMAGES)))](bytearray(content), rng)


def flipped(content: bytearray, rng: np.random.Generator) -> bytes:
    for _ in range(int(rng.integers(1, 30))):
        content[int(rng.integers(len(content)))] = int(rng.integers(256))
    return bytes(content)


def lied(content: bytearray, rng: np.random.Generator) -> bytes:
    """A number of two or four bytes near the start, where headers are, becomes an extreme."""
    size, order = int(rng.choice([2, 4])), str(rng.choice(["little", "big"]))
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(min(len(content), 1500)))
        value = EXTREMES[int(rng.integers(len(EXTREMES)))] % 256**size
        content[place : place + size] = value.to_bytes(size, order)  # type: ignore[arg-type]
    return bytes(content)


def shortened(content: bytearray, rng: np.random.Generator) -> bytes:
    return bytes(content[: int(rng.integers(len(content)))])


def moved(content: bytearray, rng: np.random.Generator) -> bytes:
    """A block is taken out, doubled or emptied."""
    start = int(rng.integers(len(content)))
    end = min(len(content), start + int(rng.integers(1, 2000)))
    block = (b"", bytes(content[start:end]) * 2, bytes(end - start))[int(rng.integers(3))]
    return bytes(content[:start]) + block + bytes(content[end:])


def scrambled(content: bytearray, rng: np.random.Generator) -> bytes:
    """Random bytes behind a true beginning."""
    return bytes(content[: int(rng.choice([0, 4, 16, 132, 400]))]) + rng.bytes(int(rng.integers(1, 5000)))


DAMAGES = (flipped, lied, lied, shortened, moved, scrambled)


def hostile_files(folder: Path, num: int, seed: int = 0, *, with_cuts: bool = True) -> Iterator[File]:
    """Bombs, then damage, so many in all.

    Args:
        folder: Where files may be made.
        num: How many.
        seed: Of the damage.
        with_cuts: Whether every file is cut at every kilobyte before chance takes over.
    """
    whole = whole_files(folder)
    damage = damaged(whole, seed)
    if not with_cuts:
        cuts = sum(len(range(0, len(content), 1024)) for _, content in whole)
        damage = islice(damage, cuts, None)
    made = [*bombs(dict(whole), folder)]
    yield from made[:num]
    yield from islice(damage, max(num - len(made), 0))


def examine(path: Path) -> str:
    """Read a file and some of its frames; ``"image"`` or the refusal.

    Raises:
        Exception: Anything but an `ImageReadError` is a fault of the reader.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            source = read(path)
            if isinstance(source, Clip):
                for index in {0, len(source) // 2, len(source) - 1}:
                    source[index]
        except ImageReadError as error:
            return str(error)
    return "image"


def main() -> None:
    """Read so many files; print the slowest, those that raised memory, and what was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("num", type=int, nargs="?", default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    faulthandler.enable()
    took, rises, images = [], [], 0
    with tempfile.TemporaryDirectory() as made:
        kept = tempfile.mkdtemp()
        started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number, (name, content) in enumerate(hostile_files(Path(made), args.num, args.seed)):
            path = Path(kept) / f"{number}-{name}"
            path.write_bytes(content)
            before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
            said = examine(path)
            took.append((time.perf_counter() - start, path.name, said[:100]))
            rises.append((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, path.name, before))
            images += said == "image"
            path.unlink()  # what is left in the folder after a crash is the file that caused it
    lines = [
        f"{len(took)} files, {images} still images, {len(took) - images} refused",
        f"memory: {started >> 10} MB before the first, {rises[-1][0] >> 10} MB at most",
    ]
    lines += [f"  {old >> 10} -> {peak >> 10} MB  {name}" for peak, name, old in sorted(rises)[::-1] if peak - old > 8 << 10]
    lines += [f"  {seconds:.2f} s  {name}: {said}" for seconds, name, said in sorted(took)[: -1 - SHOWN : -1]]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
