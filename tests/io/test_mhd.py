from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

from umind.geometry.spacing import Spacing
from umind.io.mhd import read_metaimage
from umind.schema.errors import ImageReadError

VALUES = np.arange(12, dtype=np.uint8).reshape(3, 4)
HEADER = {
    "ObjectType": "Image",
    "NDims": "2",
    "DimSize": "4 3",
    "ElementSpacing": "0.308   0.154",
    "ElementType": "MET_UCHAR",
    "ElementDataFile": "LOCAL",
}


def write(path: Path, values: bytes = VALUES.tobytes(), **changed: str) -> Path:
    fields = HEADER | changed
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # the last line of a header
    lines = "".join(f"{key} = {value}\n" for key, value in fields.items() if value)
    path.write_bytes(lines.encode() + values)
    return path


def test_values_and_spacing_rows_first(tmp_path: Path) -> None:
    image = read_metaimage(write(tmp_path / "a.mha"))
    np.testing.assert_array_equal(image.values, VALUES)
    assert image.spacing == Spacing(0.154, 0.308)
    assert read_metaimage(write(tmp_path / "b.mha", ElementSpacing="")).spacing is None


def test_values_beside_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mhd", b"", ElementDataFile="a.raw")
    (tmp_path / "a.raw").write_bytes(VALUES.tobytes())
    np.testing.assert_array_equal(read_metaimage(path).values, VALUES)


@pytest.mark.parametrize(
    ("name", "kind"), [("MET_SHORT", "i2"), ("MET_USHORT", "u2"), ("MET_FLOAT", "f4"), ("MET_DOUBLE", "f8")]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_type_and_byte_order(name: str, kind: str, order: str, tmp_path: Path) -> None:
    packed = (VALUES - 5.0).astype(order + kind) if kind != "u2" else VALUES.astype(order + kind)
    big = str(order == ">")
    image = read_metaimage(write(tmp_path / "a.mha", packed.tobytes(), ElementType=name, BinaryDataByteOrderMSB=big))
    np.testing.assert_array_equal(image.values, packed)
    assert image.values.dtype == np.dtype(kind)


def test_slices_channels_and_compression(tmp_path: Path) -> None:
    volume = np.arange(24, dtype=np.uint8)
    stack = write(tmp_path / "a.mha", volume.tobytes(), NDims="3", DimSize="4 3 2", ElementSpacing="1 1 1")
    np.testing.assert_array_equal(read_metaimage(stack).values, volume.reshape(2, 3, 4))
    packed = zlib.compress(volume.tobytes())
    coloured = write(tmp_path / "b.mha", packed, ElementNumberOfChannels="2", CompressedData="True")
    np.testing.assert_array_equal(read_metaimage(coloured).values, volume.reshape(3, 4, 2))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"DimSize": "4 4"}, "12 bytes of values, 16 are wanted"),
        ({"DimSize": "4 2"}, "12 bytes of values, 8 are wanted"),
        ({"DimSize": "4 3 1"}, "DimSize"),
        ({"DimSize": "4 x"}, "invalid literal"),
        ({"DimSize": "400000 300000"}, "pixels are more than"),
        ({"DimSize": "0 3"}, "zero size"),
        ({"ElementType": "MET_STRING"}, "MET_STRING"),
        ({"ElementSpacing": "0 0"}, "spacing must be positive"),
        ({"ElementDataFile": "../a.raw"}, "same folder"),
        ({"ElementDataFile": "gone.raw"}, r"gone\.raw"),
        ({"NDims": ""}, "lacks NDims"),
        ({"CompressedData": "True"}, "incorrect header check"),
    ],
)
def test_faults_name_the_file(changed: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=message) as caught:
        read_metaimage(write(tmp_path / "a.mha", **changed))
    assert "a.mha" in str(caught.value) or "gone" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no header", bytes(100_000)])
def test_what_is_no_metaimage(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.mha").write_bytes(content)
    with pytest.raises(ImageReadError, match=r"x\.mha: is no MetaImage"):
        read_metaimage(tmp_path / "x.mha")
    with pytest.raises(ImageReadError, match=r"gone\.mha"):
        read_metaimage(tmp_path / "gone.mha")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="13 bytes of values, 12 are wanted"):
        read_metaimage(write(tmp_path / "a.mha", zlib.compress(bytes(10**7)), CompressedData="True"))
