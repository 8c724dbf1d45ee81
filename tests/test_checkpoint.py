"""States come back as they were, or not at all."""

import pickle
from pathlib import Path

import pytest
import torch

from tests.conftest import small_files
from vasolib.checkpoint import LENGTH, load, save

ADAM = {"state": {0: {"exp_avg": torch.full((5,), 0.1)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.95)}]}
CONTENT = {
    "model": {"weight": torch.arange(12.0).view(3, 4), "count": torch.tensor(7)},
    "optimizer": ADAM,
    "rows": [{"epoch": 1, "loss": 0.25}, {"epoch": 2, "loss": float("nan")}],
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    save(tmp_path / "unfinished" / "s.pt", CONTENT)
    return tmp_path / "unfinished" / "s.pt"


def same(found: object) -> bool:
    """Whether this is the content, bit for bit."""
    return repr(found) == repr(CONTENT)


def test_what_was_saved_comes_back(state: Path, capsys: pytest.CaptureFixture):
    found = load(state)
    assert same(found) and found["model"]["weight"].dtype == torch.float32
    assert capsys.readouterr().out == "" and [p.name for p in state.parent.iterdir()] == ["s.pt"]


def test_no_file_is_nothing_said(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert load(tmp_path / "absent.pt") is None and capsys.readouterr().out == ""


def test_a_newer_state_replaces_the_older(state: Path):
    save(state, {"rows": [1]})
    assert load(state) == {"rows": [1]}


@pytest.mark.parametrize("keep", [0, 1, 31, 32, 33, 1000, -33, -1])
def test_a_cut_is_found_and_told_in_one_line(state: Path, keep: int, capsys: pytest.CaptureFixture):
    state.write_bytes(state.read_bytes()[:keep])
    assert load(state) is None
    told = capsys.readouterr().out
    assert told.startswith(f"{state} is damaged (") and told.endswith("begins anew\n") and told.count("\n") == 1


@pytest.mark.parametrize("bits", [0x01, 0xFF])
def test_a_change_of_any_byte_is_found(state: Path, bits: int):
    # torch reads other numbers, or memory that was never written, where a size or an attribute of its archive changed
    whole = state.read_bytes()
    for place in range(len(whole)):
        state.write_bytes(whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :])
        assert load(state) is None, place


@pytest.mark.parametrize("content", [b"garbage" * 100, b"PK\x03\x04", bytes(4096)])
def test_what_is_no_state_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "s.pt").write_bytes(content)
    assert load(tmp_path / "s.pt") is None


def test_bytes_behind_the_end_are_found(state: Path):
    state.write_bytes(state.read_bytes() + bytes(LENGTH))
    assert load(state) is None


def test_code_in_a_file_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture):
    class Harmful:
        def __reduce__(self):
            return print, ("run",)

    save(tmp_path / "s.pt", {"rows": Harmful()})
    with pytest.raises(pickle.UnpicklingError):
        load(tmp_path / "s.pt")
    assert capsys.readouterr().out == ""


def test_a_save_that_fails_leaves_the_older_state(state: Path):
    with pytest.raises(OSError, match="File too large"), small_files():
        save(state, {"model": torch.zeros(10_000)})
    assert same(load(state)) and [p.name for p in state.parent.iterdir()] == ["s.pt"]
