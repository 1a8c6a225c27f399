"""DICOM pixels to grey values as a workstation shows them (PS3.4 N.2: modality LUT, then VOI LUT)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxrneighbors.data.dicom_codecs import check_decoder
from cxrneighbors.data.patients import parse_age, parse_sex
from cxrneighbors.data.pixel_limit import Bounded, check_dataset, check_deflated
from cxrneighbors.data.views import normalise_view
from cxrneighbors.errors import UserError

if TYPE_CHECKING:
    from pydicom import Dataset

_BLOCK = 2**18  # pixels that are held as float64 at a time


def is_dicom(path: str | Path) -> bool:
    """Whether the file carries the `DICM` mark at byte 128 (PS3.10 7.1) or a DICOM suffix."""
    with open(path, "rb") as stream:
        marked = stream.read(132)[128:] == b"DICM"
    return marked or Path(path).suffix.lower() in (".dcm", ".dicom", ".dic")


def read_dicom_pixels(source: str | Path | Dataset) -> np.ndarray:
    """Read one X-ray: float32 (H, W) in [0, 1], 0 black as displayed, air dark.

    `source`: a file or a pydicom Dataset. Steps: decode (compressed syntaxes through pydicom's plug-ins,
    bits above `BitsStored` dropped), modality LUT or rescale, VOI LUT or window (the first one given; a LUT
    goes before a window), scaling to [0, 1], `MONOCHROME1` inverted last. Without VOI LUT and window the
    whole range that `BitsStored` can express maps to [0, 1]. Colour becomes luma. Pixels of
    `PixelPaddingValue` are black. Of several frames the first is taken.

    Raises `UserError` naming the file when it cannot be read, holds no pixels, cannot be decoded, has more
    than `MAX_PIXELS` (rows x columns x frames x samples, whatever the codec), or is JPEG Lossless or 12-bit
    JPEG without the extra 'jpeg-gpl' (`dicom_codecs`).
    """
    if isinstance(source, (str, Path)):
        try:
            return _to_display(_read_dataset(source))
        except MemoryError:
            raise
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
        except Exception as error:  # whatever pydicom and its plug-ins make of damaged bytes
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise UserError(f"{source}: cannot be decoded as DICOM ({reason}); get the file again") from None
    return _to_display(source)


def read_dicom_header(path: str | Path) -> dict[str, Any]:
    """What a DICOM says of patient and view, without reading pixels.

    Keys: view, position, sex, age (years, NaN missing), patient_id, study_id (None missing), image (whether
    it holds one: reports and presentation states do not).
    Raises `UserError` when the file is no DICOM.
    """
    try:
        dataset = _read_dataset(path, stop_before_pixels=True)
        view, position = normalise_view(str(dataset.get("ViewPosition") or ""))
        return {
            "view": view,
            "position": position,
            "sex": parse_sex(str(dataset.get("PatientSex") or "")),
            "age": parse_age(str(dataset.get("PatientAge") or "")),
            "patient_id": str(dataset.get("PatientID") or "") or None,
            "study_id": str(dataset.get("StudyInstanceUID") or "") or None,
            "image": "Rows" in dataset and "Columns" in dataset,
        }
    except MemoryError:
        raise
    except Exception as error:  # whatever pydicom makes of damaged bytes
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path}: cannot be read as DICOM ({reason}); get the file again") from None


def _read_dataset(path: str | Path, stop_before_pixels: bool = False) -> Dataset:
    import pydicom
    from pydicom.errors import InvalidDicomError

    check_deflated(path)
    try:
        with Bounded(path) as stream:
            return pydicom.dcmread(stream, stop_before_pixels=stop_before_pixels)
    except InvalidDicomError:
        # Old archives left out the preamble; implicit VR little endian is the default syntax (PS3.5 10.1).
        with Bounded(path) as stream:
            dataset = pydicom.dcmread(stream, stop_before_pixels=stop_before_pixels, force=True)
        if "Rows" not in dataset:
            raise ValueError("no DICOM header") from None
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        return dataset


def _to_display(dataset: Dataset) -> np.ndarray:
    if "PixelData" not in dataset:
        raise ValueError("no PixelData")
    check_dataset(dataset)
    check_decoder(dataset)
    stored = _first_frame(dataset)
    grey, step = np.empty(stored.shape[:2], dtype=np.float32), max(1, _BLOCK // max(1, stored.shape[1]))
    for rows in (slice(start, start + step) for start in range(0, len(stored), step)):
        grey[rows] = _grey(dataset, stored[rows])
    return grey


def _grey(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Some rows of stored values as shown."""
    if stored.ndim == 3:
        return _luma(dataset, stored)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return _luma(dataset, _palette(dataset, stored))
    values, low, high = _modality(dataset, stored)
    grey = _voi(dataset, values, low, high)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 1.0 - grey
    grey[_padding(dataset, stored)] = 0.0
    return np.asarray(np.clip(grey, 0.0, 1.0), dtype=np.float32)


def _first_frame(dataset: Dataset) -> np.ndarray:
    from pydicom.pixels.utils import pixel_array

    return np.asarray(pixel_array(dataset, index=0))


def _luma(dataset: Dataset, colour: np.ndarray) -> np.ndarray:
    wide = colour.dtype == np.uint16 and int(dataset.BitsStored) <= 8
    full = 2.0**16 - 1 if wide else _stored_range(dataset)[1]
    grey = colour[..., :3].astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / full
    return np.asarray(np.clip(grey, 0.0, 1.0), dtype=np.float32)


def _palette(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    from pydicom.pixels.processing import apply_color_lut

    return np.asarray(apply_color_lut(stored, dataset))


def _stored_range(dataset: Dataset) -> tuple[float, float]:
    bits = int(dataset.BitsStored)
    if int(dataset.get("PixelRepresentation") or 0):
        return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1


def _modality(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, float, float]:
    """PS3.3 C.11.1: float64 values and the lowest and highest that can occur."""
    if dataset.get("ModalityLUTSequence"):
        return _look_up(dataset, dataset.ModalityLUTSequence[0], stored)
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    ends = sorted(end * slope + intercept for end in _stored_range(dataset))
    return stored.astype(np.float64) * slope + intercept, ends[0], ends[1]


def _voi(dataset: Dataset, values: np.ndarray, low: float, high: float) -> np.ndarray:
    """PS3.3 C.11.2: grey values in [0, 1] (float64)."""
    if dataset.get("VOILUTSequence"):
        mapped, _, top = _look_up(dataset, dataset.VOILUTSequence[0], values)
        return mapped / top
    center, width = _first_number(dataset, "WindowCenter"), _first_number(dataset, "WindowWidth")
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if center is None or width is None or width < (1 if function == "LINEAR" else 1e-12):
        return (values - low) / (high - low) if high > low else np.zeros_like(values)
    return window(values, center, width, function)


def window(values: np.ndarray, center: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """VOI window to [0, 1] (PS3.3 C.11.2.1.2 and C.11.2.1.3), same shape, float64.

    `function`: 'LINEAR' (bounds at c - 0.5 +- (w - 1)/2), 'LINEAR_EXACT' (c +- w/2) or 'SIGMOID'.

    >>> window(np.array([0.0, 2047.5, 4095.0]), 2048, 4096).tolist()
    [0.0, 0.5, 1.0]
    """
    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def _first_number(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, (str, int, float)):
        value = value[0] if len(value) else None
    return None if value is None else float(value)


def _look_up(dataset: Dataset, item: Dataset, values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Map through a LUT (PS3.3 C.11.1.1): values outside its input range take the first or last entry."""
    entries, first, bits = (int(value) for value in item.LUTDescriptor)
    data = item.LUTData
    if isinstance(data, bytes):
        little = (
            dataset.file_meta.TransferSyntaxUID.is_little_endian if hasattr(dataset, "file_meta") else True
        )
        wide = len(data) >= 2 * (entries or 2**16)
        data = np.frombuffer(data, dtype=("<u2" if little else ">u2") if wide else np.uint8)
    lut = np.asarray(data, dtype=np.float64)[: entries or 2**16]
    index = np.clip(np.rint(values) - first, 0, len(lut) - 1).astype(np.int64)
    return lut[index], 0.0, 2.0**bits - 1


def _padding(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Pixels that are no image (PS3.3 C.7.5.1.1.2): bool, shape of `stored`."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, dtype=bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = sorted((value, limit if isinstance(limit, int) else value))
    return (stored >= ends[0]) & (stored <= ends[1])
