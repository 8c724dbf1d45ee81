"""How many stages run side by side where nobody says."""

import os

import pytest

from vasolib.cores import available_cores, usual_jobs


def test_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 8}, raising=False)
    assert available_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


def test_stages_do_not_share_a_gpu_unless_told_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert usual_jobs() == available_cores()
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert usual_jobs() == 1
