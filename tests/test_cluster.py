"""A real Dask cluster of two workers, one of them killed half way; and addresses where there is none."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vasolib import cluster, metrics, parallel
from vasolib.anatomy import extract_to
from vasolib.data.building import Frames, as_it_is, build_store
from vasolib.data.store import Frame
from vasolib.errors import UserError
from vasolib.metrics import Labels
from vasolib.parallel import spread

COUNT = 60


def address_without_anyone() -> str:
    """An address of this machine at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """Two worker processes of one thread each, which are started again when they die; a task may die once."""
    with local_cluster(2, tmp_path_factory.mktemp("dask")) as started:
        yield started


def local_cluster(count: int, scratch: Path):
    distributed = pytest.importorskip("dask.distributed")
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        return distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0", local_directory=scratch
        )


@pytest.fixture
def on_cluster(two_workers, monkeypatch):
    monkeypatch.setenv(parallel.ADDRESS, two_workers.scheduler_address)
    return two_workers


def test_an_error_of_a_task_arrives_as_it_is(on_cluster):
    with pytest.raises(UserError, match="bad item"):
        list(spread(refuse, range(8)))


def refuse(item: int) -> None:
    raise UserError("bad item")


def test_workers_that_come_later_are_given_work(monkeypatch, tmp_path):
    with local_cluster(2, tmp_path) as growing:
        monkeypatch.setenv(parallel.ADDRESS, growing.scheduler_address)
        monkeypatch.setattr(parallel, "AHEAD", 1)
        taken = []
        results = spread(abs, (taken.append(i) or i for i in range(100)))
        assert next(results) == 0 and len(taken) == 2 * parallel.BATCH
        growing.scale(4)
        growing.wait_for_workers(4)
        assert [next(results) for _ in range(len(taken))] == list(range(1, 2 * parallel.BATCH + 1))
        assert len(taken) == (2 + 4) * parallel.BATCH
        results.close()


def doubled(image: np.ndarray) -> tuple[np.ndarray, int]:
    """Twice the image, and the process that computed it."""
    return 2 * image, os.getpid()


def test_a_killed_worker_loses_nothing_and_repeats_nothing(on_cluster, tmp_path):
    images = numbered()
    found = list(spread(Once(doubled, tmp_path / "killed"), images))
    assert np.array_equal([double for double, _ in found], 2 * images)  # each once, in order
    assert (tmp_path / "killed").exists() and os.getpid() not in {process for _, process in found}


def test_scores_of_a_cluster_are_those_of_this_process(on_cluster, monkeypatch):
    labels, predictions = np.random.default_rng(0).random((2, 12, 32, 32)) < 0.6
    names, before = [f"image {i}" for i in range(12)], tasks_done(on_cluster)
    theirs = Labels.of(labels, names).score(predictions)
    assert tasks_done(on_cluster) > before
    monkeypatch.delenv(parallel.ADDRESS)
    assert theirs.equals(Labels.of(labels, names).score(predictions))


def tasks_done(started) -> int:
    """How many times a task of the cluster became one whose result lies with a worker."""
    return sum(row[2] == "memory" for row in started.scheduler.transition_log)


def test_scores_lose_nothing_where_a_worker_is_killed(on_cluster, monkeypatch, tmp_path):
    labels = np.stack([dark(image) for image in numbered()])
    predictions = np.roll(labels, 1, axis=1)
    predictions[:, 0, 0] = np.arange(COUNT)  # as any number but 0, a pixel of a vessel
    names = [f"image {i}" for i in range(COUNT)]
    known = Labels.of(labels, names)
    monkeypatch.setattr(metrics, "_scores", Once(metrics._scores, tmp_path / "killed"))
    theirs = known.score(predictions)
    assert (tmp_path / "killed").exists() and list(theirs["image"]) == names
    monkeypatch.undo()
    assert theirs.equals(known.score(predictions))


class Once:
    """A function whose first caller, in whatever process, is killed half way through its items."""

    def __init__(self, function: Callable, killed: Path) -> None:
        self.function, self.killed = function, killed

    def __call__(self, item: object) -> object:
        if item_number(item) == COUNT // 2 and not self.killed.exists():
            self.killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.function(item)


def item_number(item: object) -> int:
    """The number of a frame's name, or that in the corner of an image or of a prediction with its label."""
    if isinstance(item, Frame):
        return int(item.id)
    return int((item[0] if isinstance(item, tuple) else item)[0, 0])


def numbered() -> np.ndarray:
    """Images with a dark line, their number in the corner."""
    images = np.random.default_rng(0).integers(100, 120, (COUNT, 32, 32), dtype=np.uint8)
    images[:, 12:15] = 30
    images[:, 0, 0] = np.arange(COUNT)
    return images


def dark(image: np.ndarray) -> np.ndarray:
    return (image < 60).astype(np.uint8)


def stored(folder: Path, make: Callable) -> dict[str, bytes]:
    """The files of a store of those images."""
    frames = [Frame(str(i), "set", "train", "", str(i), image, None) for i, image in enumerate(numbered())]
    build_store(folder, Frames(frames, make), 16)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_store_and_anatomy_lose_nothing_where_a_worker_is_killed(on_cluster, monkeypatch, tmp_path):
    theirs = stored(tmp_path / "a", Once(as_it_is, tmp_path / "killed"))
    masks = extract_to(tmp_path / "a.npy", numbered(), range(COUNT), Once(dark, tmp_path / "killed too"))
    assert (tmp_path / "killed").exists() and (tmp_path / "killed too").exists()
    monkeypatch.delenv(parallel.ADDRESS)
    assert theirs == stored(tmp_path / "b", as_it_is)
    assert np.array_equal(masks, [dark(image) for image in numbered()])


def deadly(item: int) -> int:
    if item == 3:
        os._exit(1)
    return item


def test_a_task_that_kills_each_worker_is_an_error_and_no_endless_wait(on_cluster):
    # The last test on this cluster: both of its workers die.
    from distributed.scheduler import KilledWorker

    with pytest.raises(KilledWorker):
        list(spread(deadly, range(8)))


@pytest.mark.parametrize("address", ["nonsense", None])
def test_an_address_without_a_scheduler_is_named(address, monkeypatch):
    pytest.importorskip("dask.distributed")
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    address = address or address_without_anyone()
    monkeypatch.setenv(parallel.ADDRESS, address)
    with pytest.raises(UserError, match=f"no Dask scheduler answers at '{address}'"):
        next(spread(abs, range(3)))


def test_a_scheduler_without_workers_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    with local_cluster(0, tmp_path) as started:
        monkeypatch.setenv(parallel.ADDRESS, started.scheduler_address)
        with pytest.raises(UserError, match="has no worker: start some"):
            next(spread(abs, range(3)))


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    monkeypatch.setenv(parallel.ADDRESS, "tcp://scheduler:8786")
    with pytest.raises(UserError, match=r"Dask is not installed: run `pip install -e '\.\[cluster\]'`"):
        next(spread(abs, range(3)))
