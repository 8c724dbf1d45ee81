"""Reading sets from disk: formats, depths, layout, and a split that no order or machine changes."""

import hashlib
import random

import numpy as np
import pytest
from PIL import Image

from vasolib.data.folder import find_sets, frames_of, patient_of, read_image, read_mask, split_by_patient
from vasolib.errors import UserError

GREY = np.add.outer(np.arange(0, 240, 12), np.arange(15)).astype(np.uint8)  # (20, 15)


def save(path, values=GREY, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return path


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
    red = Image.new("RGB", (4, 3), (255, 0, 0))
    red.save(path)
    assert read_image(path).tolist() == [[76] * 4] * 3  # 0.299 x 255


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
def test_sixteen_bits_are_stretched_between_their_extremes(tmp_path, suffix):
    values = np.array([[1000, 1000 + 51 * 8], [1000 + 102 * 8, 1000 + 255 * 8]], np.uint16)
    assert read_image(save(tmp_path / f"x.{suffix}", values)).tolist() == [[0, 51], [102, 255]]


def test_floats_are_stretched_and_constants_are_zero(tmp_path):
    values = np.array([[-1, 0], [0.5, 1]], np.float32)
    assert read_image(save(tmp_path / "x.tif", values)).tolist() == [[0, 128], [191, 255]]
    assert not read_image(save(tmp_path / "c.tif", np.full((3, 3), 7.5, np.float32))).any()
    assert read_image(save(tmp_path / "e.png", np.full((3, 3), 7, np.uint8))).tolist() == [[7] * 3] * 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, bad):
    path = save(tmp_path / "x.tif", np.array([[0, bad]], np.float32))
    with pytest.raises(UserError, match=r"x\.tif.*not finite"):
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
    with pytest.raises(UserError, match=rf"x\.{suffix} cannot be read"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.png cannot be read"):
        read_image(tmp_path / "x.png")


def test_several_frames_are_refused(tmp_path):
    save(tmp_path / "x.tif", save_all=True, append_images=[Image.fromarray(GREY)])
    with pytest.raises(UserError, match=r"x\.tif holds 2 frames"):
        read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_masks_of_any_range(tmp_path, top):
    values = np.array([[0, top], [top // 3, 0]], np.uint16 if top > 255 else np.uint8)
    assert read_mask(save(tmp_path / "m.png", values), (2, 2)).tolist() == [[0, 1], [0, 0]]
    assert not read_mask(save(tmp_path / "m.png", 0 * values), (2, 2)).any()


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(UserError, match=r"m\.png is 15 x 20 pixels, its image 15 x 21"):
        read_mask(save(tmp_path / "m.png"), (21, 15))


def test_sets_are_found_with_aligned_masks(tmp_path):
    for stem in ("b_1", "a_1"):
        save(tmp_path / "real" / "images" / f"{stem}.png")
        save(tmp_path / "real" / "masks" / f"{stem}.bmp")
        save(tmp_path / "corpus" / "images" / f"{stem}.jpg")
    save(tmp_path / "real" / "images" / ".hidden.png")
    (tmp_path / "real" / "images" / "notes.txt").write_text("not an image")
    (tmp_path / "README.md").write_text("not a set")
    save(tmp_path / "stenosis" / "images" / "s.png")
    (tmp_path / "stenosis" / "boxes").mkdir()
    sets, left_out = find_sets(tmp_path)
    assert list(sets) == ["corpus", "real"] and list(left_out) == ["stenosis"]
    assert "detection" in left_out["stenosis"]
    assert [path.name for path in sets["real"].images] == ["a_1.png", "b_1.png"]
    assert [path.name for path in sets["real"].masks] == ["a_1.bmp", "b_1.bmp"]
    assert sets["corpus"].masks is None


def test_a_missing_mask_is_counted(tmp_path):
    for stem in "abc":
        save(tmp_path / "real" / "images" / f"{stem}.png")
    save(tmp_path / "real" / "masks" / "a.png")
    with pytest.raises(UserError, match=r"b\.png has no mask \(2 of 3"):
        find_sets(tmp_path)


def test_two_images_of_one_stem_are_refused(tmp_path):
    save(tmp_path / "real" / "images" / "a.png")
    save(tmp_path / "real" / "images" / "a.jpg")
    with pytest.raises(UserError, match=r"a\.jpg and a\.png"):
        find_sets(tmp_path)


def test_a_wrong_root_explains_the_layout(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty" / "images").mkdir(parents=True)
    for root, found in (
        (tmp_path / "none", "does not exist"),
        (tmp_path / "file", "not a folder"),
        (tmp_path, "empty"),
    ):
        with pytest.raises(UserError, match=r"one sub-folder per set.*images.*masks") as caught:
            find_sets(root)
        assert found in str(caught.value)


def test_patients():
    assert [patient_of(stem) for stem in ("P3_C3_f039", "00018_33", "12")] == ["P3", "00018", "12"]


def test_split_is_exact_and_depends_on_names_alone():
    stems = [str(i) for i in range(100)]
    parts = dict(zip(stems, split_by_patient("x", stems), strict=True))
    assert list(parts.values()).count("test") == 30
    shuffled = random.Random(1).sample(stems, 100)
    assert dict(zip(shuffled, split_by_patient("x", shuffled), strict=True)) == parts
    assert split_by_patient("y", stems) != list(parts.values())
    first = min(stems, key=lambda stem: hashlib.sha256(f"x/{stem}".encode()).hexdigest())
    assert parts[first] == "test"
    assert split_by_patient("x", ["a", "b", "c", "d"]) == ["test", "test", "train", "train"]  # by sha256sum


def test_no_patient_is_in_both_parts():
    stems = [f"P{i % 7}_f{i}" for i in range(200)]
    parts = split_by_patient("x", stems, 0.25)
    pairs = {(patient_of(stem), part) for stem, part in zip(stems, parts, strict=True)}
    assert len(pairs) == 7 and {part for _, part in pairs} == {"train", "test"}
    assert parts.count("test") >= 50
    assert set(split_by_patient("x", ["a_1"] + ["b_1"] * 99)) == {"train", "test"}
    with pytest.raises(UserError, match="1 patient"):
        split_by_patient("x", ["a_1", "a_2"])


def test_frames_carry_names_hashes_and_parts(tmp_path):
    image = save(tmp_path / "real" / "images" / "p1_7.png")
    save(tmp_path / "real" / "masks" / "p1_7.png", (GREY > 99).astype(np.uint8))
    found = next(frames_of(find_sets(tmp_path)[0]["real"], ["test"]).fitted(20, 0, jobs=1))
    assert (found.id, found.source, found.split, found.patient) == ("real/p1_7", "real", "test", "p1")
    assert found.sha256 == hashlib.sha256(image.read_bytes()).hexdigest()
    shown = np.s_[:, 2:17]  # padded to a square
    assert np.array_equal(found.image[shown], GREY) and np.array_equal(found.mask[shown], GREY > 99)
    save(tmp_path / "corpus" / "images" / "p1_7.png")
    corpus = next(frames_of(find_sets(tmp_path)[0]["corpus"], None).fitted(20, 0, jobs=1))
    assert corpus.mask is None and corpus.split == "train"
