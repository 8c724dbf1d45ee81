"""The doll's house that tests share, the folder of reference outputs, and a disk that is as good as full."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch.set_num_threads(1)  # fast and the same on busy machines
ROOT = Path(__file__).resolve().parents[1]
LONG = ("faults", "benchmarks", "test_stale", "test_nursery", "test_isolation")  # folders and files of tests
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first: last, one worker would have one of them to itself while the others wait."""
    items.sort(key=lambda item: item.path.parent.name not in LONG and item.path.stem not in LONG)


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


@contextmanager
def small_files() -> Iterator[None]:
    """No file may grow beyond 10,000 bytes, as on a full disk.

    Around the tested call only: the test runner's own output may be a longer file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
