"""Which part each image of a real set belongs to: the published one where no patient is in both, else by patients.

Of a published split, `val` is learned from like `train`; where there is no `test`, it is tested on instead. A published
set of one patient is split by time: early frames are learned from, late ones tested on, and the scores prove little.
"""

__all__ = ["Parts", "published_parts", "split_by_names"]

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from vasolib.data.folder import split_by_patient

UNLABELLED, UNUSED = "unlabelled", "unused"
TESTED, GAP = 0.3, 0.1  # shares of one patient's frames: the last ones, and those before that nobody uses


@dataclass(frozen=True)
class Parts:
    """Of each image of a set by its stem: `of` its part (train, test, unlabelled or unused), its patient, its cine.

    unknown: images that a table names and the folder has not, or the other way round. source: where the parts are from.
    """

    of: Mapping[str, str]
    patient: Mapping[str, str]
    unknown: set[str]
    source: str
    cine: Mapping[str, str] = field(default_factory=dict)


def published_parts(name: str, task: str, table: pd.DataFrame, stems: set[str]) -> Parts:
    """The parts that a set's table gives; of a labelled set by patients where the table's cannot be used.

    An image is of its patient, of its cine where the patient is unknown, else of none but itself.

    Args:
        table: from `vasolib.v2.real_tables.read_parts`.
        stems: of the images that are there.
    """
    known = table["patient"].where(table["patient"] != "", table["cine"])
    patients = dict(zip(table["id"], known.where(known != "", table["id"]), strict=True))
    split, unknown = dict(zip(table["id"], table["split"], strict=True)), set(patients) ^ stems
    if not task:  # all but a published test part is learned from
        return Parts({stem: part if part == "test" else "train" for stem, part in split.items()}, patients, unknown, "")
    val = "train" if "test" in split.values() else "test"
    split = {stem: val if part == "val" else part for stem, part in split.items()}
    labelled = {stem: patients[stem] for stem, part in split.items() if part != UNLABELLED}
    sides = [{labelled[stem] for stem in labelled if split[stem] == part} for part in ("train", "test")]
    if all(sides) and not sides[0] & sides[1]:
        return Parts(split, patients, unknown, "parts of table.csv")
    if len(set(labelled.values())) == 1 < len(labelled):
        of, who = split_by_time(labelled)
        return Parts(split | of, patients | who, unknown, "split by time within one patient, which proves little")
    reason = f"{len(sides[0] & sides[1])} patients are in both parts of table.csv" if all(sides) else "no parts given"
    again = split_by_names(name, labelled)
    return Parts(split | again.of, patients, unknown, f"split by patient, for {reason}")


def split_by_names(name: str, patients: Mapping[str, str]) -> Parts:
    """The first part's rule for images of these patients. UserError where there is one patient only."""
    names = [patient.replace("_", "-") for patient in patients.values()]  # the rule reads what is before the first _
    parts = split_by_patient(name, names)
    return Parts(dict(zip(patients, parts, strict=True)), patients, set(), "split by patient")


def split_by_time(patients: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Parts of one patient's frames in the order of the numbers in their names, and a patient for each part.

    The two are one person, which the check for leaks would refuse.
    """
    stems = sorted(patients, key=lambda stem: [int(part) if part.isdigit() else 0 for part in re.split(r"(\d+)", stem)])
    tested, gap = max(1, round(TESTED * len(stems))), round(GAP * len(stems))
    learned = len(stems) - tested - gap
    of = dict(zip(stems, ["train"] * learned + [UNUSED] * gap + ["test"] * tested, strict=True))
    return of, {stem: f"{patients[stem]} {'late' if part == 'test' else 'early'}" for stem, part in of.items()}
