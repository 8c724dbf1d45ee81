"""The bolus: in at the ostium, out again, and stills that show it at all stages."""

import numpy as np
import pytest

from vasolib.data.synthetic.contrast import Injection, draw_injection, filled_share, snapshot_time

BOLUS = Injection(start=0.5, duration=3.0, velocity=150.0, mixing=0.05)
PATH = np.linspace(0, 180, 100)


def test_nothing_before_everything_after_and_little_at_the_end():
    assert BOLUS.concentration(PATH, 0.0).max() < 1e-3
    assert BOLUS.concentration(PATH, BOLUS.filled(180)).min() > 0.95
    assert BOLUS.concentration(PATH, 10.0).max() < 0.05


def test_the_front_runs_and_the_tail_follows():
    assert np.all(np.diff(BOLUS.concentration(PATH, 1.0)) <= 0)
    assert BOLUS.concentration(np.array([75.0]), 1.0)[0] == pytest.approx(0.5, abs=0.01)  # 0.5 s at 150 mm/s
    assert np.all(np.diff(BOLUS.concentration(PATH, 3.9)) >= 0)


def test_stills_are_full_unless_asked_for():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        bolus = draw_injection(rng)
        full = snapshot_time(np.random.default_rng(seed), bolus, 150.0, incomplete=0.0)
        part = snapshot_time(np.random.default_rng(seed), bolus, 150.0, incomplete=1.0)
        assert bolus.concentration(PATH[PATH < 150], full).mean() > 0.8
        assert 0.05 < bolus.concentration(PATH[PATH < 150], part).mean() < 0.97


def test_share_is_weighted_by_length():
    assert filled_share([np.array([0.0, 30]), np.array([30.0, 40])], [np.ones(2), np.zeros(2)]) == pytest.approx(0.75)
