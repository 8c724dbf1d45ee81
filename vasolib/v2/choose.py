"""What a folder of real sets, or of published weights, changes in params_v2.yaml.

Real sets take the places of the twins of their tasks; other tasks keep theirs. Published encoders whose files are there
are fine-tuned and detect; where the one whose features judge is among them, so is the arm that it judges.
"""

__all__ = ["TEACHER", "extended_parameters", "folder_state", "sets_of_folder", "weights_parameters"]

from collections.abc import Mapping
from pathlib import Path

from vasolib.errors import UserError
from vasolib.files import digest
from vasolib.v2.real_sets import KINDS, find_real_sets
from vasolib.v2.weights import weights_file

TEACHER = "dinov2"  # whose features may judge, see `vasolib.v2.pretrain`


def sets_of_folder(folder: Path) -> dict[str, list[str]]:
    """Task -> names of the sets below `folder` that have its labels, in order; without tasks that none has.

    Raises:
        UserError: as `find_real_sets`; or a set is called corpus, as the store for pre-training is.
    """
    found, _ = find_real_sets(folder)
    if "corpus" in found:
        raise UserError(f"DATA={folder} has a set named 'corpus', the name of the store for pre-training: rename it")
    tasks = {task: sorted(name for name, one in found.items() if one.task == task) for task in KINDS.values()}
    return {task: names for task, names in tasks.items() if names}


def extended_parameters(folder: Path, shipped: Mapping[str, Mapping]) -> dict[str, dict]:
    """What the block v2 says of a folder of real sets: its keys `sets`, `stands_for` and `data_state`.

    A real set stands beside the published one that has its name, such as arcade_vs beside ARCADE-VS, a twin where it
    stood. `twins` stays as it is: the place of a twin in it decides what is drawn.

    Args:
        shipped: the block v2 that is shipped.

    Raises:
        UserError: see `sets_of_folder`; or a real set has the name of a twin that is still needed.
    """
    real = sets_of_folder(folder)
    sets = {task: real.get(task, list(names)) for task, names in shipped["sets"].items()}
    kept = [name for task, names in sets.items() if task not in real for name in names]
    names = [name for found in real.values() for name in found]
    if taken := sorted(set(kept) & set(names)):
        raise UserError(f"DATA={folder} has a set named {taken[0]!r}, as a synthetic one that is kept is: rename it")
    published = {_plain(name): name for name in shipped["stands_for"].values()}
    stands_for = {name: published[_plain(name)] for name in names if _plain(name) in published}
    stands_for |= {name: shipped["stands_for"][name] for name in kept if name in shipped["stands_for"]}
    return {"sets": sets, "stands_for": stands_for, "data_state": folder_state(folder)}


def weights_parameters(folder: Path, shipped: Mapping) -> dict[str, object]:
    """What the block v2 says of a folder with files of published encoders: `weights` and all that follows from it.

    Args:
        shipped: the block v2 that is shipped.

    Raises:
        UserError: the folder has none of the files that `external` names.
    """
    files = {name: weights_file(folder, one["file"], one["home"]) for name, one in shipped["external"].items()}
    there = {name: path for name, path in files.items() if path.is_file()}
    if not there:
        wanted = ", ".join(f"{one['file']} ({one['home']})" for one in shipped["external"].values())
        raise UserError(
            f"WEIGHTS={folder} has no published encoder, expected the hub's cache or at least one of {wanted}"
        )
    judged = [name for name, arm in shipped["arms"].items() if arm.get("judge") == "features" and TEACHER in there]
    states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in there.values()]
    detect = shipped["detect"] | {"scratch": [*shipped["detect"]["scratch"], *there]}
    found = {"weights": str(folder.resolve()), "weights_state": digest(*states), "published": list(there)}
    return found | {"pretrain": list(dict.fromkeys([*shipped["pretrain"], *judged])), "detect": detect}


def _plain(name: str) -> str:
    """A set's name as folders have it."""
    return name.lower().replace("-", "_")


def folder_state(folder: Path) -> str:
    """Digest of names, sizes and times of all that is read below `folder`: labels and tables as well as images."""
    found, left_out = find_real_sets(folder)
    paths = {path for one in found.values() for file in one.files for path in (file.path, file.label) if path}
    tables = {folder / name / table for name in found for table in ("table.csv", "boxes.csv")}
    states = [
        (str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(paths | {path for path in tables if path.exists()})
    ]
    return digest(*states, *(str(one) for one in left_out if one.kind == "unusable"))  # whose names count in the split
