"""Files that would become gigabytes are refused by what they declare, before memory is taken for them."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxrneighbors.data import pixel_limit
from cxrneighbors.data.content import content_hash
from cxrneighbors.data.dicom import read_dicom_header, read_dicom_pixels
from cxrneighbors.data.mimic.headers import read_header
from cxrneighbors.data.pixel_limit import MAX_PIXELS, check_pixels, coded_size
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError


def film(rows: int, columns: int, syntax: str = ExplicitVRLittleEndian, **more: object) -> Dataset:
    """A grey DICOM of 16 bits whose header says so many pixels and whose pixel data are two bytes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    for name, value in more.items():
        setattr(dataset, name, value)
    if "PixelData" not in more:
        dataset.PixelData = encapsulate([bytes(64)]) if syntax.is_encapsulated else bytes(2)
    dataset["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    dataset["PixelData"].is_undefined_length = syntax.is_encapsulated
    return dataset


def saved(dataset: Dataset, folder: Path) -> Path:
    dataset.save_as(folder / "film.dcm", enforce_file_format=True)
    return folder / "film.dcm"


def deflated(folder: Path, megabytes: int) -> Path:
    """A deflated DICOM of so many megabytes of black, of which a kilobyte each is written."""
    dataset = film(16_000, megabytes * 2**20 // 32_000, DeflatedExplicitVRLittleEndian)
    path = saved(dataset, folder)
    kept = path.read_bytes()
    size = 144 + int.from_bytes(kept[140:144], "little")
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, dataset)
    body = stream.getvalue()[:-6] + (megabytes * 2**20).to_bytes(4, "little")

    def flushed(data: bytes, mode: int) -> bytes:
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return squeeze.compress(data) + squeeze.flush(mode)

    block = flushed(bytes(2**20), zlib.Z_FULL_FLUSH)  # such blocks may follow each other
    content = flushed(body, zlib.Z_FULL_FLUSH) + megabytes * block + flushed(b"", zlib.Z_FINISH)
    path.write_bytes(kept[:size] + content)
    return path


def test_a_deflated_bomb_takes_no_memory(tmp_path, memory_cap):
    path = deflated(tmp_path, 800)
    assert path.stat().st_size < 2**20
    with memory_cap(400), pytest.raises(UserError, match=r"film\.dcm: .*inflates to more than 200 MB"):
        read_pixels(path)


def test_every_reader_of_deflated_files_has_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_limit, "_INFLATED", 2**21)
    path = deflated(tmp_path, 3)
    for read in (read_dicom_pixels, read_dicom_header):
        with pytest.raises(UserError, match=r"film\.dcm: .*inflates to more than 2 MB"):
            read(path)
    assert "cannot be read" in read_header(str(path))["trouble"]


def test_a_deflated_film_is_read(tmp_path):
    assert read_pixels(deflated(tmp_path, 4)).shape == (16_000, 131)


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, RLELossless, JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless]
)
def test_the_header_decides_for_every_codec(tmp_path, syntax):
    with pytest.raises(UserError, match="12000 x 12000 pixels, at most 50 million"):
        read_pixels(saved(film(12_000, 12_000, syntax), tmp_path))


def test_frames_and_samples_multiply(tmp_path):
    with pytest.raises(UserError, match="1024 x 1024 x 60 pixels"):
        read_pixels(saved(film(1024, 1024, NumberOfFrames=60), tmp_path))
    with pytest.raises(UserError, match="5000 x 5000 x 3 pixels"):
        read_pixels(saved(film(5000, 5000, SamplesPerPixel=3, PhotometricInterpretation="RGB"), tmp_path))
    with pytest.raises(UserError, match="5000 x 5000 x 3 pixels"):
        read_pixels(saved(film(5000, 5000, PhotometricInterpretation="PALETTE COLOR"), tmp_path))


def jpeg(side: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (side, side + 8)).save(stream, "JPEG")
    return stream.getvalue()


def jpeg2000(side: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (side, side + 8)).save(stream, "JPEG2000", no_jp2=True)
    return stream.getvalue()


def test_what_a_codestream_says_of_its_size():
    assert coded_size(jpeg(64)) == coded_size(jpeg2000(64)) == (64, 72, 1)
    assert coded_size(b"") == coded_size(jpeg(64)[:30]) == coded_size(bytes(99)) == (0, 0, 0)


@pytest.mark.parametrize(("syntax", "code"), [(JPEGBaseline8Bit, jpeg), (JPEG2000Lossless, jpeg2000)])
def test_a_codestream_larger_than_its_header(tmp_path, syntax, code):
    place, width = (code(64).find(size) for size in (bytes.fromhex("0048 0040"), bytes.fromhex("00000040")))
    data = bytearray(code(64))
    if syntax == JPEGBaseline8Bit:
        data[place : place + 4] = 2 * (30_000).to_bytes(2, "big")
    else:
        data[width : width + 8] = 2 * (30_000).to_bytes(4, "big")
    more = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": encapsulate([bytes(data)])}
    with pytest.raises(UserError, match="30000 x 30000 pixels"):
        read_pixels(saved(film(72, 64, syntax, **more), tmp_path))


def test_the_same_limit_for_png(tmp_path):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "large.png")
    for read in (read_pixels, content_hash):
        with pytest.raises(UserError, match="12000 x 12000 pixels, at most 50 million"):
            read(tmp_path / "large.png")
    check_pixels(7000, MAX_PIXELS // 7000)


def test_a_film_takes_few_bytes_a_pixel(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4096, (2000, 2000)).astype("<u2")
    path = saved(film(2000, 2000, PixelData=pixels.tobytes(), WindowCenter=2000, WindowWidth=900), tmp_path)
    tracemalloc.start()
    shown = read_pixels(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # LINEAR of PS3.3 C.11.2.1.2
    expected = np.clip((pixels.astype(float) - 1999.5) / 899 + 0.5, 0, 1)
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    assert peak < 12 * pixels.size + 2**24


@pytest.mark.parametrize(
    ("tags", "element", "skip", "length"),
    [
        ({"PatientName": "Nobody"}, b"OW\x00\x00", 4, b"\xf0\xff\xff\xff"),  # of the pixels
        ({}, b"\x02\x00\x01\x00OB", 8, b"\xf0\xff\xff\x7f"),  # of the meta information
    ],
)
def test_a_claimed_length_takes_no_memory(tags, element, skip, length, tmp_path, memory_cap):
    path = saved(film(8, 8, **tags), tmp_path)
    content = bytearray(path.read_bytes())
    place = content.find(element) + skip
    content[place : place + 4] = length
    path.write_bytes(content)
    with memory_cap(400), pytest.raises(UserError, match=r"film\.dcm: cannot be decoded"):
        read_pixels(path)


def test_a_group_length_that_lies_does_not_lead_past_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_limit, "_INFLATED", 2**21)
    path = deflated(tmp_path, 3)
    content = path.read_bytes()
    harmless = zlib.compress(b"x", wbits=-zlib.MAX_WBITS)
    path.write_bytes(content[:140] + (len(content) - 144).to_bytes(4, "little") + content[144:] + harmless)
    with pytest.raises(UserError, match="inflates to more than 2 MB"):
        read_pixels(path)


def test_bytes_of_impossible_length_are_the_files_fault(tmp_path):
    path = saved(film(8, 8, Rows=8), tmp_path)
    content = path.read_bytes()
    place = content.find(b"\x28\x00\x10\x00US\x02\x00")
    path.write_bytes(content[: place + 6] + b"\x03\x00" + content[place + 8 :])
    with pytest.raises(UserError, match=r"film\.dcm: cannot be decoded"):
        read_pixels(path)
