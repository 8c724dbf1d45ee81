"""XA-170K: the extended paper's pre-training corpus, put together from four sets.

Certain (the authors' README): a folder per source, cadica, syntax, xcad and coronarydominance; folders that end in
_frangi hold a filter's masks and are passed over, as are those in _filter_92, which their code looks for. From memory:
the archive unpacks to `dataset`, and whether the folders of sources are in it is not confirmed, so sources are told by
any folder's name or by how a file's name begins, and images of no known source count for the whole only. Patients are
not known, but for names in CADICA's own form.
"""

__all__ = ["plan_xa170k"]

import re
from pathlib import Path

from vasolib.data.importers.looking import files_below, holding, plain, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.splits import unsplit
from vasolib.data.listing import SUFFIXES

SOURCES = ("cadica", "syntax", "xcad", "coronarydominance")
CADICA = re.compile(r"(p\d+)_(v\d+)_\d+")
FILTERED = re.compile(r".*_(frangi|filter)(_\d+)?", re.IGNORECASE)
LAYOUT = "image, expected XA-170K as published: dataset/{cadica,syntax,xcad,coronarydominance}/<name>.png"


def plan_xa170k(folder: Path) -> list[Plan]:
    """The corpus. UserError where there is no image."""
    root = holding(folder, SUFFIXES, LAYOUT)
    paths = [path for path in files_below(root) if not _is_filtered(path.relative_to(root))]
    return [Plan("xa170k", "", [_item(root, path) for path in paths], notes=unsplit(root, paths))]


def _is_filtered(path: Path) -> bool:
    return any(FILTERED.fullmatch(name) for name in path.parts[:-1])


def _item(root: Path, path: Path) -> Item:
    """One image, its source, and what its name tells."""
    inside = path.relative_to(root)
    names = [plain(name).replace("-", "").lower() for name in inside.parts]
    source = next((one for one in SOURCES if one in names[:-1]), None)
    source = source or next((one for one in SOURCES if names[-1].startswith(one)), "")
    match = CADICA.fullmatch(path.stem)
    patient = f"{source or 'cadica'}-{match[1]}" if match else ""
    cine = f"{patient}_{match[2]}" if match else ""
    name = f"{patient}_{path.stem.partition('_')[2]}" if match else "-".join(plain(one) for one in _id(inside, source))
    return Item(name, path, within(root, path), "unlabelled", patient, cine, part=source)


def _id(inside: Path, source: str) -> tuple[str, ...]:
    """The parts of an id: the source's or the folders' names, and the file's."""
    folders = inside.parts[:-1]
    known = [number for number, name in enumerate(folders) if plain(name).replace("-", "").lower() == source]
    return (*((source, *folders[known[0] + 1 :]) if known else folders), inside.stem)
