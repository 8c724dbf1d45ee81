"""Recordings: one patient, a beating heart, and contrast agent that comes and goes."""

import numpy as np
import pytest

from vasolib.data.synthetic.cine import make_cine
from vasolib.data.synthetic.styles import STYLES


@pytest.fixture(scope="module")
def cine():
    return list(make_cine(0, 2, STYLES["a"], 128, frames=30, rate=5.0))


def test_shows_one_patient(cine):
    assert len({frame.view for frame in cine}) == 1
    assert len({(frame.side, frame.dominance, frame.stenoses) for frame in cine}) == 1


def test_contrast_agent_comes_and_goes(cine):
    amounts = np.array([frame.contrast for frame in cine])
    labelled = np.array([frame.labels.mask.mean() for frame in cine])
    assert labelled[0] == labelled[1] == 0 and amounts[0] < 0.01
    assert amounts.max() > 0.8 and labelled.max() > 0.02
    assert amounts[-1] < 0.5 * amounts.max()


def test_the_heart_beats_and_the_noise_is_new(cine):
    assert len({frame.cardiac for frame in cine}) == len(cine)
    assert not np.array_equal(cine[0].image, cine[1].image)


def test_the_body_stays(cine):
    before, after = (cine[n].image.astype(float).reshape(32, 4, 32, 4).mean(axis=(1, 3)) for n in (0, 1))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.95


def test_is_the_same_again(cine):
    again = make_cine(0, 2, STYLES["a"], 128, frames=4, rate=5.0)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(cine, again, strict=False))
