"""One undisturbed toy study, and copies of it to be disturbed."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.runs import finished, half_done, trainings
from tests.faults.toy import toy_project


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A toy study that has run, and the seconds that this took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    started = time.monotonic()
    run = finished(project := toy_project(folder / "project"), folder / "log")
    assert half_done(project) == [] and [at for *_, at, last in trainings(run.output) if at == last]
    return project, time.monotonic() - started


@pytest.fixture
def done(undisturbed: tuple[Path, float], tmp_path: Path) -> Path:
    """A copy of the finished toy study; DVC finds it up to date."""
    return shutil.copytree(undisturbed[0], tmp_path / "project", symlinks=True)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A toy study that has not run."""
    return toy_project(tmp_path / "project")


@pytest.fixture
def damage() -> Callable[..., None]:
    """Changes a file's bytes as a bad disk does: cut after `keep` of them, or one flipped at `flip`."""

    def change(path: Path, keep: int | None = None, flip: int | None = None) -> None:
        content = bytearray(path.read_bytes())
        if flip is not None:
            content[flip] ^= 0xFF
        path.chmod(0o644)
        path.write_bytes(content[:keep])

    return change
