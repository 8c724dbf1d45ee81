"""Growing arrays: numpy's own files at the end, and whole images before it."""

import numpy as np
import pytest

from vasolib.data.growing import growing

IMAGES = np.random.default_rng(0).integers(0, 256, (1234, 5, 5), dtype=np.uint8)


def test_the_file_is_what_numpy_writes(tmp_path):
    np.save(tmp_path / "want.npy", IMAGES)
    with growing(tmp_path / "x.npy", 5) as images:
        for image in IMAGES:
            images.append(image)
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "want.npy").read_bytes()


@pytest.mark.parametrize("lost", [0, 1, 24, 25, 26, 75, 100, 10_000])
def test_it_goes_on_behind_the_last_whole_image(tmp_path, lost):
    path = tmp_path / "x.npy"
    with growing(path, 5) as images:
        for image in IMAGES[:3]:
            images.append(image)
    content = path.read_bytes()
    path.write_bytes(content[: max(0, len(content) - lost)])
    with growing(path, 5) as images:
        assert images.count == max(0, 3 - -(-lost // 25))
        for image in IMAGES[images.count : 7]:
            images.append(image)
    assert np.array_equal(np.load(path), IMAGES[:7])


def test_images_at_the_end_can_be_dropped(tmp_path):
    with growing(tmp_path / "x.npy", 5) as images:
        for image in IMAGES[:4]:
            images.append(image)
        images.truncate(2)
        images.append(IMAGES[9])
    assert np.array_equal(np.load(tmp_path / "x.npy"), IMAGES[[0, 1, 9]])
