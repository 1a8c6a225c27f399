"""Uploads are decoded as files are, in a process of their own, and what cannot be is refused in one line."""

from __future__ import annotations

import io
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from cxrneighbors.app import decoding
from cxrneighbors.app.decoding import Decoders
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError
from cxrneighbors.testing.dicom_file import Encoding, write_dicom


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders()
    yield made
    made.close()


def picture(kind: str, size: tuple[int, int] = (30, 20)) -> bytes:
    buffer = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 256, size[::-1], dtype=np.uint8)
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "DICOM"])
def test_pixels_are_those_of_the_file(kind: str, decoders: Decoders, tmp_path: Path) -> None:
    path = tmp_path / "film"
    if kind == "DICOM":
        values = np.linspace(0, 1, 2000, dtype=np.float32).reshape(40, 50)
        encoding = Encoding("uncompressed", "MONOCHROME1", 12, "window")
        write_dicom(path, values, encoding, generate_uid(), {"PatientName": "Doe^Jane"})
    else:
        path.write_bytes(picture(kind))
    assert np.array_equal(decoders.decode(path.read_bytes()), read_pixels(path))


def test_other_kinds_are_refused_before_any_process(decoders: Decoders) -> None:
    for content in (b"", b"MZ", b"<svg>", picture("GIF"), picture("TIFF"), picture("BMP")):
        with pytest.raises(UserError, match="no PNG, JPEG or DICOM"):
            decoders.decode(content)


def test_a_damaged_film_is_refused_without_a_word_of_what_is_in_it(decoders: Decoders) -> None:
    with pytest.raises(UserError) as error:
        decoders.decode(bytes(128) + b"DICM" + b"Doe^Jane")
    assert str(error.value).startswith("the film cannot be read") and "Doe" not in str(error.value)


def test_a_bomb_is_refused(decoders: Decoders) -> None:
    image = bytearray(picture("PNG"))
    image[16:24] = (60_000).to_bytes(4, "big") * 2  # the size in its header, the check sum made to fit
    image[29:33] = zlib.crc32(image[12:29]).to_bytes(4, "big")
    with pytest.raises(UserError, match="too large"):
        decoders.decode(bytes(image))


def test_bytes_are_limited(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MOST_BYTES", 100)
    with pytest.raises(UserError, match="too large"):
        decoders.decode(picture("PNG"))


def test_time_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SECONDS", 0.5)
    monkeypatch.setattr(decoding, "_COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    slow, start = Decoders(), time.monotonic()
    with pytest.raises(UserError, match="takes too long"):
        slow.decode(picture("PNG"))
    slow.close()
    assert time.monotonic() - start < 20


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from cxrneighbors.app import decoder; decoder.MEMORY = 2**29; decoder._limit(); bytearray(2**30)"
    monkeypatch.setattr(decoding, "_COMMAND", (sys.executable, "-c", code))
    greedy = Decoders()
    with pytest.raises(UserError, match="cannot be read"):
        greedy.decode(picture("PNG"))
    greedy.close()
