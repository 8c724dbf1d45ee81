"""What is left out of real data and why, and how much of it is too much."""

__all__ = ["BadFile", "LeftOut", "MAX_UNUSABLE", "check_share", "shown", "write_left_out"]

import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from vasolib.errors import UserError
from vasolib.files import write_csv

EXAMPLES = 3  # of unusable files, in a message
MAX_UNUSABLE = 0.2  # of a set's images: more is a fault of the whole set, which nobody wants repaired in silence


class BadFile(UserError):
    """A file that cannot be used, which leaves the ones beside it as good as they were."""

    def __init__(self, path: Path, reason: str):
        """`reason`: what was found, what was expected and what to do."""
        super().__init__(path, " ".join(reason.split()))

    @property
    def reason(self) -> str:
        """The message without the file."""
        return self.args[1]

    def __str__(self) -> str:
        return f"{shown(str(self.args[0]))} {self.reason}"


@dataclass(frozen=True)
class LeftOut:
    """One file or set that is not used.

    kind: "unusable" for images that are lost to a set, with them what its share is counted by; "copy" for a second file
    of the same bytes; "ignored" for what was no image of the set in the first place; "set" for a whole one.
    source: the set. file: its place in the data folder. reason: what was found, what was expected and what to do.
    """

    kind: str
    source: str
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file} {self.reason}"


def shown(name: str) -> str:
    """A name that is safe to print and to write as UTF-8: control characters and broken bytes are escaped."""
    unsafe = ("Cc", "Cs", "Zl", "Zp")
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in unsafe else c for c in name)


def check_share(source: str, images: int, left_out: Iterable[LeftOut]) -> None:
    """UserError if more than `MAX_UNUSABLE` of the images that the set `source` lists are unusable, or all are.

    Files that share a name but for the suffix are one image.
    """
    unusable = [one for one in left_out if one.source == source and one.kind == "unusable"]
    names = {one.file.rpartition("/")[2].rpartition(".")[0] for one in unusable}
    if len(names) > MAX_UNUSABLE * images:
        raise UserError(
            f"the set {source} has {len(names)} unusable images of {images}, expected at most {MAX_UNUSABLE:.0%}: mend "
            f"or remove them; {EXAMPLES} at most are: {'; '.join(map(str, unusable[:EXAMPLES]))}"
        )


def write_left_out(path: Path, left_out: Iterable[LeftOut]) -> None:
    """A table with a row for each, in this order."""
    write_csv(path, pd.DataFrame([asdict(one) for one in left_out]))
