"""Writing an X-ray as a DICOM file of a chosen encoding, so that it is displayed as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.files import atomic_path

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.pixels.encoders.base import Encoder

SYNTAXES = ("uncompressed", "jpeg2000", "jpeg-ls")
PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2")
BITS = (12, 16)
VOI = ("none", "window", "lut")
_DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"  # Digital X-Ray Image Storage, For Presentation (PS3.4 B.5)
_GAMMA = 0.8  # of the curve that a VOI LUT undoes
_LEAST_SIDE = 32  # OpenJPEG halves an image five times
_MARGIN = 0.06  # share of the stored range that a window leaves free at either end


@dataclass(frozen=True)
class Encoding:
    """How pixels are stored: one of `SYNTAXES`, `PHOTOMETRIC`, `BITS` and `VOI` each.

    `voi`: 'none', the whole stored range is shown; 'window', a part of it (WindowCenter, WindowWidth);
    'lut', values along a curve that the VOI LUT undoes.
    """

    syntax: str
    photometric: str
    bits: int
    voi: str

    def __post_init__(self) -> None:
        choose("transfer syntax", self.syntax, SYNTAXES)
        choose("photometric interpretation", self.photometric, PHOTOMETRIC)
        choose("number of bits", str(self.bits), [str(bits) for bits in BITS])
        choose("VOI transformation", self.voi, VOI)


def all_encodings(syntaxes: tuple[str, ...] = SYNTAXES) -> list[Encoding]:
    """Every combination, in an order in which neighbours differ in several respects."""
    combinations = [Encoding(*parts) for parts in product(syntaxes, PHOTOMETRIC, BITS, VOI)]
    step = next(step for step in (7, 5, 11) if np.gcd(step, len(combinations)) == 1)
    return [combinations[step * i % len(combinations)] for i in range(len(combinations))]


def available_syntaxes() -> tuple[str, ...]:
    """Those of `SYNTAXES` that can be written here: the compressed ones need an encoder package."""
    return tuple(name for name in SYNTAXES if name == "uncompressed" or _encoder(name).is_available)


def write_dicom(
    path: str | Path, pixels: np.ndarray, encoding: Encoding, uid: str, attributes: Mapping[str, Any]
) -> None:
    """Write float (H, W) in [0, 1] (0 black) to `path`, in one step; displayed values differ by < 1/255.

    `uid`: SOPInstanceUID. `attributes`: further elements by keyword; sequences of codes as their meaning.
    Raises `UserError` when no package can write the transfer syntax, or the image is too small for it.
    """
    dataset = to_dataset(pixels, encoding, uid, attributes)
    with atomic_path(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def to_dataset(pixels: np.ndarray, encoding: Encoding, uid: str, attributes: Mapping[str, Any]) -> Dataset:
    """The pydicom Dataset that `write_dicom` writes."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = _DIGITAL_X_RAY, uid, "DX"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, _codes(value) if keyword.endswith("CodeSequence") else value)
    stored = _store(dataset, np.clip(np.asarray(pixels, dtype=np.float64), 0, 1), encoding)
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, encoding.photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, encoding.bits, encoding.bits - 1
    dataset.PixelRepresentation = 0
    dataset.PresentationLUTShape = "INVERSE" if encoding.photometric == "MONOCHROME1" else "IDENTITY"
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    _compress(dataset, encoding.syntax)
    return dataset


def _store(dataset: Dataset, grey: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Stored values int (H, W) whose VOI transformation, which is set on `dataset`, gives `grey` back."""
    top = 2**encoding.bits - 1
    if encoding.photometric == "MONOCHROME1":  # the inversion comes after the VOI transformation
        grey = 1.0 - grey
    if encoding.voi == "window":
        low, high = round(_MARGIN * top), round((1 - _MARGIN) * top)
        # PS3.3 C.11.2.1.2: LINEAR shows c - 0.5 - (w - 1)/2 as black and c - 0.5 + (w - 1)/2 as white.
        dataset.WindowCenter = (low + high + 1) / 2
        dataset.WindowWidth = high - low + 1
        values = low + grey * (high - low)
    elif encoding.voi == "lut":
        dataset.VOILUTSequence = [_lut(top)]
        values = grey**_GAMMA * top
    else:
        values = grey * top
    return np.asarray(np.rint(values))


def _lut(top: int) -> Dataset:
    from pydicom.dataset import Dataset

    values = np.rint((np.arange(top + 1) / top) ** (1 / _GAMMA) * 65535).astype("<u2")
    item = Dataset()
    # 65536 entries are written as 0 (PS3.3 C.11.2.1.1); OW, for US cannot be that long.
    item.add_new("LUTDescriptor", "US", [len(values) % 65536, 0, 16])
    item.add_new("LUTData", "OW", values.tobytes())
    return item


def _codes(meaning: str) -> list[Dataset]:
    from pydicom.dataset import Dataset

    if not meaning:
        return []
    item = Dataset()
    item.CodeMeaning = meaning
    return [item]


def _compress(dataset: Dataset, syntax: str) -> None:
    if syntax == "uncompressed":
        return
    if syntax not in available_syntaxes():
        package = {"jpeg2000": "pylibjpeg-openjpeg", "jpeg-ls": "pyjpegls"}[syntax]
        raise UserError(f"transfer syntax {syntax}: no encoder is installed; pip install {package}")
    if syntax == "jpeg2000" and min(dataset.Rows, dataset.Columns) < _LEAST_SIDE:
        raise UserError(
            f"image of {dataset.Columns} x {dataset.Rows} pixels: too small for JPEG 2000, which needs "
            f"{_LEAST_SIDE} a side; give a larger one"
        )
    dataset.compress(_encoder(syntax).UID, generate_instance_uid=False)


def _encoder(syntax: str) -> Encoder:
    from pydicom.pixels.encoders.base import JPEG2000LosslessEncoder, JPEGLSLosslessEncoder

    return {"jpeg2000": JPEG2000LosslessEncoder, "jpeg-ls": JPEGLSLosslessEncoder}[syntax]
