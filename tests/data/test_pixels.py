import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.pixels import image_size, load_image, load_images, read_pixels, resize
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

GREY = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)


def saved(path, array, mode=None, **options):
    image = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_in_any_eight_bit_mode_is_exact(tmp_path, mode):
    pixels = read_pixels(saved(tmp_path / "x.png", GREY, mode))
    assert pixels.dtype == np.float32 and pixels.shape == (20, 30)
    np.testing.assert_array_equal(pixels, GREY.astype(np.float32) / np.float32(255))


def test_sixteen_and_one_bit(tmp_path):
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7)).astype(np.uint16)
    deep[0, :2] = 0, 65535
    np.testing.assert_allclose(read_pixels(saved(tmp_path / "d.png", deep)), deep / 65535, atol=1e-7)
    np.testing.assert_array_equal(read_pixels(saved(tmp_path / "b.png", GREY > 99)), (GREY > 99).astype("f4"))


def test_alpha_is_ignored_even_in_a_palette(tmp_path):
    rgba = np.dstack([GREY] * 3 + [np.full_like(GREY, 40)])
    np.testing.assert_allclose(read_pixels(saved(tmp_path / "a.png", rgba)), GREY / 255, atol=1e-6)
    saved(tmp_path / "p.png", GREY, "P", transparency=int(GREY[0, 0]))
    np.testing.assert_allclose(read_pixels(tmp_path / "p.png"), GREY / 255, atol=1e-6)


def test_colour_becomes_luma(tmp_path):
    colour = np.random.default_rng(2).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    expected = colour @ np.array([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(read_pixels(saved(tmp_path / "c.png", colour)), expected, atol=1 / 255)


def test_jpeg_and_its_rotation(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    np.testing.assert_allclose(
        read_pixels(saved(tmp_path / "x.jpg", smooth, quality=95)), smooth / 255, atol=0.02
    )
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    saved(tmp_path / "r.jpg", smooth, quality=95, exif=exif)
    np.testing.assert_allclose(read_pixels(tmp_path / "r.jpg"), np.rot90(smooth, -1) / 255, atol=0.02)


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (100, 200)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), 100 / 255)


def test_unreadable_files_are_named(tmp_path):
    whole = saved(
        tmp_path / "whole.png", np.random.default_rng(3).integers(0, 256, (99, 99)).astype(np.uint8)
    )
    saved(tmp_path / "f.tif", GREY.astype(np.float32))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:4000])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("<html>")
    for name, reason in [
        ("cut.png", "cannot be read as an image"),
        ("empty.png", "is empty"),
        ("text.png", "cannot be read as an image"),
        ("f.tif", "no known range"),
        ("none.png", "no such image file"),
        ("folder", "cannot be read as an image"),
    ]:
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=rf"{name}: .*{reason}") as raised:
            read_pixels(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_shrinking_is_the_mean_over_areas():
    pixels = np.random.default_rng(4).random((64, 64)).astype(np.float32)
    expected = pixels.reshape(16, 4, 16, 4).mean((1, 3))
    np.testing.assert_allclose(resize(pixels, 16), expected, atol=1e-6)
    np.testing.assert_allclose(resize(pixels, 16, "crop"), expected, atol=1e-6)


def test_shrinking_by_an_odd_factor_keeps_the_mean():
    pixels = np.random.default_rng(5).random((100, 100)).astype(np.float32)
    assert resize(pixels, 37).mean() == pytest.approx(pixels.mean(), abs=1e-3)


def test_pad_keeps_all_and_crop_keeps_the_centre():
    wide = np.zeros((40, 80), np.float32)
    wide[:, 20:60] = 1.0  # the centre square
    padded, cropped = resize(wide, 20, "pad"), resize(wide, 20, "crop")
    assert padded.shape == cropped.shape == (20, 20)
    assert (padded[:5] == 0).all() and (padded[15:] == 0).all()
    np.testing.assert_allclose(padded[5:15], np.tile(np.repeat([0.0, 1, 0], [5, 10, 5]), (10, 1)), atol=1e-6)
    np.testing.assert_allclose(cropped, 1.0)
    np.testing.assert_array_equal(resize(wide.T, 20, "pad"), padded.T)


def test_same_size_is_untouched_and_enlarging_stays_in_range():
    pixels = np.random.default_rng(6).random((16, 16)).astype(np.float32)
    np.testing.assert_array_equal(resize(pixels, 16), pixels)
    large = resize(pixels, 50)
    assert large.shape == (50, 50) and pixels.min() <= large.min() and large.max() <= pixels.max()
    assert resize(np.ones((1, 500), np.float32), 20).sum() == 20  # never thinner than one row


def test_many_images_in_order_with_the_bad_ones_listed(tmp_path):
    for value in range(9):
        saved(tmp_path / f"{value}.png", np.full((10, 10), 20 * value, np.uint8))
    (tmp_path / "3.png").write_bytes(b"")
    paths = [str(tmp_path / f"{value}.png") for value in range(9)] + [None]
    skipped = Skipped("encode")
    images, kept = load_images(paths, 8, skipped=skipped, workers=4, names=[f"i{i}" for i in range(10)])
    assert kept.tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert images.shape == (8, 1, 8, 8) and images.dtype == np.float32
    np.testing.assert_allclose(images[:, 0, 0, 0], 20 * kept / 255, atol=1e-6)
    assert skipped.to_frame()["item"].tolist() == ["i3", "i9"]
    assert "empty" in skipped.to_frame()["reason"].iloc[0]


def test_without_a_list_the_first_bad_image_stops(tmp_path):
    with pytest.raises(UserError, match="no such image file"):
        load_images([tmp_path / "none.png"])
    images, kept = load_images([], 8)
    assert images.shape == (0, 1, 8, 8) and kept.shape == (0,)


def test_unknown_aspect(tmp_path):
    with pytest.raises(UserError, match="unknown aspect 'stretch'; choose one of: pad, crop"):
        load_images([], aspect="stretch")
    with pytest.raises(UserError, match="unknown aspect"):
        resize(np.zeros((4, 4), np.float32), 2, "stretch")


def test_size_from_the_header(tmp_path):
    path = saved(tmp_path / "x.png", GREY)
    assert image_size(path) == (30, 20)
    path.write_bytes(path.read_bytes()[:60])  # the pixels are gone, the header is there
    assert image_size(path) == (30, 20)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.png: the size of the image cannot be read"):
        image_size(path)


def test_real_image_as_published(shared_data):
    path = shared_data / "chestxray14-1024" / "images" / "00000075_000.png"
    with Image.open(path) as image:
        red = np.asarray(image.convert("RGBA"))[..., 0]
    np.testing.assert_allclose(read_pixels(path), red / 255, atol=1e-6)
    assert load_image(path, 224).shape == (1, 224, 224)
    expected = red[:1024, :1024].reshape(128, 8, 128, 8).mean((1, 3)) / 255
    np.testing.assert_allclose(load_image(path, 128)[0], expected, atol=1e-5)
