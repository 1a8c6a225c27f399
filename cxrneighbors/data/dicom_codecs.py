"""DICOM encodings that need a decoder which is not installed with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxrneighbors.errors import UserError

if TYPE_CHECKING:
    from pydicom import Dataset

# JPEG Extended (with more than 8 bits) and both JPEG Lossless (PS3.5 A.4.1).
_EXTENDED, _LOSSLESS = "1.2.840.10008.1.2.4.51", ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_ABLE = {"gdcm", "pylibjpeg"}  # pydicom's names of what reads them; Pillow reads 8 bits alone


def check_decoder(dataset: Dataset) -> None:
    """Raise `UserError` where pixels are coded as JPEG Lossless or 12-bit JPEG and nothing here reads that.

    The one decoder known to be good at it is under the GPL, and so an extra of its own.
    """
    from pydicom.pixels.decoders.base import get_decoder

    syntax = str(getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ""))
    deep = syntax == _EXTENDED and int(dataset.get("BitsStored") or 0) > 8
    if (deep or syntax in _LOSSLESS) and not _ABLE & set(get_decoder(syntax).available_plugins):
        name = "12-bit JPEG" if deep else "JPEG Lossless"
        raise UserError(
            f"coded as {name}, which needs the extra 'jpeg-gpl' (a decoder under the GPL); "
            "pip install 'cxrneighbors[jpeg-gpl]', or have the file decompressed"
        )
