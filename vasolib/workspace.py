"""Where a run lives: the checkout itself for the committed results, a folder of its own for any other scale or data.

A folder runs/<name> is a DVC project complete in itself: a copy of code, notebooks and pipeline, with its own
params.yaml and dvc.lock. So no other run can touch the committed results, and a long run is not disturbed by edits.
"""

__all__ = ["MIN_DISK_GIB", "copy_project", "open_workspace"]

import re
import shutil
from pathlib import Path

import yaml

from vasolib.data.archives import is_archive, stem_of_archive, unpacked
from vasolib.data.folder import FolderSet, find_sets
from vasolib.data.left_out import LeftOut
from vasolib.errors import UserError
from vasolib.files import digest, write_text
from vasolib.leftovers import exclusive
from vasolib.parsing import read_yaml
from vasolib.run import wanted_processes
from vasolib.study import ROOT, Study
from vasolib.v2.choose import extended_parameters, weights_parameters

COPIED = (
    "vasolib", "notebooks", "paper", "dvc.yaml", "requirements.lock", "requirements-v2.lock", "params.yaml",
    "params_v2.yaml", ".dvcignore",
)  # fmt: skip
WRITTEN = ("params.yaml", "params_v2.yaml")  # not copied but written, with what differs
MIN_DISK_GIB = 3.0


def open_workspace(scale: str, data: Path | None, weights: Path | None = None, part: str = "all") -> Study:
    """The study of this scale on this data, its folder made or brought up to date.

    Args:
        weights: folder with files of published encoders, for the extended part.
        part: what is to run, see `vasolib.pipeline`; data need not fit the other part.

    Raises:
        UserError: unknown scale, a faulty file of parameters, no usable data or weights in the folder, too little disk,
            no number of processes.
    """
    from vasolib.v2.study import Extended  # torch comes with it, which the rest of this module does without

    home = Study.load(ROOT)
    home.scale_named(scale)
    Extended.beside(home)  # before hours of the other part are spent
    check_disk(ROOT)
    wanted_processes()  # a wrong number is told now, not by a stage
    if scale == home.params.scale and data is None and weights is None:
        return home
    return mirror(home, scale, data, weights, part)


def check_disk(root: Path) -> None:
    """UserError when less than MIN_DISK_GIB is free."""
    free = shutil.disk_usage(root).free / 2**30
    if free < MIN_DISK_GIB:
        raise UserError(
            f"{free:.1f} GiB are free on the disk of {root}, {MIN_DISK_GIB:g} GiB are needed: free some space"
        )


def mirror(home: Study, scale: str, data: Path | None, weights: Path | None = None, part: str = "all") -> Study:
    """runs/<scale>[-<data's name>][-<weights' name>], brought up to date; an archive is unpacked there."""
    names = [] if data is None else [stem_of_archive(data.name) if is_archive(data) else data.resolve().name]
    names += [] if weights is None else [weights.resolve().name]
    run = "-".join([scale, *(re.sub(r"[^A-Za-z0-9._-]", "_", name) for name in names)])
    root, changes, extended = home.root / "runs" / run, {"scale": scale, "run": run}, {}
    shipped = read_yaml(home.root / "params_v2.yaml")["v2"]
    if data is not None and is_archive(data):
        with exclusive(root):  # another archive of that name takes the place of what a run may be reading
            data = unpacked(data, root / "unpacked")
    if data is not None:
        changes |= data_parameters(data, part)
        extended |= tasks_of_data(data, shipped, part)
    if weights is not None:
        extended |= weights_parameters(weights, shipped)
    return copy_project(home.root, root, changes, extended)


def copy_project(
    source: Path, target: Path, changes: dict[str, object], extended: dict[str, object] | None = None
) -> Study:
    """A DVC project complete in itself in the folder `target`, brought up to date with `source`.

    Args:
        changes: values of params.yaml that differ from the source's.
        extended: values of the block v2 of params_v2.yaml that differ.

    Raises:
        UserError: a run is at work in the target, or the source's params.yaml is wrong.
    """
    values = read_yaml(source / "params.yaml") | changes
    more = read_yaml(source / "params_v2.yaml")["v2"] | (extended or {})
    with exclusive(target):
        copy_changed(source, target)
        write_if_changed(target / "params.yaml", yaml.safe_dump(values, sort_keys=False))
        write_if_changed(target / "params_v2.yaml", yaml.safe_dump({"v2": more}, sort_keys=False))
        write_if_changed(
            target / ".dvc" / "config",
            "[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n",
        )
    return Study.load(target)


def data_parameters(folder: Path, part: str = "all") -> dict[str, object]:
    """What params.yaml says of a folder of real sets: where it is, and the benchmarks in it.

    Where the first part does not take them and is not to run, the place alone: the extended part's own reader decides.
    """
    if not folder.is_dir():
        raise UserError(
            f"DATA={folder} is neither a folder nor a zip or tar file: name one with a sub-folder per data set, images "
            "inside `images`"
        )
    place = {"data": str(folder.resolve())}
    try:
        return place | benchmarks_of_data(folder)
    except UserError:
        if part != "v2":
            raise
        return place


def benchmarks_of_data(folder: Path) -> dict[str, object]:
    """What the first part takes a folder's sets for: labelled ones are benchmarks; none stands for a published one."""
    sets, left_out = find_sets(folder)
    benchmarks = sorted(name for name, found in sets.items() if found.masks)
    if not benchmarks:
        raise UserError(
            f"DATA={folder} has no labelled set: add `masks` beside `images` in at least one of {sorted(sets)}"
        )
    if "corpus" in sets:
        raise UserError(f"DATA={folder} has a set named 'corpus', the name of the store for pre-training: rename it")
    return {"data_state": folder_state(folder, sets, left_out), "benchmarks": benchmarks, "stands_for": {}}


def tasks_of_data(folder: Path, shipped: dict[str, object], part: str) -> dict[str, object]:
    """What params_v2.yaml says of a folder of real sets; nothing where they do not fit it and it is not to run."""
    try:
        return extended_parameters(folder, shipped)
    except UserError:
        if part != "v1":
            raise
        return {}


def folder_state(root: Path, sets: dict[str, FolderSet], left_out: list[LeftOut]) -> str:
    """Digest of names below `root`, sizes and times of all files: data that changes makes the pipeline start anew."""
    files = [path for found in sets.values() for path in (*found.images, *(found.masks or ()))]
    states = [(str(p.relative_to(root)), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(files)]
    return digest(*states, *(str(one) for one in left_out if one.kind == "unusable"))  # whose names count in the split


def copy_changed(source: Path, target: Path) -> None:
    """Make target's copies equal to the source's files; what is gone there goes here too."""
    for name in COPIED:
        paths = sorted(p for p in (source / name).rglob("*")) if (source / name).is_dir() else [source / name]
        files = {p.relative_to(source) for p in paths if p.is_file() and "__pycache__" not in p.parts}
        files = {p for p in files if ".ipynb_checkpoints" not in p.parts and p.name not in WRITTEN}
        for path in files:
            write_if_changed(target / path, (source / path).read_text(encoding="utf-8"))
        if (target / name).is_dir():
            for old in (target / name).rglob("*.*"):
                if old.is_file() and old.suffix in (".py", ".ipynb") and old.relative_to(target) not in files:
                    old.unlink()


def write_if_changed(path: Path, text: str) -> None:
    """Write only what differs, so that times stay and DVC need not hash again."""
    if not path.exists() or path.read_bytes() != text.encode():
        write_text(path, text)
