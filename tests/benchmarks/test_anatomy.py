"""The plain recipe is the reference; a difference stops the benchmark."""

import numpy as np
import pytest

from benchmarks import anatomy
from vasolib.anatomy import reference_anatomy
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import named_style


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    (frame,) = make_frames(3, range(1), named_style("a"), 160, 1)
    return frame.image


def test_the_plain_way_is_the_recipe(image):
    mask = anatomy.plain_anatomy(image)
    assert mask.any() and np.array_equal(mask, reference_anatomy(image))


def test_a_mask_that_differs_is_told(image, monkeypatch):
    monkeypatch.setattr(anatomy, "SIDE", 96)
    monkeypatch.setattr(anatomy, "reference_anatomy", lambda image: 1 - reference_anatomy(image))
    with pytest.raises(AssertionError, match="1 of 1 frames differ"):
        anatomy.row(1, 1)


def test_the_command_writes_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr(anatomy, "SIDE", 96)
    assert anatomy.main(["--frames", "1", "--turns", "1", "--results", str(tmp_path)]) == 0
    assert "1 of 1 frames pixel-equal" in (tmp_path / "anatomy.csv").read_text()
