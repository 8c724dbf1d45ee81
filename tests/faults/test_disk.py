"""A full or read-only disk, and files that are cut or changed: named, and put right by the next start."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.runs import Run, finished, half_done, made, trainings
from tests.faults.toy import toy_project
from vasolib.remedies import DATABASE, DISK
from vasolib.study import ROOT
from vasolib.workspace import copy_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by their environment in /proc")
Damage = Callable[..., None]
PRETRAINED = Path("work", "smoke", "pretrain", "mae")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The place of a small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk; the same is tested with a limit on the size of files")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_named_and_a_start_with_more_space_goes_on(
    undisturbed: tuple[Path, float], small_disk: Path, tmp_path: Path
):
    project = toy_project(small_disk / "project")
    code = "from vasolib import workspace; workspace.MIN_DISK_GIB = 0.0"
    run = Run(project, tmp_path / "log", code=code)
    assert run.wait() == 1 and run.is_gone(), run.output
    assert os.strerror(errno.ENOSPC) in run.output and DISK[errno.ENOSPC] in run.output
    assert "Traceback" not in run.output
    subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
    again = Run(project, tmp_path / "again", code=code)
    assert again.wait() == 0, again.output
    assert made(project) == made(undisturbed[0]) and half_done(project) == []


def test_files_that_may_not_grow(undisturbed: tuple[Path, float], fresh: Path, tmp_path: Path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    run = Run(fresh, tmp_path / "log", "--cold", code=limit)
    assert run.wait() == 1 and run.is_gone()
    assert any(words in run.output for words in (os.strerror(errno.EFBIG), *DATABASE))  # DVC's may be the first
    assert "Traceback" not in run.output and DISK[errno.EFBIG] in run.output
    finished(fresh, tmp_path / "again")
    assert made(fresh) == made(undisturbed[0]) and half_done(fresh) == []


@pytest.fixture
def read_only() -> Iterator[Callable[[Path, bool], None]]:
    """Makes a folder read-only, for everybody, or no longer so."""
    bound: list[Path] = []

    def bind(folder: Path, on: bool) -> None:
        if on and subprocess.run(["mount", "--bind", folder, folder], capture_output=True).returncode:
            pytest.skip("this user may not mount")
        bound.append(folder)
        subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'},bind", folder], check=True)

    yield bind
    for folder in set(bound):
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_read_only_folder_of_results(done: Path, tmp_path: Path, read_only: Callable[[Path, bool], None]):
    before, results = made(done), done / "results" / "smoke"
    (results / "table.csv").write_text("edited", encoding="utf-8")
    read_only(results, True)
    run = Run(done, tmp_path / "log")
    assert run.wait() == 1
    assert os.strerror(errno.EROFS) in run.output and "table.csv" in run.output and DISK[errno.EROFS] in run.output
    assert run.output.splitlines()[-1].startswith("error: failed: tables")
    read_only(results, False)
    finished(done, tmp_path / "again")
    assert made(done) == before


def test_damage_that_dvc_sees(done: Path, tmp_path: Path, damage: Damage):
    before = made(done)
    damage(done / "work" / "smoke" / "stores" / "corpus" / "images.npy", keep=5000)
    damage(done / "work" / "smoke" / "stores" / "corpus" / "table.csv", keep=-7)
    damage(done / PRETRAINED / "model.safetensors", flip=300)
    damage(done / "results" / "smoke" / "table.csv", flip=50)
    damage(done / "work" / "smoke" / "runtimes" / "10_data.json", keep=20)
    (done / ".dvc" / "tmp" / "rwlock").write_text('{"write": {"x": {"pi', encoding="utf-8")
    (done / ".dvc" / "cache" / "files" / "md5" / ".0123456789abcdefghijkl.tmp").write_bytes(b"half")
    again = finished(done, tmp_path / "again")
    assert made(done) == before and half_done(done) == []
    assert "10_data.json was damaged and is removed" in again.output
    for path in ("work/smoke/stores", PRETRAINED.as_posix(), "results/smoke/table.csv"):
        assert f"{path} is not as " in again.output
    assert not list(trainings(again.output))  # what DVC keeps is not made again


@pytest.mark.parametrize("keep", [0, 700, -300])
def test_a_lock_file_that_was_cut_off(done: Path, tmp_path: Path, damage: Damage, keep: int):
    before = made(done)
    damage(done / "dvc.lock", keep=keep)
    again = finished(done, tmp_path / "again")
    assert made(done) == before and half_done(done) == []
    assert not list(trainings(again.output))


def test_damage_that_only_a_checksum_shows(done: Path, tmp_path: Path, damage: Damage):
    before, path = made(done), done / PRETRAINED / "model.safetensors"
    times = path.stat()
    damage(path, flip=-5)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert made(done) != before
    asked = intact(done)
    assert asked.returncode == 1 and f"damaged, removed: {PRETRAINED / 'model.safetensors'}\n" in asked.stdout
    finished(done, tmp_path / "again")
    assert made(done) == before
    assert intact(done).returncode == 0


def intact(project: Path) -> subprocess.CompletedProcess:
    """`python -m vasolib.intact` of a project."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "vasolib.intact", "smoke"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_unfinished_work_that_is_damaged_is_not_gone_on_with(
    undisturbed: tuple[Path, float], fresh: Path, tmp_path: Path, damage: Damage
):
    run = Run(fresh, tmp_path / "log", "--jobs", "1")
    run.wait_for_a_state()
    run.kill_all()
    assert run.is_gone()
    [state] = (fresh / "work" / "smoke" / "unfinished").rglob("*.pt")
    damage(state, flip=state.stat().st_size // 2)
    again = finished(fresh, tmp_path / "again")
    assert f"{state} is damaged (its checksum differs)" in again.output
    assert made(fresh) == made(undisturbed[0]) and half_done(fresh) == []


def test_a_half_built_store_that_is_damaged_is_gone_on_with_from_the_last_whole_image(
    undisturbed: tuple[Path, float], fresh: Path, tmp_path: Path, damage: Damage
):
    run = Run(fresh, tmp_path / "log")
    run.wait_for(lambda: run.unfinished_bytes("images.npy") > 20_000)
    run.kill_all()
    assert run.is_gone()
    unfinished = fresh / "work" / "smoke" / "unfinished"
    [images], [masks] = unfinished.rglob("images.npy"), unfinished.rglob("masks.npy")
    damage(images, flip=9000)
    damage(masks, keep=5000)
    finished(fresh, tmp_path / "again")
    assert made(fresh) == made(undisturbed[0]) and half_done(fresh) == []


def test_the_parameters_of_a_copied_project_are_made_anew(tmp_path: Path, damage: Damage):
    project = toy_project(tmp_path / "project")
    written = (project / "params.yaml").read_bytes()
    for change in ({"keep": 100}, {"flip": 10}):
        damage(project / "params.yaml", **change)
        copy_project(ROOT, project, {"run": "smoke", "scale": "smoke"})
        assert (project / "params.yaml").read_bytes() == written
