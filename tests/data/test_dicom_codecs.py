"""JPEG inside DICOM: what is read without a decoder under the GPL, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from cxrneighbors.data.dicom import read_dicom_pixels
from cxrneighbors.data.dicom_codecs import check_decoder
from cxrneighbors.errors import UserError

from .test_dicom import make

PIXELS = (np.arange(48, dtype=np.uint16).reshape(6, 8) * 613) % 65521


def lossless(pixels: np.ndarray) -> bytes:
    """uint16 (H, W) as JPEG Lossless with first-order prediction (ISO/IEC 10918-1 annex H), by hand.

    The Huffman table has the 17 categories of differences as codes of five bits each.
    """
    height, width = pixels.shape
    frame = bytes([16]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    table = bytes([0]) + bytes([0, 0, 0, 0, 17] + 11 * [0]) + bytes(range(17))
    bits = ""
    for row, column in np.ndindex(height, width):
        before = pixels[row, column - 1] if column else pixels[row - 1, 0] if row else 2**15
        difference = (int(pixels[row, column]) - int(before) + 2**15) % 2**16 - 2**15
        size = abs(difference).bit_length()
        bits += f"{size:05b}"
        if 0 < size < 16:
            bits += f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}"
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    parts = [(0xC3, frame), (0xC4, table), (0xDA, bytes([1, 1, 0, 1, 0, 0]))]
    head = b"".join(bytes([0xFF, mark]) + (len(part) + 2).to_bytes(2, "big") + part for mark, part in parts)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def coded(folder: Path) -> Path:
    dataset = make(PIXELS, bits=16, syntax=JPEGLosslessSV1)
    dataset.PixelData = encapsulate([lossless(PIXELS)])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(folder / "film.dcm", enforce_file_format=True)
    return folder / "film.dcm"


@pytest.fixture
def without_gpl() -> Iterator[None]:
    """As where pylibjpeg-libjpeg is not installed."""
    at = ("pydicom.pixels.decoders.pylibjpeg", "_decode_frame")
    decoders = [
        get_decoder(each) for each in (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLosslessSV1, JPEGLSLossless)
    ]
    had = [decoder for decoder in decoders if "pylibjpeg" in decoder.available_plugins]
    for decoder in had:
        decoder.remove_plugin("pylibjpeg")
    yield
    for decoder in had:
        decoder.add_plugin("pylibjpeg", at)


def test_jpeg_lossless_is_read_with_the_extra(tmp_path: Path) -> None:
    pytest.importorskip("libjpeg")
    read = read_dicom_pixels(coded(tmp_path))
    np.testing.assert_allclose(read * 65535, PIXELS, atol=0.01)


@pytest.mark.usefixtures("without_gpl")
def test_jpeg_lossless_and_12_bit_name_the_extra(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"film\.dcm: coded as JPEG Lossless, which needs the extra 'jpeg-gpl'"
    ):
        read_dicom_pixels(coded(tmp_path))
    deep = pydicom.data.get_testdata_file("JPEG-lossy.dcm", download=False)
    with pytest.raises(
        UserError, match=r"JPEG-lossy\.dcm: coded as 12-bit JPEG, which .*cxrneighbors\[jpeg-gpl\]"
    ):
        read_dicom_pixels(str(deep))


@pytest.mark.usefixtures("without_gpl")
@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", JPEGBaseline8Bit),
        ("MR_small_jpeg_ls_lossless.dcm", JPEGLSLossless),
        ("MR_small_jp2klossless.dcm", JPEG2000Lossless),
    ],
)
def test_all_else_is_read_without_it(name: str, syntax: str) -> None:
    path = pydicom.data.get_testdata_file(name, download=False)
    assert pydicom.dcmread(str(path)).file_meta.TransferSyntaxUID == syntax
    assert read_dicom_pixels(str(path)).std() > 0


@pytest.mark.usefixtures("without_gpl")
def test_8_bits_in_the_extended_syntax_are_left_to_pillow() -> None:
    dataset = make(PIXELS.astype(np.uint8), bits=8, syntax=JPEGExtended12Bit)
    check_decoder(dataset)
    check_decoder(Dataset())
