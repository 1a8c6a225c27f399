"""How large an image may be, asked of what declares its size before anything of that size is allocated."""

from __future__ import annotations

import io
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_PIXELS = 50_000_000  # three times the largest detectors; read in at most 0.5 GB
_INFLATED = 4 * MAX_PIXELS  # bytes of a deflated data set
_READ, _WRITE = 2**14, 2**20  # bytes at a time
DEFLATED = b"1.2.840.10008.1.2.1.99"
# Value representations whose length has four bytes (PS3.5 7.1.2).
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
# Frame headers of JPEG (SOF0 to SOF15 without the tables among them) and of JPEG-LS.
_SOF = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def check_pixels(*sizes: int) -> None:
    """Raise ValueError where the product of width, height and whatever multiplies them is too large."""
    if math.prod(sizes) > MAX_PIXELS:
        shown = " x ".join(str(size) for size in sizes if size != 1)
        raise ValueError(f"{shown} pixels, at most {MAX_PIXELS // 10**6} million are read; make it smaller")


def check_dataset(dataset: Dataset) -> None:
    """`check_pixels` of a DICOM's rows, columns, frames and samples, and of what its codestream says.

    A codestream is decoded at its own size, whatever the header around it says.
    """
    palette = dataset.get("PhotometricInterpretation") == "PALETTE COLOR"
    samples = 3 if palette else int(dataset.get("SamplesPerPixel") or 1)
    frames = int(dataset.get("NumberOfFrames") or 1)
    check_pixels(int(dataset.Columns), int(dataset.Rows), max(1, frames), samples)
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and syntax.is_encapsulated:
        from pydicom.encaps import get_frame

        check_pixels(*coded_size(get_frame(dataset.PixelData, 0, number_of_frames=max(1, frames))))


def coded_size(code: bytes) -> tuple[int, int, int]:
    """Width, height and components of a JPEG, JPEG-LS or JPEG 2000 codestream; (0, 0, 0) where it is none.

    ISO/IEC 10918-1 B.2.2, 14495-1 C.2.2, 15444-1 A.5.1 (the last also within a JP2 file).

    >>> coded_size(bytes.fromhex("ffd8 ffc0 000b 08 0010 0020 01"))
    (32, 16, 1)
    """
    jpeg = code[:2] == b"\xff\xd8"
    start = -1 if jpeg else code.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start >= 0:
        corners = [int.from_bytes(code[start + at : start + at + 4], "big") for at in (8, 12, 16, 20)]
        return corners[0] - corners[2], corners[1] - corners[3], _number(code, start + 40)
    place = 2 if jpeg else len(code)
    while place + 10 <= len(code) and code[place] == 0xFF:
        if code[place + 1] in _SOF:
            return _number(code, place + 7), _number(code, place + 5), code[place + 9]
        place += 1 if code[place + 1] == 0xFF else 2 + _number(code, place + 2)
    return 0, 0, 0


class Bounded(io.BufferedReader):
    """A file of which no more is asked than there is: a length that a damaged DICOM claims is up to 4 GB."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = Path(path).stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, all that is left for -1."""
        if size is not None and size > _WRITE:
            size = min(size, max(0, self._size - self.tell()))
        return super().read(size)


def check_deflated(path: str | Path) -> None:
    """Raise ValueError where a deflated DICOM (PS3.5 A.5) would inflate beyond the limit; others pass."""
    with open(path, "rb") as stream:
        head = stream.read(_WRITE)
        syntax, start = _meta(head)
        if head[128:132] != b"DICM" or syntax != DEFLATED:
            return
        inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        stream.seek(start)
        while block := inflate.unconsumed_tail or stream.read(_READ):
            size += len(inflate.decompress(block, _WRITE))
            if size > _INFLATED:
                raise ValueError(f"inflates to more than {_INFLATED // 10**6} MB; make it smaller")
            if inflate.eof:
                return


def _meta(head: bytes) -> tuple[bytes, int]:
    """Transfer syntax and end of the file meta information (PS3.10 7.1), whatever length that claims.

    Its elements are walked as pydicom does: a group length that lies must not lead elsewhere.
    """
    place, syntax = 132, b""
    while head[place : place + 2] == b"\x02\x00":
        start = place + (12 if head[place + 4 : place + 6] in _LONG else 8)
        width = 4 if start == place + 12 else 2
        length = int.from_bytes(head[start - width : start], "little")
        if head[place + 2 : place + 4] == b"\x10\x00":
            syntax = head[start : start + length].rstrip(b"\x00 ")
        place = start + length
    return syntax, place


def _number(code: bytes, place: int) -> int:
    return int.from_bytes(code[place : place + 2], "big")
