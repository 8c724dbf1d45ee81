"""Growing arrays: numpy's own files at the end, and whole images before it."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from vasolib.data.growing import growing

IMAGES = np.random.default_rng(0).integers(0, 256, (1234, 5, 5), dtype=np.uint8)


def write(path: Path, count: int) -> None:
    """A call that is killed after so many images."""
    with suppress(KeyboardInterrupt), growing(path, 5) as images:
        for image in IMAGES[:count]:
            images.append(image)
        raise KeyboardInterrupt


def test_the_file_is_what_numpy_writes(tmp_path):
    np.save(tmp_path / "want.npy", IMAGES)
    with growing(tmp_path / "x.npy", 5) as images:
        for image in IMAGES:
            images.append(image)
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "want.npy").read_bytes()


@pytest.mark.parametrize("lost", [0, 1, 24, 25, 26, 75, 100, 10_000])
def test_it_goes_on_behind_the_last_whole_image(tmp_path, lost):
    path = tmp_path / "x.npy"
    write(path, 3)
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - lost)])
    with growing(path, 5) as images:
        assert images.count == max(0, 3 - -(-lost // 25))
        for image in IMAGES[images.count : 7]:
            images.append(image)
    assert np.array_equal(np.load(path), IMAGES[:7]) and [p.name for p in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("place", [0, 130, 128 + 24, 128 + 25, 128 + 99])
def test_it_goes_on_behind_the_last_image_before_one_that_changed(tmp_path, place):
    path = tmp_path / "x.npy"
    write(path, 4)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with growing(path, 5) as images:
        assert images.held == 4 and images.count == (4 if place < 128 else (place - 128) // 25)
        for image in IMAGES[images.count : 7]:
            images.append(image)
    assert np.array_equal(np.load(path), IMAGES[:7])


def test_it_begins_anew_without_its_checksums(tmp_path):
    write(tmp_path / "x.npy", 3)
    (tmp_path / "x.npy.sums").unlink()
    with growing(tmp_path / "x.npy", 5) as images:
        assert images.count == 0


def test_images_at_the_end_can_be_dropped(tmp_path):
    with growing(tmp_path / "x.npy", 5) as images:
        for image in IMAGES[:4]:
            images.append(image)
        images.truncate(2)
        images.append(IMAGES[9])
    assert np.array_equal(np.load(tmp_path / "x.npy"), IMAGES[[0, 1, 9]])
