"""`python -m vasolib.doctor`: says before the study starts whether it can run here, and for how long.

Each check is a function of plain arguments that returns a `Check`. Nothing outside the standard library is
imported at the top, so that a half-installed environment is diagnosed and not met with a traceback.
"""

__all__ = ["Check", "ROOT", "main", "no_scm_needed", "run_checks"]

import argparse
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from vasolib.cores import available_cores
from vasolib.doctor_study import GIB, PARTS, Check, check_data, check_disk, check_tasks, check_time, check_weights

ROOT = Path(__file__).resolve().parents[1]
INSTALL = "pip install -r requirements.lock"
CUDA_ONLY = ("nvidia-", "cuda-", "triton")  # what a CPU build of torch does without
FOR_GPU = ("paper",)  # scales


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


def check_device(scale: str) -> Check:
    """Where tensors can be computed; doubt where a scale that is for a GPU has none."""
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / GIB
        return Check("device", True, f"CUDA, {torch.cuda.get_device_name(0)}, {memory:.0f} GiB")
    doubt = scale in FOR_GPU
    told = f"; scale {scale} is for a GPU" if doubt else ""
    finding = f"CPU, {platform.machine()}, torch {torch.__version__}{told}"
    return Check("device", True, finding, "run it where there is one, or take a smaller scale", doubt)


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


def attempt(check: Callable[..., Check], *arguments: object) -> Check:
    """Run one check; a package that cannot be imported (or its library loaded) is a finding, not a crash."""
    try:
        return check(*arguments)
    except (ImportError, OSError) as error:
        finding = f"{type(error).__name__}: {error}".splitlines()[0]
        return Check(check.__name__.removeprefix("check_"), False, finding, INSTALL)


def run_checks(
    root: Path = ROOT, scale: str = "laptop", data: Path | None = None, part: str = "all", weights: Path | None = None
) -> list[Check]:
    """All checks of what is to run, in the order in which a reader would repair things.

    Args:
        data, part, weights: as `vasolib.pipeline` is given them.
    """
    packages = [(check_packages, root / lock) for lock in ("requirements.lock", "requirements-v2.lock")]
    setup = [(check_python,), *packages, (check_repository, root)]
    machine = [(check_device, scale), (check_bf16,), (check_cores, available_cores()), (check_memory,)]
    study = [(check_disk, root, scale, data, part)]
    study += [(check_data, data, part)] if part != "v2" else []
    study += [(check_tasks, root, data, part)] if part != "v1" else []
    study += [(check_weights, root, weights)] if weights else []
    study += [(check_time, root, scale, part)]
    return [attempt(*call) for call in setup + machine + study]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per check; 0 when no check failed, else 1."""
    parser = argparse.ArgumentParser(prog="python -m vasolib.doctor", description="Can the study run here?")
    parser.add_argument("--scale", default="laptop", help="whose disk and time are told (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="real data sets, or an archive of them, to look at")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="files of published encoders, to look at")
    parser.add_argument("--part", choices=PARTS, default="all", help="what is to run: v1, v2 or all (default)")
    given = parser.parse_args(arguments)
    checks = run_checks(ROOT, given.scale, given.data, given.part, given.weights)
    print(*checks, sep="\n")
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
