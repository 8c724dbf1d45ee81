"""What the doctor says of a study: its data and published encoders, and the disk and the time that it takes.

Nothing outside the standard library is imported at the top, as in `vasolib.doctor`.
"""

__all__ = ["PARTS", "Check", "check_data", "check_disk", "check_tasks", "check_time", "check_weights"]

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vasolib.cores import usual_jobs
from vasolib.errors import UserError

if TYPE_CHECKING:
    from vasolib.data.left_out import LeftOut
    from vasolib.v2.real_sets import RealSet

PARTS = {"v1": "the first part", "v2": "the extended part", "all": "both parts"}  # as `vasolib.pipeline` has them
GIB = 2**30
SHOWN = 3  # at most so many of what is left out


@dataclass(frozen=True)
class Check:
    """One line of the diagnosis; `remedy` says what to do when it is not `ok`, or `doubt`ful: a run may then begin."""

    name: str
    ok: bool
    finding: str
    remedy: str = ""
    doubt: bool = False

    def __str__(self) -> str:
        word = "FAIL" if not self.ok else "WARN" if self.doubt else "OK"
        line = f"{word:<4} {self.name}: {self.finding}"
        return line if word == "OK" else f"{line} -> {self.remedy}"


def check_disk(root: Path, scale: str, data: Path | None = None, part: str = "all", minimum: float = 3) -> Check:
    """Enough free disk to begin; doubt where less is free than a run takes, some of which may be there already."""
    free = shutil.disk_usage(root).free / GIB
    needed = whole_gib(root, scale, data, part)
    whole = "an unknown number of" if needed is None else f"about {max(minimum, needed):.0f}"
    finding = f"{free:.1f} GiB free; a run of {PARTS[part]} at scale {scale} takes {whole} GiB from nothing"
    if free < minimum:
        return Check("disk", False, finding, f"make room, {minimum:g} GiB are needed to begin")
    remedy = "make room, unless an earlier run of it has written the most already"
    return Check("disk", True, finding, remedy, doubt=needed is not None and free < needed)


def whole_gib(root: Path, scale: str, data: Path | None, part: str) -> float | None:
    """GiB that a run takes from nothing; None where nobody knows: of an archive, or with faulty parameters."""
    from vasolib.room import needed_gib
    from vasolib.study import Study
    from vasolib.v2.study import Extended

    if data is not None and data.is_file():
        return None
    try:
        return needed_gib(Extended.beside(Study.load(root)), scale, data, part)
    except UserError:
        return None


def check_data(folder: Path | None, part: str = "all") -> Check:
    """What the first part takes each set in a folder for, where its own reader takes them all."""
    from vasolib.data.folder import find_sets
    from vasolib.workspace import data_parameters

    if told := unread("data", folder):
        return told
    try:
        benchmarks = data_parameters(folder, "v1")["benchmarks"]
        sets, left_out = find_sets(folder)
    except (UserError, OSError) as error:
        other = ", or leave the first part out: PART=v2" if part == "all" else ""
        return Check("data", False, str(error), f"see in the README how to lay out real data{other}")
    roles = {name: "benchmark" if name in benchmarks else "pre-training" for name in sets}
    found = [f"{name} {role}, {len(sets[name].images)} images" for name, role in roles.items()]
    return Check("data", True, f"first part: {'; '.join([*found, *dropped(left_out)])}")


def check_tasks(root: Path, folder: Path | None, part: str = "all") -> Check:
    """What the extended part takes each set in a folder for, by its own reader; other tasks keep their twins."""
    from vasolib.v2.choose import extended_parameters
    from vasolib.v2.real_sets import find_real_sets

    if told := unread("tasks", folder):
        return told
    try:
        tasks = extended_parameters(folder, shipped(root))["sets"]
        sets, left_out = find_real_sets(folder)
    except (UserError, OSError) as error:
        other = ", or leave the extended part out: PART=v1" if part == "all" else ""
        return Check("tasks", False, str(error), f"mend that, as docs/data.md says{other}")
    twins = [task for task, names in tasks.items() if not set(names) & set(sets)]
    rest = [f"synthetic twins for {', '.join(twins)}"] if twins else []
    found = [*map(role, sets.values()), *rest, *dropped(left_out)]
    return Check("tasks", True, f"extended part: {'; '.join(found)}")


def role(found: "RealSet") -> str:
    """What the extended part does with a set's images."""
    parts = Counter(file.split for file in found.files)
    if not found.task:
        return f"{found.name} pre-training, {len(found.files)} images"
    more = f", {parts['unlabelled']} for pre-training" if parts["unlabelled"] else ""
    return f"{found.name} {found.task}, {parts['train']} images to learn from, {parts['test']} to test on{more}"


def unread(name: str, folder: Path | None) -> Check | None:
    """The line where there is no folder to look at: synthetic data, or an archive."""
    from vasolib.data.archives import is_archive

    if folder is None:
        return Check(name, True, "embedded synthetic data" if name == "data" else "synthetic twins")
    if is_archive(folder):
        return Check(name, True, f"{folder.name} is an archive, which `make study` unpacks and checks")
    return None


def dropped(left_out: "list[LeftOut]") -> list[str]:
    """The first of what is left out, and how much more there is."""
    more = [f"and {len(left_out) - SHOWN} more left out"] if len(left_out) > SHOWN else []
    return [f"left out: {one}" for one in left_out[:SHOWN]] + more


def check_weights(root: Path, folder: Path) -> Check:
    """Which published encoders have their file in a folder."""
    from vasolib.v2.choose import weights_parameters

    try:
        known = shipped(root)
        found = weights_parameters(folder, known)["published"]
    except (UserError, OSError) as error:
        return Check("weights", False, str(error), "name a folder with such a file, or leave WEIGHTS out")
    absent = [f"without {name}" for name in known["external"] if name not in found]
    return Check("weights", True, ", ".join([*found, *absent]))


def shipped(root: Path) -> dict[str, dict]:
    """The block v2 of params_v2.yaml, checked. UserError where it is wrong."""
    from vasolib.parsing import read_yaml
    from vasolib.study import Study
    from vasolib.v2.study import Extended

    Extended.beside(Study.load(root))
    return read_yaml(root / "params_v2.yaml")["v2"]


def check_time(root: Path, scale: str, part: str = "all", jobs: int = 0) -> Check:
    """How long each part of the scale will take with so many jobs (0: as usual), from what its recorded run took."""
    jobs = jobs or usual_jobs()
    parts, cpus = {"v1": ("first part", "."), "v2": ("extended part", "v2")}, set()
    told = []
    for name, folder in (parts[one] for one in parts if part in (one, "all")):
        recorded = root / "results" / scale / folder / "runtimes.csv"
        if not recorded.is_file():
            continue
        with recorded.open(newline="", encoding="utf-8") as file:
            last = {row["stage"]: row for row in csv.DictReader(file)}  # a stage that ran twice counts once
        minutes = sum(float(row["seconds"]) for row in last.values()) / jobs / 60
        told.append(f"{name} about {max(1, round(minutes))} min")
        cpus |= {row["cpu"] for row in last.values()}
    if not told:
        return Check("time", True, f"no recorded run of scale {scale}")
    return Check("time", True, f"scale {scale}: {', '.join(told)} with {jobs} jobs; {', '.join(sorted(cpus))}")
