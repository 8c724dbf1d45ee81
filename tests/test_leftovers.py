"""What a killed run left is put in order: nothing that is still needed goes, and nothing cut off is believed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.test_run import SHIPPED
from vasolib.errors import UserError
from vasolib.leftovers import check_alone, clear, cut_off, exclusive, forget_stage, stale
from vasolib.study import ROOT, Study

LOCK = (ROOT / "dvc.lock").read_text(encoding="utf-8")[:20_000]
LOCK = LOCK[: LOCK.rfind("\n  ", 0, LOCK.rfind("    cmd:")) + 1]  # its first stages


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(SHIPPED | {"run": "doll", "scale": "smoke"}), encoding="utf-8")
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    return Study.load(tmp_path)


def touch(*paths: Path) -> list[Path]:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    return list(paths)


def test_temporary_files_go_and_what_is_gone_on_with_stays(study: Study):
    cache = study.root / ".dvc" / "cache"
    going = touch(
        study.results(".a.csv.tmp"), study.figures(".a.svg.tmp"), study.work("pretrain", ".mae.tmp", "log.csv"),
        cache / "files" / "md5" / "ab" / ".Xy0-_.tmp", cache / "runs" / "ab" / "cd" / ".Xy0-_.tmp",
        study.root / "executed" / "doll" / ".n.ipynb.tmp",
    )  # fmt: skip
    staying = touch(
        study.unfinished("data", "stores-0", ".corpus.tmp", "images.npy"), study.unfinished("pretrain@mae", "s.pt"),
        study.results("a.csv"), cache / "files" / "md5" / "ab" / "cd", study.root / ".dvc" / "tmp" / "btime",
        study.root / "notebooks" / "mine.tmp",
    )  # fmt: skip
    clear(study)
    assert not any(path.exists() for path in going) and all(path.exists() for path in staying)


def test_a_run_time_that_cannot_be_read_goes(study: Study, capsys: pytest.CaptureFixture):
    study.work("runtimes").mkdir(parents=True)
    texts = ['{"seconds": 1.5}', '{"seconds": 1', "", "[]", '{"seconds": "long"}', '{"second": 1}', "\xff"]
    for number, text in enumerate(texts):
        study.work("runtimes", f"{number}.json").write_text(text, encoding="latin-1")
    clear(study)
    assert [path.name for path in study.work("runtimes").iterdir()] == ["0.json"]
    assert capsys.readouterr().out.count("was damaged and is removed") == len(texts) - 1


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (LOCK, False),
        ("", True),  # opened to be written
        (LOCK[:-1], False),
        (LOCK + "  x:\n", True),
        (LOCK + "  x:\n    cmd: y\n    deps:\n    - md5: 0\n", True),
        (LOCK[: LOCK.find("md5:") + 2], True),
        ("schema: '2.0'\nstages", True),
        ("\x00" * 100, True),
        ("- a list", True),
    ],
)
def test_which_lock_files_are_cut_off(tmp_path: Path, text: str, want: bool):
    (tmp_path / "dvc.lock").write_text(text, encoding="utf-8")
    assert cut_off(tmp_path / "dvc.lock") is want


def test_a_lock_file_that_is_cut_off_goes(study: Study, capsys: pytest.CaptureFixture):
    lock = study.root / "dvc.lock"
    assert not cut_off(lock)
    lock.write_bytes(b"schema: '2.0'\nstages:\n  data:\n    cm\xff")
    clear(study)
    assert not lock.exists() and capsys.readouterr().out.startswith("dvc.lock was damaged: it is made anew")
    lock.write_text(LOCK, encoding="utf-8")
    clear(study)
    assert lock.read_text(encoding="utf-8") == LOCK


def test_whose_entries_are_stale(study: Study):
    rwlock = study.root / ".dvc" / "tmp" / "rwlock"
    entry = {"write": {}, "read": {"/x": [{"pid": os.getpid(), "cmd": "dvc repro"}]}}
    assert not stale(rwlock)
    for text in ('{"write": {"x": {"pid": 1', "", json.dumps(entry), '{"read": {}}'):
        rwlock.write_text(text, encoding="utf-8")  # the number is that of another program by now
        assert stale(rwlock), text
    clear(study)
    assert not rwlock.exists()
    waiting = [sys.executable, "-c", "print(flush=True); input()", "dvc"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
        command.stdout.readline()  # until then it may not have its own command line yet
        entry["read"]["/x"][0]["pid"] = command.pid
        rwlock.write_text(json.dumps(entry), encoding="utf-8")
        clear(study)
        assert rwlock.exists()  # a command of the user's own
        command.communicate(b"\n")
    clear(study)
    assert not rwlock.exists()


def test_one_run_at_a_time(tmp_path: Path):
    with exclusive(tmp_path):
        with exclusive(tmp_path / "runs" / "other"):
            pass
        with pytest.raises(UserError, match=f"another run is at work in {tmp_path}: wait"), exclusive(tmp_path):
            pass
    with exclusive(tmp_path):
        pass


def test_a_killed_run_keeps_nobody_out(tmp_path: Path):
    code = f"""
import os
from pathlib import Path
from vasolib.leftovers import exclusive
with exclusive(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9
    with exclusive(tmp_path):
        pass


def test_lists_for_people_are_not_forgotten(tmp_path: Path):
    touch(
        tmp_path / "s" / "a.pt",
        tmp_path / "s" / ".a.pt.tmp",
        tmp_path / "s" / "stores-0" / "x",
        tmp_path / "t" / "b.pt",
    )
    [kept] = touch(tmp_path / "s" / "a-suspects.csv")
    for name in ("s", "t", "absent"):
        forget_stage(tmp_path / name)
    assert list(tmp_path.rglob("*")) == [tmp_path / "s", kept]


@pytest.mark.parametrize(
    ("place", "words", "here"),
    [
        ("", ["vasolib.run", "40_pretrain"], True),
        ("", ["dvc", "repro", "data"], True),
        ("", ["vasolib.pretrain", "arm=mae"], True),
        ("", ["vasolib.v2.finetune", "arm=mae"], True),
        ("", ["dvc", "status"], False),
        ("elsewhere", ["vasolib.run", "40_pretrain"], False),
        ("..", ["vasolib.run", "40_pretrain", "run=doll"], True),
        ("..", ["vasolib.run", "40_pretrain", "run=other"], False),
    ],
)
def test_a_stage_that_another_started_is_not_disturbed(study: Study, place: str, words: list, here: bool):
    (study.root / place).mkdir(exist_ok=True)
    wait = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", wait, *words], cwd=study.root / place, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        if here:
            with pytest.raises(UserError, match=rf"{words[-1]} \(process {other.pid}\) is at work in .*: wait"):
                check_alone(study)
        else:
            check_alone(study)
        other.stdin.close()
    check_alone(study)
