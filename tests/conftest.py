"""The doll's house that tests share, the folder of reference outputs, and the switch for slow tests."""

import os
from pathlib import Path

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch.set_num_threads(1)  # fast and the same on busy machines
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser):
    parser.addoption("--runslow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--runslow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: add --runslow"))


def shared_folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the folder shared/{name} beside the project is absent")
    return folder


@pytest.fixture
def reference() -> Path:
    """Outputs of the authors' released code."""
    return shared_folder("reference")


@pytest.fixture
def real() -> Path:
    """Real angiograms, never copied into the project."""
    return shared_folder("real")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
