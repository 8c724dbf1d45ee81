"""Reading one image or mask: formats, depths, orientation, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from vasolib.data import reading
from vasolib.data.left_out import BadFile
from vasolib.data.reading import MIN_SIDE, read_bytes, read_image, read_mask

GREY = np.add.outer(np.arange(0, 240, 12), np.arange(15)).astype(np.uint8)  # (20, 15)


def save(path, values=GREY, **options):
    Image.fromarray(values).save(path, **options)
    return path


def enlarged(*rows, dtype=np.uint8):
    """Small values, each as a block of pixels, and the way back."""
    return np.kron(np.array(rows, dtype), np.ones((MIN_SIDE, MIN_SIDE), dtype))


def reduced(values):
    return values[::MIN_SIDE, ::MIN_SIDE].tolist()


@pytest.mark.parametrize("suffix", ["png", "pgm", "bmp", "tif", "tiff", "PNG"])
def test_eight_bits_come_back_exactly(tmp_path, suffix):
    assert np.array_equal(read_image(save(tmp_path / f"x.{suffix}")), GREY)


def test_jpeg_comes_back_nearly(tmp_path):
    found = read_image(save(tmp_path / "x.jpg", quality=95)).astype(int)
    assert abs(found - GREY).max() <= 6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_colour_transparency_and_palette_become_luminance(tmp_path, mode):
    path = tmp_path / "x.png"
    Image.fromarray(GREY).convert(mode).save(path)
    assert np.array_equal(read_image(path), GREY)
    red = Image.new("RGB", (20, 10), (255, 0, 0))
    red.paste((0, 255, 0), (0, 0, 20, 5))
    red.save(path)
    assert read_image(path)[[0, -1], 0].tolist() == [150, 76]  # 0.587 x 255, 0.299 x 255


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
def test_sixteen_bits_are_stretched_between_their_extremes(tmp_path, suffix):
    values = enlarged([1000, 1000 + 51 * 8], [1000 + 102 * 8, 1000 + 255 * 8], dtype=np.uint16)
    assert reduced(read_image(save(tmp_path / f"x.{suffix}", values))) == [[0, 51], [102, 255]]


def test_floats_are_stretched(tmp_path):
    values = enlarged([-1, 0], [0.5, 1], dtype=np.float32)
    assert reduced(read_image(save(tmp_path / "x.tif", values))) == [[0, 128], [191, 255]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, bad):
    path = save(tmp_path / "x.tif", enlarged([0, bad], dtype=np.float32))
    with pytest.raises(BadFile, match=r"x\.tif.*not finite"):
        read_image(path)


def test_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    assert np.array_equal(read_image(save(tmp_path / "x.png", exif=exif)), np.rot90(GREY, -1))


@pytest.mark.parametrize("suffix", ["png", "jpg", "pgm", "bmp", "tif"])
def test_truncated_files_are_named(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    path = save(tmp_path / f"x.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadFile, match=rf"x\.{suffix} cannot be read"):
        read_image(path)


@pytest.mark.parametrize("content", [b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(BadFile, match=r"x\.png cannot be read"):
        read_image(tmp_path / "x.png")


def test_several_frames_are_refused(tmp_path):
    save(tmp_path / "x.tif", save_all=True, append_images=[Image.fromarray(GREY)])
    with pytest.raises(BadFile, match=r"x\.tif holds 2 frames"):
        read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_masks_of_any_range(tmp_path, top):
    values = enlarged([0, top], [top // 3, 0], dtype=np.uint16 if top > 255 else np.uint8)
    mask = read_mask(save(tmp_path / "m.png", values), values.shape)
    assert reduced(mask) == [[0, 1], [0, 0]] and mask.dtype == np.uint8


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(BadFile, match=r"m\.png is 15 x 20 pixels, its image 15 x 21"):
        read_mask(save(tmp_path / "m.png"), (21, 15))


def test_no_other_decoder_runs(tmp_path):
    for suffix in ("gif", "webp", "eps"):
        Image.fromarray(GREY).convert("RGB").save(tmp_path / f"x.{suffix}")
        (tmp_path / f"x.{suffix}").rename(tmp_path / "x.png")
        with pytest.raises(BadFile, match=r"x\.png cannot be read as an image \(of no known format\)"):
            read_image(tmp_path / "x.png")


def test_no_more_is_read_than_an_image_can_have(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png")
    size = path.stat().st_size
    monkeypatch.setattr(reading, "MAX_BYTES", size)
    assert read_bytes(path) == path.read_bytes()
    monkeypatch.setattr(reading, "MAX_BYTES", size - 1)
    with pytest.raises(BadFile, match=rf"x\.png has more than {size - 1} bytes"):
        read_bytes(path)


def test_pixels_are_counted_before_they_are_decoded(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png")
    monkeypatch.setattr(reading, "MAX_PIXELS", GREY.size - 1)
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(BadFile, match=r"x\.png is 15 x 20 pixels, expected at most 299"):
        read_image(path)


def test_lack_of_memory_is_not_the_files_fault(tmp_path, monkeypatch):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(reading, "_decoded", exhausted)
    with pytest.raises(MemoryError):
        read_image(save(tmp_path / "x.png"))


def test_real_frames_and_masks_are_all_good(real):
    images = sorted(real.glob("*/images/*"))[::40]
    assert images and all(read_image(path).std() > 0 for path in images)
    masks = sorted(real.glob("*/masks/*"))[::8]
    assert all(read_mask(path, read_image(path.parents[1] / "images" / path.name).shape).mean() > 0 for path in masks)
