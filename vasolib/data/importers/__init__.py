"""Importers of public sets: each reads the layout in which a set is published and plans what is written in ours."""

__all__ = ["IMPORTERS", "SPLITS", "Item", "Plan", "Summary", "check_set", "import_set"]

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from vasolib.data.importers.caxf import plan_caxf
from vasolib.data.importers.cines import plan_cadica
from vasolib.data.importers.coco import plan_arcade
from vasolib.data.importers.dca1 import plan_dca1
from vasolib.data.importers.dicom import plan_dicom
from vasolib.data.importers.dominance import plan_dominance
from vasolib.data.importers.judging import judged
from vasolib.data.importers.plan import Item, Plan, Summary
from vasolib.data.importers.splits import SPLITS as LABELLED
from vasolib.data.importers.splits import split_of
from vasolib.data.importers.syntax import plan_syntax
from vasolib.data.importers.voc import plan_stenosis
from vasolib.data.importers.writing import free, is_written, write_plan
from vasolib.data.importers.xa170k import plan_xa170k
from vasolib.data.importers.xcad import plan_xcad
from vasolib.data.importers.xcav import plan_xcav
from vasolib.data.left_out import LeftOut
from vasolib.errors import UserError, nearest

IMPORTERS: dict[str, Callable[[Path], list[Plan]]] = {
    "arcade": plan_arcade,
    "cadica": plan_cadica,
    "stenosis": plan_stenosis,
    "syntax": plan_syntax,
    "xcad": plan_xcad,
    "coronary_dominance": plan_dominance,
    "xcav": plan_xcav,
    "caxf": plan_caxf,
    "dca1": plan_dca1,
    "xa170k": plan_xa170k,
    "dicom": plan_dicom,
}
SPLITS = (*LABELLED, "unlabelled")
SHOWN = 20  # files left out, in a report


def import_set(
    name: str, folder: Path, to: Path, entry: object, only: str = "", splits: Collection[str] = SPLITS
) -> Iterator[Summary]:
    """Write the sets that a published folder holds below the folder `to`, each whole or not at all.

    Sets without an image of the splits are passed over. Those that are there already stay if the same was imported, as
    after an import that was stopped or a finished one. Either is said, and what there is to know of the folder.

    Args:
        name: of the importer.
        entry: what the catalogue says of the set: name, title, licence, citation, home.
        only: one set by its name, or the sets of one part, such as arcade_v, or stenosis; "" for all.
        splits: of SPLITS, those whose images are wanted.

    Returns:
        A summary a set that is not there yet, which is written when its summary is asked for.

    Raises:
        UserError: the folder is another one, a set is there already with other images, too much of it cannot be used,
            or no such split.
    """
    for split in splits:
        if split not in SPLITS:
            raise UserError(f"there is no split {split!r}: {nearest(split, SPLITS)}")
    plans = _importer(name)(folder)
    chosen = [plan for plan in plans if only in ("", plan.set, plan.part)]
    if not chosen:
        known = {plan.set for plan in plans} | {plan.part for plan in plans} - {""}
        raise UserError(f"{name} has no part {only!r} in {folder}: {nearest(only, known)}")
    wanted = [_of_splits(plan, splits) for plan in _with_images(chosen, splits, folder)]
    left = [plan for plan in wanted if not is_written(plan, to)]
    for plan in left:
        free(plan, to)  # before hours are spent on another
    for line in [f"{plan.set}: {note}" for plan in left for note in plan.notes]:
        print(line, flush=True)
    for name in sorted({plan.set for plan in wanted} - {plan.set for plan in left}):
        print(f"{name}: is in {to} already with the same images, and stays", flush=True)
    return (write_plan(plan, to, entry) for plan in left)


def check_set(name: str, folder: Path, entry: object) -> list[str]:
    """What is to be said of a published folder, a line each, none if all is as expected; nothing is written.

    Every image is read. Counts are compared with `entry.expected`, by part where the folder tells the parts apart, and
    with `entry.patients` where the folder tells patients. What could not be confirmed of the set is always told.

    Raises:
        UserError: the folder is another one.
    """
    lines: list[str] = []
    found: dict[str, set[str]] = defaultdict(set)
    patients: set[str] = set()
    for plan in _importer(name)(folder):
        lost = []
        for one in judged(plan):
            if isinstance(one, LeftOut):
                lost.append(one)
            else:
                found[one[0].part].add(one[0].id)
                patients.add(one[0].patient)
        lines += [f"{plan.set}: {note}" for note in plan.notes]
        lines += [f"{plan.set}: {one}" for one in lost[:SHOWN]]
        lines += [f"{plan.set}: and {len(lost) - SHOWN} more files are left out"] * (len(lost) > SHOWN)
        lines += [f"{plan.set}: repaired: {one}" for one in plan.repairs[:SHOWN]]
        lines += [f"{plan.set}: and {len(plan.repairs) - SHOWN} more repairs"] * (len(plan.repairs) > SHOWN)
    lines += differences({part: len(ids) for part, ids in found.items()}, entry.expected)
    known = len(patients - {""})
    lines += [f"{known} patients, expected {entry.patients}"] * (0 < known != entry.patients > 0)
    return lines + [f"not confirmed of this set: {note}" for note in entry.unconfirmed]


def differences(found: dict[str, int], expected: dict[str, int]) -> list[str]:
    """A line for each part whose number of images is another than expected; for the sum where parts are not known.

    None where nothing is expected, as of data of one's own.
    """
    if not expected:
        return []
    if "" in found or not found:
        found, expected = {"all parts": sum(found.values())}, {"all parts": sum(expected.values())}
    parts = dict.fromkeys([*expected, *found])
    counts = [(part, found.get(part, 0), expected.get(part, 0)) for part in parts]
    return [f"{part}: {have} usable images, expected {want}" for part, have, want in counts if have != want]


def _with_images(plans: list[Plan], splits: Collection[str], folder: Path) -> list[Plan]:
    """The plans with images of some splits, and those without any, whose files are all lost. UserError if none is."""
    there = set[str]().union(*(plan.splits for plan in plans))
    wanted = [plan for plan in plans if not plan.splits or plan.splits & set(splits)]
    passed = [plan for plan in plans if plan.splits and not plan.splits & set(splits)]
    if not wanted:
        raise UserError(
            f"{folder} has no image of the split {' or '.join(splits)}, expected one or more: ask for "
            f"{' or '.join(sorted(there))} with --split"
        )
    for plan in passed:
        print(f"{plan.set}: passed over, it has {' and '.join(sorted(plan.splits))} images alone", flush=True)
    return wanted


def _of_splits(plan: Plan, splits: Collection[str]) -> Plan:
    """A plan of the images of some splits alone; what is lost stays told unless it is known to be of another split."""
    if set(splits) == set(SPLITS) or not plan.splits or not isinstance(plan.items, Sequence):
        return plan
    known: dict[PurePosixPath, set[str]] = defaultdict(set)
    for item in plan.items:
        for folder in PurePosixPath(item.original).parents if isinstance(item, Item) else ():
            known[folder].add(item.split)
    found = (one.split if isinstance(one, Item) else _split_of(one, known) for one in plan.items)
    return replace(plan, items=[one for one, split in zip(plan.items, found, strict=True) if split in ("", *splits)])


def _split_of(lost: LeftOut, known: dict[PurePosixPath, set[str]]) -> str:
    """The split of all images around a lost file, or that its folder is called by; "" where it is not known."""
    for folder in PurePosixPath(lost.file).parents:
        if folder in known:
            return next(iter(known[folder])) if len(known[folder]) == 1 else ""
        if split := split_of(folder.name):
            return split
    return ""


def _importer(name: str) -> Callable[[Path], list[Plan]]:
    """The importer of a set. UserError, with the nearest name, where there is none."""
    if name not in IMPORTERS:
        raise UserError(f"no importer for {name!r}: {nearest(name, IMPORTERS)}")
    return IMPORTERS[name]
