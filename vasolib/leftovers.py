"""What a killed run leaves behind: temporary files, and DVC's own records cut off while they were rewritten."""

__all__ = ["check_alone", "clear", "exclusive", "forget_stage"]

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vasolib.errors import UserError
from vasolib.files import remove
from vasolib.nursery import SOCKET
from vasolib.study import Study

WRITERS = {  # modules that write what stages write
    "vasolib.run", "vasolib.pretrain", "vasolib.downstream.finetune", "vasolib.v2.pretrain", "vasolib.v2.finetune"
}  # fmt: skip


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Within the block no other run works in the project `root`. Raises UserError where one does."""
    from zc.lockfile import LockError, LockFile

    path = root / ".dvc" / "tmp" / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = LockFile(str(path))
    except LockError:
        raise UserError(f"another run is at work in {root}: wait for its end, or stop it") from None
    try:
        yield
    finally:
        lock.close()


def check_alone(study: Study) -> None:
    """UserError where a stage of the study runs that was started by hand, by `dvc repro`, or by torchrun."""
    import psutil

    for process in psutil.process_iter():
        try:
            words, place = process.cmdline(), Path(process.cwd())
        except (psutil.Error, OSError):  # it ended, or is another user's
            continue
        here = place == study.root or (place in study.root.parents and f"run={study.params.run}" in words)
        if here and process.pid != os.getpid() and runs_stages(words):
            name = f"{' '.join(words[-3:])} (process {process.pid})"
            raise UserError(f"{name} is at work in {study.root}: wait for its end, or stop it")


def runs_stages(words: list[str]) -> bool:
    """Whether this is the command line of something that writes what stages write."""
    by_dvc = "repro" in words and any("dvc" in word for word in words)
    return by_dvc or not WRITERS.isdisjoint(words)


def clear(study: Study) -> None:
    """Put in order what a killed run left; only where no other one is at work (`exclusive`, `check_alone`)."""
    for path in [*temporary_files(study), *(study.root / ".dvc" / "tmp").glob(f"{SOCKET}*")]:
        remove(path)
    if stale(study.root / ".dvc" / "tmp" / "rwlock"):
        remove(study.root / ".dvc" / "tmp" / "rwlock")
    if cut_off(study.root / "dvc.lock"):
        remove(study.root / "dvc.lock")
        print("dvc.lock was damaged: it is made anew, finished stages are taken from DVC's cache", flush=True)
    for path in study.work("runtimes").glob("*.json"):
        if not readable(path):
            remove(path)
            print(f"{path} was damaged and is removed: the report will not tell how long that took", flush=True)


def forget_stage(folder: Path) -> None:
    """Remove what a stage kept in `folder` to go on from; lists for people to read (.csv) stay."""
    for path in folder.glob("*"):
        if path.suffix != ".csv":
            remove(path)
    with suppress(OSError):  # it is not there, or not empty
        folder.rmdir()


def temporary_files(study: Study) -> list[Path]:
    """Files and folders that were being written when a run was killed, but for those that the next one goes on with."""
    places = [study.root / ".dvc", study.work(), study.results(), study.figures()]
    places.append(study.root / "executed" / study.params.run)
    found = [path for place in places for path in place.rglob("*.tmp")]
    return [path for path in found if not path.is_relative_to(study.unfinished())]


def stale(path: Path) -> bool:
    """Whether DVC's list of who works on what is cut off, or names only processes that ended.

    DVC itself believes in any process that has the number of one that ended.
    """
    try:
        text = path.read_text(encoding="utf-8")
        json.loads(text)
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return not any(is_dvc(int(number)) for number in re.findall(r'"pid": (\d+)', text))


def is_dvc(process: int) -> bool:
    """Whether this is the number of a DVC command that runs."""
    import psutil

    try:
        return any("dvc" in word for word in psutil.Process(process).cmdline())
    except psutil.Error:
        return False


def cut_off(path: Path) -> bool:
    """Whether this dvc.lock is none: DVC rewrites it after every stage, and a kill may come between."""
    from dvc.exceptions import DvcException
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import load_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(load_yaml(path))
    except FileNotFoundError:
        return False
    except (DvcException, Invalid, ValueError):
        return True
    return False


def readable(path: Path) -> bool:
    """Whether a file of a run time is one."""
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["seconds"]) >= 0
    except (ValueError, KeyError, TypeError):
        return False
