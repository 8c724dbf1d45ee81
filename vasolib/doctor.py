"""`python -m vasolib.doctor`: says before the study starts whether it can run here, and for how long.

Each check is a function of plain arguments that returns a `Check`. Nothing outside the standard library is
imported at the top, so that a half-installed environment is diagnosed and not met with a traceback.
"""

__all__ = ["Check", "ROOT", "main", "no_scm_needed", "run_checks"]

import argparse
import csv
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from vasolib.cores import available_cores, usual_jobs
from vasolib.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
INSTALL = "pip install -r requirements.lock"
CUDA_ONLY = ("nvidia-", "cuda-", "triton")  # what a CPU build of torch does without
GIB = 2**30


@dataclass(frozen=True)
class Check:
    """One line of the diagnosis; `remedy` says what to do when it is not `ok`."""

    name: str
    ok: bool
    finding: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{'OK' if self.ok else 'FAIL':<4} {self.name}: {self.finding}"
        return line if self.ok else f"{line} -> {self.remedy}"


def check_python(version: Sequence[int] = sys.version_info, minimum: tuple[int, int] = (3, 11)) -> Check:
    """The interpreter is at least the oldest one that the lock was made for."""
    remedy = f"use Python {minimum[0]}.{minimum[1]} or newer"
    return Check("python", tuple(version[:2]) >= minimum, ".".join(map(str, version[:3])), remedy)


def installed_version(name: str) -> str:
    """The version of an installed package, empty when it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def check_packages(lock: Path, installed: Callable[[str], str] = installed_version, show: int = 4) -> Check:
    """Every package has the version of the lock that made the committed results."""
    from packaging.requirements import Requirement

    if not lock.is_file():
        return Check("packages", False, f"no {lock.name}", "restore it from the repository")
    lines = (line.partition("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    pins = [pin for pin in map(Requirement, filter(None, lines)) if not pin.marker or pin.marker.evaluate()]
    if installed("torch").endswith("+cpu"):
        pins = [pin for pin in pins if not pin.name.startswith(CUDA_ONLY)]
    found = {pin: installed(pin.name) for pin in pins}
    # `contains` and not `==`: 2.14.1+cpu is a build of 2.14.1. Version 0 stands for a missing package.
    wrong = [pin for pin in pins if not pin.specifier.contains(found[pin] or "0", prereleases=True)]
    if not wrong:
        return Check("packages", True, f"all {len(pins)} as in {lock.name}")
    notes = [f"{pin.name} {found[pin] or 'missing'} (lock: {pin.specifier})" for pin in wrong[:show]]
    more = f" and {len(wrong) - show} more" if len(wrong) > show else ""
    return Check("packages", False, ", ".join(notes) + more, f"pip install -r {lock.name}")


def no_scm_needed(root: Path) -> bool:
    """Whether DVC must be told that there is no git: a zip or a copy, outside of any repository."""
    root = Path(root).resolve()
    return not any((folder / ".git").exists() for folder in (root, *root.parents))


def check_repository(root: Path, git: str | None = shutil.which("git")) -> Check:
    """A git repository with the program to read it, or a copy without history; DVC works in both."""
    if no_scm_needed(root):
        return Check("repository", True, "a copy without .git: DVC is put in core.no_scm mode")
    finding = "git repository" if git else "git repository, but no git program"
    return Check("repository", git is not None, finding, "install git")


def check_device() -> Check:
    """Where tensors can be computed."""
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / GIB
        return Check("device", True, f"CUDA, {torch.cuda.get_device_name(0)}, {memory:.0f} GiB")
    return Check("device", True, f"CPU, {platform.machine()}, torch {torch.__version__}")


def check_bf16() -> Check:
    """Whether bfloat16 is computed by the hardware; without it everything runs in float32, only slower."""
    from vasolib.training import pick_device, precision

    supported = precision(pick_device()) == "bf16"
    return Check("bf16", True, "supported" if supported else "not supported, float32 is used")


def check_cores(cores: int, minimum: int = 1) -> Check:
    """Enough cores; independent arms run side by side, one on each."""
    return Check("cores", cores >= minimum, str(cores), f"at least {minimum} needed")


def check_memory(free_gib: float | None = None, minimum: float = 4) -> Check:
    """Enough free memory for the heaviest stage."""
    if free_gib is None:
        import psutil

        free_gib = psutil.virtual_memory().available / GIB
    remedy = f"close other programs, {minimum:g} GiB are needed"
    return Check("memory", free_gib >= minimum, f"{free_gib:.1f} GiB free", remedy)


def check_disk(root: Path, scale: str, data: Path | None = None, minimum: float = 3) -> Check:
    """Enough free disk to begin, and what a run takes; some of that may be there already, so it is told alone."""
    from vasolib.room import needed_gib
    from vasolib.study import Study
    from vasolib.v2.study import Extended

    free = shutil.disk_usage(root).free / GIB
    try:
        whole = f"{max(minimum, needed_gib(Extended.beside(Study.load(root)), scale, data)):.0f}"
    except UserError:
        whole = "an unknown number"
    finding = f"{free:.1f} GiB free; both parts at scale {scale} take about {whole} from nothing"
    return Check("disk", free >= minimum, finding, f"make room, {minimum:g} GiB are needed to begin")


def check_data(folder: Path | None) -> Check:
    """The data sets that a run on `folder` would use, or the embedded ones."""
    if folder is None:
        return Check("data", True, "embedded synthetic data")
    from vasolib.data.archives import is_archive
    from vasolib.data.folder import find_sets

    remedy = "see in the README how to lay out real data"
    try:
        if is_archive(Path(folder)):
            return Check("data", True, f"{Path(folder).name} is an archive, which `make study` unpacks and checks")
        sets, left_out = find_sets(Path(folder))
    except (UserError, OSError) as error:
        return Check("data", False, str(error), remedy)
    kinds = [f"{s.name} {len(s.images)} images ({'' if any(s.masks or ()) else 'not '}labelled)" for s in sets.values()]
    dropped = [f"left out: {one}" for one in left_out]
    return Check("data", bool(sets), "; ".join((kinds or [f"no data set in {folder}"]) + dropped), remedy)


def check_tasks(folder: Path | None) -> Check:
    """Which tasks of the extended part have a real set in the folder; the others keep their synthetic twins."""
    if folder is None or Path(folder).is_file():
        return Check("tasks", True, "synthetic twins" if folder is None else "known once the archive is unpacked")
    from vasolib.v2.choose import sets_of_folder

    try:
        found = sets_of_folder(Path(folder))
    except (UserError, OSError) as error:
        return Check("tasks", False, str(error), "mend that, or leave the extended part out: PART=v1")
    real = [f"{task} of {', '.join(names)}" for task, names in found.items()]
    return Check("tasks", True, f"{'; '.join(real)}; synthetic twins for others" if real else "synthetic twins")


def check_time(root: Path, scale: str, jobs: int = 0) -> Check:
    """How long each part of the scale will take with so many jobs (0: as usual), from what its recorded run took."""
    jobs = jobs or usual_jobs()
    parts, cpus = {"first part": ".", "extended part": "v2"}, set()
    told = []
    for name, folder in parts.items():
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


def attempt(check: Callable[..., Check], *arguments: object) -> Check:
    """Run one check; a package that cannot be imported (or its library loaded) is a finding, not a crash."""
    try:
        return check(*arguments)
    except (ImportError, OSError) as error:
        finding = f"{type(error).__name__}: {error}".splitlines()[0]
        return Check(check.__name__.removeprefix("check_"), False, finding, INSTALL)


def run_checks(root: Path = ROOT, scale: str = "laptop", data: Path | None = None) -> list[Check]:
    """All checks, in the order in which a reader would repair things."""
    packages = [(check_packages, root / lock) for lock in ("requirements.lock", "requirements-v2.lock")]
    setup = [(check_python,), *packages, (check_repository, root)]
    machine = [(check_device,), (check_bf16,), (check_cores, available_cores()), (check_memory,)]
    study = [(check_disk, root, scale, data), (check_data, data), (check_tasks, data), (check_time, root, scale)]
    return [attempt(*call) for call in setup + machine + study]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per check; 0 when all are in order, else 1."""
    parser = argparse.ArgumentParser(prog="python -m vasolib.doctor", description="Can the study run here?")
    parser.add_argument("--scale", default="laptop", help="whose run time is told (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="real data sets, or an archive of them, to look at")
    options = parser.parse_args(arguments)
    print(*(checks := run_checks(scale=options.scale, data=options.data)), sep="\n")
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
