from itertools import product

import numpy as np
import pydicom
import pytest

from cxrneighbors.data.dicom import read_dicom_pixels
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.errors import UserError
from cxrneighbors.testing import dicom_file
from cxrneighbors.testing.dicom_file import (
    BITS,
    PHOTOMETRIC,
    SYNTAXES,
    VOI,
    Encoding,
    all_encodings,
    available_syntaxes,
    to_dataset,
    write_dicom,
)

UID_OF = {
    "uncompressed": pydicom.uid.ExplicitVRLittleEndian,
    "jpeg2000": pydicom.uid.JPEG2000Lossless,
    "jpeg-ls": pydicom.uid.JPEGLSLossless,
}


@pytest.mark.parametrize(
    "parts", product(SYNTAXES, PHOTOMETRIC, BITS, VOI), ids=lambda p: "-".join(map(str, p))
)
def test_round_trip(parts, tmp_path):
    if parts[0] not in available_syntaxes():
        pytest.skip("no encoder: pip install pyjpegls")
    # every 8-bit grey value, and values between them
    grey = np.concatenate([np.arange(256) / 255, np.linspace(0, 1, 256)]).reshape(32, 16).repeat(2, axis=1)
    path = tmp_path / "x.dcm"
    write_dicom(path, grey, Encoding(*parts), "2.25.1", {"ViewPosition": "PA", "ViewCodeSequence": "lateral"})
    assert np.abs(read_pixels(path) - grey).max() < 1 / 2000  # asked for is 1/255
    header = pydicom.dcmread(path)
    assert header.file_meta.TransferSyntaxUID == UID_OF[parts[0]]
    assert (header.PhotometricInterpretation, header.BitsStored) == parts[1:3]
    assert ("WindowCenter" in header, "VOILUTSequence" in header) == (parts[3] == "window", parts[3] == "lut")
    assert header.ViewPosition == "PA" and header.ViewCodeSequence[0].CodeMeaning == "lateral"
    assert header.SOPInstanceUID == "2.25.1"


def test_stored_values_are_not_those_displayed():
    """The transformations are exercised, not skipped: stored values differ from the plain ones."""
    grey = np.linspace(0.1, 0.9, 64).reshape(8, 8)
    plain = to_dataset(grey, Encoding("uncompressed", "MONOCHROME2", 12, "none"), "2.25.1", {}).pixel_array
    for photometric, voi in product(PHOTOMETRIC, VOI):
        other = to_dataset(grey, Encoding("uncompressed", photometric, 12, voi), "2.25.1", {}).pixel_array
        different = np.abs(other.astype(int) - plain).max() > 50
        assert different == ((photometric, voi) != ("MONOCHROME2", "none"))
        assert other.max() < 4096


def test_real_images_keep_their_pixels(shared_data, tmp_path):
    paths = sorted((shared_data / "covid-chestxray" / "images").iterdir())
    encodings = all_encodings(available_syntaxes())
    for number, encoding in enumerate(encodings):
        before = read_pixels(paths[number * 7])
        write_dicom(tmp_path / "x.dcm", before, encoding, "2.25.1", {})
        assert np.abs(read_pixels(tmp_path / "x.dcm") - before).max() < 1 / 255, encoding


def test_all_combinations_occur_once():
    assert len(set(all_encodings())) == len(all_encodings()) == 36
    assert len(set(all_encodings(("jpeg2000",)))) == 12


def test_same_input_same_bytes(tmp_path):
    for name in ("a", "b"):
        encoding = Encoding("jpeg2000", "MONOCHROME1", 16, "lut")
        write_dicom(tmp_path / name, np.full((39, 33), 0.25), encoding, "2.25.1", {})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_encoder(monkeypatch):
    monkeypatch.setattr(dicom_file, "available_syntaxes", lambda: ("uncompressed",))
    with pytest.raises(UserError, match="pip install pyjpegls"):
        to_dataset(np.zeros((4, 4)), Encoding("jpeg-ls", "MONOCHROME2", 12, "none"), "2.25.1", {})


@pytest.mark.parametrize(
    "parts",
    [
        ("rle", "MONOCHROME1", 12, "none"),
        ("jpeg2000", "RGB", 12, "none"),
        ("jpeg2000", "MONOCHROME1", 8, "none"),
    ],
)
def test_unknown_encoding(parts):
    with pytest.raises(UserError, match="choose one of"):
        Encoding(*parts)


def test_odd_number_of_pixels_of_a_dataset():
    dataset = to_dataset(
        np.full((3, 5), 0.5), Encoding("uncompressed", "MONOCHROME1", 16, "window"), "2.25.1", {}
    )
    np.testing.assert_allclose(read_dicom_pixels(dataset), 0.5, atol=1e-4)


def test_too_small_for_jpeg_2000():
    with pytest.raises(UserError, match="8 x 4"):
        to_dataset(np.zeros((4, 8)), Encoding("jpeg2000", "MONOCHROME2", 12, "none"), "2.25.1", {})
