"""Bytes that changed behind DVC's back are found, by the checksums that it recorded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.test_run import SHIPPED
from vasolib import intact
from vasolib.scheduler import dvc_environment

STAGES = {
    "folder": {"cmd": "mkdir -p out/inner && echo a > out/inner/a && echo b > out/b", "outs": ["out"]},
    "table": {"cmd": "echo c > table.csv", "outs": [{"table.csv": {"cache": False}}]},
    "later": {"cmd": "echo d > later", "outs": ["later"]},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which DVC has run two stages, and not the third."""
    root = tmp_path_factory.mktemp("project")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}), encoding="utf-8")
    (root / "params.yaml").write_text(yaml.safe_dump(SHIPPED | {"run": "doll", "scale": "smoke"}), encoding="utf-8")
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", "folder", "table"]
    subprocess.run(command, cwd=root, env=dvc_environment(), check=True, capture_output=True)
    return root


@pytest.fixture
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That project; all is put back afterwards."""
    monkeypatch.setattr("vasolib.study.ROOT", made)
    before = {path: (path.read_bytes(), path.stat()) for path in files(made)}
    yield made
    for path, (content, stat) in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def files(root: Path) -> set[Path]:
    """All but DVC's temporary ones."""
    return {path for path in root.rglob("*") if path.is_file() and root / ".dvc" / "tmp" not in path.parents}


def change(path: Path) -> Path:
    """Flip a bit and keep the file's time."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return path


def test_what_is_as_it_was_written_stays(project: Path, capsys: pytest.CaptureFixture):
    before = files(project)
    assert intact.main(["doll"]) == 0 and capsys.readouterr().out == "0 damaged files\n"
    assert files(project) == before


@pytest.mark.parametrize("name", ["out/inner/a", "out/b", "table.csv"])
def test_a_changed_file_is_named_and_removed(project: Path, name: str, capsys: pytest.CaptureFixture):
    path = change(project / name)
    assert intact.main(["doll"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told == [f"damaged, removed: {name}", "1 damaged files: `make study` as before makes them again"]
    assert not path.exists() and intact.main(["doll"]) == 0


def test_changed_copies_in_the_cache_are_removed_too(project: Path):
    objects = [path for path in (project / intact.CACHE).rglob("*") if path.is_file()]
    assert len(objects) == 3  # two files and the list of their folder
    for path in objects:
        change(path)
    assert sorted(intact.damaged_objects(project)) == sorted(objects)
    assert intact.main(["doll"]) == 1 and not any(path.exists() for path in objects)
    assert (project / "out" / "b").exists()


def test_a_folder_is_checked_whose_list_is_not_in_the_cache(project: Path, capsys: pytest.CaptureFixture):
    for listing in (project / intact.CACHE).rglob("*.dir"):
        listing.unlink()
    assert intact.main(["doll"]) == 0
    change(project / "out" / "inner" / "a")
    assert intact.main(["doll"]) == 1
    assert "damaged, removed: out\n" in capsys.readouterr().out and not (project / "out").exists()


def test_a_run_that_is_none_is_one_line(project: Path, capsys: pytest.CaptureFixture):
    assert intact.main(["absent"]) == 1
    assert capsys.readouterr().err.startswith("error: there is no run 'absent' here yet")
