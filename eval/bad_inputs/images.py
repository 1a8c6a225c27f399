"""Films that cannot be read: searched by, explained, predicted and encoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs.changes import both, copy, cut, flip, remove, write
from common.trials import Case

SEARCH = "search idx --image film.png"
DICOM = "search idx --image film.dcm"


def cases() -> list[Case]:
    return [*pictures(), *dicoms(), *beside_good_ones(), *names()]


def pictures() -> list[Case]:
    bad: dict[str, bytes | Callable[[Path], None]] = {
        "empty": b"", "a text": b"hello", "head alone": b"\x89PNG\r\n\x1a\n", "zeros": bytes(3000), "cut":
        cut("film.png", 0.4), "bytes changed": flip("film.png", 0.5), "HTML": b"<html>404</html>",
        "bomb of 30000 x 30000": png(30000, 30000), "width of 0": png(0, 5), "height of 2**31": png(5,
        2**31 - 1), "12000 x 12000": png(12000, 12000), "a chunk of 4 GB":
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR" + bytes(30), "SVG":
        b"<svg xmlns='http://www.w3.org/2000/svg'/>", "PDF": b"%PDF-1.4\n", "BMP head": b"BM" + bytes(60),
        "TIFF head": b"II*\x00\xff\xff\xff\xff" + bytes(40), "GIF head":
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00", "JPEG head":
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(20), "JPEG 2000 head":
        b"\xff\x4f\xff\x51" + bytes(60), "WebP head": b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(20),
        "a zip": b"PK\x03\x04" + bytes(60), "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "NUL path in EPS": b"%!PS\x00", "floating point": floats(),
    }  # fmt: skip
    return [
        Case(SEARCH, r"film\.png", act if callable(act) else write("film.png", act), name=f"PNG: {name}")
        for name, act in bad.items()
    ]


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, with one line of pixels."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def floats() -> bytes:
    import numpy as np
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32)).save(stream, "TIFF")
    return stream.getvalue()


def dicoms() -> list[Case]:
    changed: dict[str, Callable[[Any], Any] | str] = {
        "no pixels": lambda d: delattr(d, "PixelData"), "half the pixels": lambda d: set_pixels(d, 0.5),
        "no rows": lambda d: delattr(d, "Rows"), "rows of 0": lambda d: setattr(d, "Rows", 0),
        "65535 x 65535": lambda d: d.update({"Rows": 65535, "Columns": 65535}),
        "a million frames": lambda d: setattr(d, "NumberOfFrames", 1000000),
        "frames below zero": lambda d: setattr(d, "NumberOfFrames", -3),
        "bits of 7": lambda d: setattr(d, "BitsAllocated", 7),
        "bits of 64": lambda d: setattr(d, "BitsAllocated", 64),
        "samples of 9": lambda d: setattr(d, "SamplesPerPixel", 9),
        "samples of 0": lambda d: setattr(d, "SamplesPerPixel", 0),
        "unknown photometric": lambda d: setattr(d, "PhotometricInterpretation", "NOPE"),
        "no photometric": lambda d: delattr(d, "PhotometricInterpretation"),
        "palette without palette": lambda d: setattr(d, "PhotometricInterpretation", "PALETTE COLOR"),
        "an unknown syntax": "1.2.3.4",
        "JPEG by its syntax alone": "1.2.840.10008.1.2.4.50",
        "RLE by its syntax alone": "1.2.840.10008.1.2.5",
        "deflated by its syntax alone": "1.2.840.10008.1.2.1.99",
        "big endian by its syntax alone": "1.2.840.10008.1.2.2",
    }  # fmt: skip
    found = [
        Case(DICOM, r"film\.dcm", in_dicom(change), name=f"DICOM: {name}") for name, change in changed.items()
    ]
    files = {
        "empty": write("film.dcm", b""), "a text": write("film.dcm", b"hello"), "zeros": write("film.dcm",
        bytes(9000)), "head alone": write("film.dcm", bytes(128) + b"DICM"), "cut in the head":
        cut("film.dcm", 0.05), "cut in the pixels": cut("film.dcm", 0.7), "a PNG by that name":
        copy("film.png", "film.dcm"), "a folder by that name": both(remove("film.dcm"),
        write("film.dcm/a", b"x")), "a deflated bomb": deflated_bomb,
    }  # fmt: skip
    return found + [Case(DICOM, r"film\.dcm", act, name=f"DICOM: {name}") for name, act in files.items()]


def in_dicom(change: Callable[[Any], Any] | str) -> Callable[[Path], None]:
    """The film's data set is another; `change` a text: it only says that this is its transfer syntax."""

    def act(here: Path) -> None:
        import pydicom

        if isinstance(change, str):
            _say_syntax(here / "film.dcm", change)
            return

        dataset = pydicom.dcmread(here / "film.dcm")
        change(dataset)
        with (
            pydicom.config.disable_value_validation(),
            open(here / "film.dcm", "wb") as stream,
        ):
            explicit = {"implicit_vr": False, "little_endian": True}
            head = io.BytesIO()
            pydicom.dcmwrite(head, dataset, force_encoding=True, **explicit)
            stream.write(head.getvalue())

    return act


def _say_syntax(path: Path, uid: str) -> None:
    content = path.read_bytes()
    start = content.index(b"\x02\x00\x10\x00UI")
    stop = start + 8 + int.from_bytes(content[start + 6 : start + 8], "little")
    text = uid.encode() + b"\x00" * (len(uid) % 2)
    path.write_bytes(content[: start + 6] + len(text).to_bytes(2, "little") + text + content[stop:])


def set_pixels(dataset: Any, share: float) -> None:
    dataset.PixelData = dataset.PixelData[: int(len(dataset.PixelData) * share) // 2 * 2]


def deflated_bomb(here: Path) -> None:
    """Some hundred KB that inflate to 512 MB of pixels."""
    import pydicom

    dataset = pydicom.dcmread(here / "film.dcm")
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.Rows = dataset.Columns = 16000
    dataset.PixelData = bytes(2 * 16000 * 16000)
    dataset.save_as(here / "film.dcm", enforce_file_format=True)


def beside_good_ones() -> list[Case]:
    """In tables the bad film is left out and listed, all others are read."""
    film = "phantom/images/P0001_S1_PA.png"
    encode = "encode studies.parquet --out new --image-encoder pixels --report-encoder none"
    found = []
    for name, content in {
        "empty": b"", "a text": b"hello", "too large": png(30000, 30000), "cut":
        b"\x89PNG\r\n\x1a\n" + bytes(50)
    }.items():  # fmt: skip
        act = write(film, content)
        found += [
            Case(encode, "P0001_S1_PA", act, "listed", f"encode: a film {name}"),
            Case(
                "predict clf studies.parquet --out new.csv",
                "P0001_S1_PA",
                act,
                "listed",
                f"predict: a film {name}",
            ),
            Case(
                "audit studies.parquet --out new",
                "P0001_S1_PA|1 of 41|cannot be read",
                act,
                "listed",
                f"audit: a film {name}",
            ),
        ]
    found += [
        Case(encode, "P0001_S1_PA", remove(film), "listed", "encode: a film gone"),
        Case(encode, "image", remove("phantom/images"), name="encode: all films gone", keeps="new"),
        Case(
            "predict clf studies.parquet --out new.csv",
            "film|image",
            remove("phantom/images"),
            name="predict: all films gone",
        ),
        Case("predict clf film.png notes.txt --out new.csv", "notes.txt", None, "listed"),
        Case("predict clf empty --out new.csv", "empty"),
        Case(
            "predict clf films --out new.csv",
            r"5\.png",
            write("films/5.png", b"x"),
            "listed",
            "predict: one bad of a folder",
        ),
    ]
    return found


def names() -> list[Case]:
    return [
        Case("search idx --image nope.png", "nope.png"),
        Case("search idx --image film.png --image nope.png", "nope.png"),
        Case("search idx --image ''", "--image"),
        Case("search idx --image empty", "empty"),
        Case("search idx --image /dev/null", "/dev/null"),
        Case("search idx --image notes.txt", "notes.txt"),
        Case("search idx --image studies.parquet", "studies.parquet"),
        Case("search idx --image 'film.png\n'", "film.png"),
        Case("search idx --image https://example.org/film.png", "film.png"),
        Case("search idx --image pipe", "pipe", pipe, name="a pipe that nobody writes to"),
    ]


def pipe(here: Path) -> None:
    import os

    os.mkfifo(here / "pipe")
