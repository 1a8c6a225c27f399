from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from cxrneighbors.data.dicom import is_dicom, read_dicom_header, read_dicom_pixels, window
from cxrneighbors.errors import UserError

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def make(pixels, bits=12, photometric="MONOCHROME2", syntax=ExplicitVRLittleEndian, **tags):
    """A Dataset with `pixels` (H, W), (F, H, W) or (H, W, 3), uncompressed."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    frames = pixels.ndim == 3 and not colour
    dataset.Rows, dataset.Columns = pixels.shape[1:] if frames else pixels.shape[:2]
    if frames:
        dataset.NumberOfFrames = pixels.shape[0]
    dataset.SamplesPerPixel = 3 if colour else 1
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * pixels.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    big = syntax == ExplicitVRBigEndian
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
    dataset["PixelData"].VR = "OW" if pixels.itemsize == 2 else "OB"
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


def lut_item(first, values, bits):
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(values), first, bits])
    item.add_new("LUTData", "US", [int(value) for value in values])
    return item


def by_pydicom(dataset, low, high):
    """pydicom's own chain, brought from the range it maps to into [0, 1]."""
    shown = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    return (shown.astype(float) - low) / (high - low)


def test_without_lut_the_range_of_bits_stored_is_used():
    grey = read_dicom_pixels(make(RAMP))
    assert grey.dtype == np.float32 and grey.shape == (64, 64)
    np.testing.assert_allclose(grey, RAMP / 4095, atol=1e-7)
    eight = read_dicom_pixels(make((RAMP // 16).astype(np.uint8), bits=8))
    np.testing.assert_allclose(eight, (RAMP // 16) / 255, atol=1e-7)


def test_bits_above_bits_stored_do_not_count():
    np.testing.assert_allclose(read_dicom_pixels(make(RAMP | 0xA000)), RAMP / 4095, atol=1e-7)


def test_signed_values():
    pixels = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    np.testing.assert_allclose(read_dicom_pixels(make(pixels)), RAMP / 4095, atol=1e-7)


def test_monochrome1_is_inverted_after_windowing():
    tags = {"WindowCenter": 1000, "WindowWidth": 800}
    one = read_dicom_pixels(make(RAMP, photometric="MONOCHROME1", **tags))
    two = read_dicom_pixels(make(RAMP, **tags))
    np.testing.assert_allclose(one, 1 - two, atol=1e-6)
    assert one.flat[0] == 1.0 and one.flat[4095] == 0.0 and one.flat[1000] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("rescale", [None, (2.0, -1024.0), (0.5, 0.0)])
def test_window_as_pydicom(function, rescale):
    tags = {"WindowCenter": [1500, 40], "WindowWidth": [900, 400]}
    if function:
        tags["VOILUTFunction"] = function
    low, high = 0.0, 4095.0
    if rescale:
        tags["RescaleSlope"], tags["RescaleIntercept"] = rescale
        low, high = (end * rescale[0] + rescale[1] for end in (low, high))
    dataset = make(RAMP, **tags)
    np.testing.assert_allclose(read_dicom_pixels(dataset), by_pydicom(dataset, low, high), atol=1e-6)


def test_window_by_hand():
    values = np.array([-1.0, 0.0, 2047.5, 4095.0, 5000.0])
    np.testing.assert_allclose(window(values, 2048, 4096), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(window(np.array([6.0, 10, 12, 14]), 10, 8, "LINEAR_EXACT"), [0, 0.5, 0.75, 1])
    np.testing.assert_allclose(window(np.array([10.0, 12]), 10, 8, "SIGMOID"), [0.5, 1 / (1 + np.exp(-1))])
    np.testing.assert_allclose(window(np.array([9.0, 10, 11]), 10, 1), [0, 1, 1])


def test_rescale_alone_maps_its_range():
    plain = read_dicom_pixels(make(RAMP, RescaleSlope=3, RescaleIntercept=-500))
    np.testing.assert_allclose(plain, RAMP / 4095, atol=1e-6)
    falling = read_dicom_pixels(make(RAMP, RescaleSlope=-1, RescaleIntercept=4095))
    np.testing.assert_allclose(falling, 1 - RAMP / 4095, atol=1e-6)


@pytest.mark.parametrize(
    "tags", [{"WindowCenter": 100, "WindowWidth": 0}, {"WindowCenter": "", "WindowWidth": ""}]
)
def test_useless_window_counts_as_none(tags):
    np.testing.assert_allclose(read_dicom_pixels(make(RAMP, **tags)), RAMP / 4095, atol=1e-7)


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_voi_lut_as_pydicom_and_before_the_window(bits, as_bytes):
    values = (np.linspace(0, 1, 3000) ** 2 * (2**bits - 1)).astype(np.uint16)
    item = lut_item(500, values, bits)
    if as_bytes:
        item.add_new("LUTData", "OW", values.astype("<u2").tobytes())
    dataset = make(RAMP, VOILUTSequence=[item], WindowCenter=100, WindowWidth=10)
    grey = read_dicom_pixels(dataset)
    np.testing.assert_allclose(grey, by_pydicom(dataset, 0, 2**bits - 1), atol=1e-6)
    assert grey.flat[0] == 0 and grey.flat[4095] == 1


def test_eight_bit_voi_lut_by_hand():
    values = (np.arange(4096) // 16).astype(int)[::-1]
    grey = read_dicom_pixels(make(RAMP, VOILUTSequence=[lut_item(0, values, 8)]))
    np.testing.assert_allclose(grey.ravel(), values / 255, atol=1e-6)


def test_voi_lut_with_negative_first_value():
    pixels = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    values = np.minimum(np.arange(4096) * 2, 4095)
    dataset = make(pixels, VOILUTSequence=[lut_item(-2048, values, 12)])
    np.testing.assert_allclose(read_dicom_pixels(dataset).ravel(), values / 4095, atol=1e-6)


def test_modality_lut_as_pydicom():
    values = np.sqrt(np.linspace(0, 1, 4096)) * 65535
    item = lut_item(0, values.astype(np.uint16), 16)
    item.ModalityLUTType = "US"
    dataset = make(RAMP, ModalityLUTSequence=[item])
    np.testing.assert_allclose(read_dicom_pixels(dataset), by_pydicom(dataset, 0, 65535), atol=1e-6)


def test_padding_is_black_in_both_interpretations():
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        dataset = make(RAMP, photometric=photometric)
        dataset.add_new("PixelPaddingValue", "US", 4000)
        dataset.add_new("PixelPaddingRangeLimit", "US", 4095)
        grey = read_dicom_pixels(dataset).ravel()
        assert (grey[4000:] == 0).all() and grey[3999] != 0


def test_first_of_several_frames_and_colour():
    frames = np.stack([RAMP, RAMP[::-1]])
    np.testing.assert_allclose(read_dicom_pixels(make(frames)), RAMP / 4095, atol=1e-7)
    colour = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    luma = colour @ np.array([0.299, 0.587, 0.114]) / 255
    grey = read_dicom_pixels(make(colour, bits=8, photometric="RGB"))
    np.testing.assert_allclose(grey, luma, atol=1e-6)


def test_files_big_endian_rle_and_without_preamble(tmp_path):
    make(RAMP, syntax=ExplicitVRBigEndian).save_as(tmp_path / "big.dcm", enforce_file_format=True)
    rle = make(RAMP)
    rle.compress(RLELossless)
    rle.save_as(tmp_path / "rle.dcm", enforce_file_format=True)
    bare = make(RAMP)
    del bare.file_meta
    bare.save_as(tmp_path / "bare.dcm", implicit_vr=True, little_endian=True)
    for name in ("big", "rle", "bare"):
        np.testing.assert_allclose(read_dicom_pixels(tmp_path / f"{name}.dcm"), RAMP / 4095, atol=1e-7)


def test_jpeg2000_file(tmp_path):
    pytest.importorskip("openjpeg")
    dataset = make(RAMP)
    dataset.compress(JPEG2000Lossless)
    dataset.save_as(tmp_path / "j2k.dcm", enforce_file_format=True)
    np.testing.assert_allclose(read_dicom_pixels(tmp_path / "j2k.dcm"), RAMP / 4095, atol=1e-7)


@pytest.mark.parametrize(
    "name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "MR_small_RLE.dcm"]
)
def test_compressed_files_equal_their_uncompressed_twin(name):
    folder = Path(pydicom.data.__file__).parent / "test_files"
    if not (folder / name).is_file():
        pytest.skip("this pydicom carries no such example")
    np.testing.assert_array_equal(
        read_dicom_pixels(folder / name), read_dicom_pixels(folder / "MR_small.dcm")
    )


def test_damaged_files_are_named(tmp_path):
    whole = tmp_path / "whole.dcm"
    make(RAMP).save_as(whole, enforce_file_format=True)
    content = whole.read_bytes()
    rle = make(RAMP)
    rle.compress(RLELossless)
    rle.save_as(tmp_path / "rle.dcm", enforce_file_format=True)
    cases = {
        "cut.dcm": content[:-3000],
        "header.dcm": content[:180],
        "noise.dcm": np.random.default_rng(0).bytes(5000),
        "text.dcm": b"not a picture",
        "rle_cut.dcm": (tmp_path / "rle.dcm").read_bytes()[:-900],
    }
    for name, damaged in cases.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{name}: cannot be decoded as DICOM"):
            read_dicom_pixels(tmp_path / name)


def test_dicom_without_pixels_is_named(tmp_path):
    dataset = make(RAMP)
    del dataset.PixelData
    dataset.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    with pytest.raises(UserError, match="no PixelData"):
        read_dicom_pixels(tmp_path / "report.dcm")


def test_recognised_by_mark_or_suffix(tmp_path):
    make(RAMP).save_as(tmp_path / "x", enforce_file_format=True)
    (tmp_path / "y.DCM").write_bytes(b"")
    (tmp_path / "z.png").write_bytes(b"\x89PNG")
    assert is_dicom(tmp_path / "x") and is_dicom(tmp_path / "y.DCM") and not is_dicom(tmp_path / "z.png")


def test_header(tmp_path):
    make(RAMP, ViewPosition="LL", PatientSex="F", PatientAge="061Y", PatientID="p").save_as(
        tmp_path / "x.dcm", enforce_file_format=True
    )
    header = read_dicom_header(tmp_path / "x.dcm")
    assert header == {
        "view": "LATERAL",
        "position": "unknown",
        "sex": "F",
        "age": 61.0,
        "patient_id": "p",
        "study_id": None,
        "image": True,
    }
    (tmp_path / "y.dcm").write_bytes(b"no")
    with pytest.raises(UserError, match=r"y\.dcm: cannot be read as DICOM"):
        read_dicom_header(tmp_path / "y.dcm")


def test_real_files_are_each_others_negative(shared_data):
    files = sorted((shared_data / "dicom").glob("*.dcm"))
    kinds = {str(pydicom.dcmread(path).PhotometricInterpretation): read_dicom_pixels(path) for path in files}
    np.testing.assert_allclose(kinds["MONOCHROME1"], 1 - kinds["MONOCHROME2"], atol=1e-6)
    film = kinds["MONOCHROME2"]
    assert film.shape == (1024, 1024)
    # The MONOCHROME2 one shows as a film should: spine and abdomen brighter than the lungs.
    assert film[300:700, 480:540].mean() > film[350:600, 250:400].mean() + 0.1
