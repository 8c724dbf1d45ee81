from functools import partial

import numpy as np
import pytest
from PIL import Image

from vasolib import anatomy
from vasolib.errors import UserError


def test_reference_masks_are_met_pixel_for_pixel(reference, real):
    expected = sorted((reference / "anatomy").glob("*.png"))
    assert len(expected) >= 12
    for path in expected:
        name, stem = path.stem.split("__")
        source = next((real / name / "images").glob(f"{stem}.*"))
        image = np.asarray(Image.open(source).convert("L"))
        want = np.asarray(Image.open(path)) > 0
        assert np.array_equal(anatomy.reference_anatomy(image).astype(bool), want), path.name


def flood(allowed: np.ndarray, seed: tuple[int, int]) -> np.ndarray:
    """Slow oracle: a stack over 4-neighbours."""
    seen, stack = np.zeros_like(allowed), [seed]
    while stack:
        y, x = stack.pop()
        if 0 <= y < allowed.shape[0] and 0 <= x < allowed.shape[1] and allowed[y, x] and not seen[y, x]:
            seen[y, x] = True
            stack += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return seen


def test_region_growing_equals_flood_fill():
    rng = np.random.default_rng(0)
    for _ in range(20):
        strength = rng.integers(0, 6, (40, 40)).astype(np.uint8)
        strength[:3] = strength[-3:] = 0
        strength[:, :3] = strength[:, -3:] = 0
        allowed = (strength >= np.percentile(strength, 60)) & (strength > 0)
        seed = np.unravel_index(np.argmax(strength), strength.shape)
        got = anatomy.grow_region(strength, percentile=60, border=3)
        assert np.array_equal(got.astype(bool), flood(allowed, seed))


def test_diagonal_neighbours_are_not_connected():
    strength = np.zeros((8, 8), np.uint8)
    strength[2, 2], strength[3, 3] = 9, 8
    assert anatomy.grow_region(strength, border=0).sum() == 1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_image_has_no_anatomy(value):
    assert anatomy.reference_anatomy(np.full((64, 64), value, np.uint8)).sum() == 0


def dark_bar(width: int) -> np.ndarray:
    image = np.full((128, 128), 200, np.uint8)
    image[:, 64 - width // 2 : 64 - width // 2 + width] = 100
    return image


@pytest.mark.parametrize("width", [3, 5, 7])
def test_dark_bars_answer_and_bright_ones_do_not(width):
    bar = dark_bar(width)
    assert anatomy.vesselness(bar)[64, 64] > 10
    assert anatomy.vesselness(255 - bar)[64, 64] == 0


def test_eq_1_as_printed_misses_dark_vessels():
    rows = slice(30, -30)
    bar = dark_bar(5)
    assert anatomy.vesselness_eq1(bar)[rows, 64].max() < 1e-6
    assert anatomy.vesselness(bar)[rows, 64].min() > 10


def test_smaller_images_are_filtered_at_the_working_size():
    bar = np.full((256, 256), 200, np.uint8)
    bar[40:-40, 126:129] = 100
    mask = anatomy.extract_anatomy(bar, percentile=98, border=20, working_side=512)
    assert mask.shape == bar.shape
    assert mask[60:-60, 127].all()
    assert mask[:, :120].sum() == mask[:, 135:].sum() == 0


RECIPE = partial(anatomy.extract_anatomy, percentile=92, border=3, working_side=128)
IMAGES = np.stack([dark_bar(width) for width in (3, 7, 5, 9)])
ROWS = [2, 0, 3]


@pytest.mark.parametrize("jobs", [1, 2])
def test_masks_on_disk_are_those_of_the_rows_in_their_order(tmp_path, jobs):
    found = anatomy.extract_to(tmp_path / "kind" / "x.npy", IMAGES, ROWS, RECIPE, jobs)
    want = np.stack([RECIPE(IMAGES[row]) for row in ROWS])
    assert np.array_equal(found, want) and found.dtype == np.uint8 and isinstance(found, np.memmap)
    np.save(tmp_path / "want.npy", want)
    assert (tmp_path / "kind" / "x.npy").read_bytes() == (tmp_path / "want.npy").read_bytes()


def test_extraction_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr("vasolib.parallel.BATCH", 1)
    seen = []

    def extract(image, last):
        seen.append(int(np.flatnonzero((image == IMAGES).all(axis=(1, 2)))[0]))
        if len(seen) == last:
            raise KeyboardInterrupt
        return RECIPE(image)

    path = tmp_path / "x.npy"
    with pytest.raises(KeyboardInterrupt):
        anatomy.extract_to(path, IMAGES, ROWS, partial(extract, last=2), jobs=1)
    assert not path.exists()
    for _ in range(2):  # the second time all is there
        found = anatomy.extract_to(path, IMAGES, ROWS, partial(extract, last=None), jobs=1)
        assert np.array_equal(found, [RECIPE(IMAGES[row]) for row in ROWS])
        assert seen == [2, 0, 0, 3]


def test_images_without_a_vessel_are_listed_and_too_many_of_them_refused(tmp_path, capsys):
    masks, ids, path = np.ones((10, 4, 4), np.uint8), [f"image {i}" for i in range(10)], tmp_path / "empty.csv"
    path.write_text("of an earlier run")
    anatomy.check_found(masks, ids, "reference", path)
    assert not path.exists() and capsys.readouterr().out == ""
    masks[[3, 7]] = 0
    anatomy.check_found(masks, ids, "reference", path)
    assert path.read_text() == "image\nimage 3\nimage 7\n"
    assert (
        "warning: the reference extraction finds no vessel in 2 of 10 images, listed in empty.csv beside the masks"
        in capsys.readouterr().out
    )
    masks[0] = 0
    with pytest.raises(UserError, match=r"no vessel in 3 of 10 images, listed in .*, expected at most 20 %"):
        anatomy.check_found(masks, ids, "reference", path)
    assert path.read_text().count("image ") == 3
