"""The public data sets of the papers: what each is, its licence, how to get it, how many images it should have.

The facts are data, in catalogue.yaml beside this file; here is what they must look like.
"""

__all__ = ["CATALOGUE", "OWN", "Download", "Entry", "entry_of", "read_catalogue"]

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from vasolib.errors import UserError, nearest

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
KINDS = {"vessels", "segments", "stenoses", "boxes"}
CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")
FILE = re.compile(r"[\w.-]+\.(zip|7z|tar\.gz|rar)")
NAME = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Download:
    """One file that a program can fetch.

    file: its name on disk.
    url: where it is, or "" for a file of a Hugging Face data set.
    repo, revision: that data set and its commit, or "".
    megabytes: about its size, 0 if unknown.
    checksum: algorithm:hexadecimal digits, "" if unknown.
    """

    file: str
    url: str = ""
    repo: str = ""
    revision: str = ""
    megabytes: int = 0
    checksum: str = ""

    @property
    def source(self) -> str:
        """Where it comes from, as a link."""
        return self.url or f"https://huggingface.co/datasets/{self.repo}/resolve/{self.revision}/{self.file}"


@dataclass(frozen=True)
class Entry:
    """What is known of one data set.

    kinds: of its labels: vessels, segments, stenoses, boxes; none for pre-training only.
    licence: as stated, or "none stated".
    layout: how it is published.
    downloads, steps: to get it by a program; to get it by hand.
    expected: the number of images of each part; patients: that of patients, 0 if no paper states it.
    roles: what it is for in v1 and v2, the first and the extended paper.
    unconfirmed: what could not be confirmed of all this.
    """

    name: str
    title: str
    about: str
    kinds: tuple[str, ...]
    licence: str
    citation: str
    home: str
    layout: str
    downloads: tuple[Download, ...]
    steps: tuple[str, ...]
    expected: dict[str, int]
    patients: int
    roles: dict[str, str]
    unconfirmed: tuple[str, ...]


# No published set, but what a hospital's archive gives out: a folder of DICOM files of the user's own.
OWN = Entry(
    "dicom",
    "DICOM files of your own",
    "Angiograms as a hospital's archive gives them out, for pre-training: each frame becomes an image.",
    kinds=(),
    licence="yours to know",
    citation="none",
    home="",
    layout="Files with a DICOM header at any depth, whatever their names; patient ids become hashes.",
    downloads=(),
    steps=(
        "Have the files de-identified: paths stand in table.csv, and text burnt into pixels stays.",
        "Import them: python -m vasolib.data import dicom FOLDER --to DATA",
    ),
    expected={},
    patients=0,
    roles={},
    unconfirmed=(),
)

TEXTS = ("title", "about", "licence", "citation", "home", "layout")
LISTS = ("kinds", "steps", "unconfirmed")
FIELDS = {field.name for field in fields(Entry)} - {"name"}


def read_catalogue(path: Path = CATALOGUE) -> dict[str, Entry]:
    """The entries by name, in the file's order.

    Raises:
        UserError: the file is not YAML, or a field is missing, unknown or of another form.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}): restore it") from error
    if not isinstance(found, dict) or not found:
        raise UserError(f"{path} has no entries, expected one per data set: restore it")
    return {str(name): _entry(path, str(name), raw) for name, raw in found.items()}


def entry_of(name: str) -> Entry:
    """The entry of a data set, or `OWN`. UserError, with the nearest name, where there is none."""
    catalogue = read_catalogue() | {OWN.name: OWN}
    if name not in catalogue:
        raise UserError(f"no data set {name!r} in the catalogue: {nearest(name, catalogue)}")
    return catalogue[name]


def _entry(path: Path, name: str, raw: object) -> Entry:
    """One entry, checked. UserError that names the file and the field."""
    _expect(NAME.fullmatch(name), path, name, name, "small letters, digits and _")
    _expect(isinstance(raw, dict), path, name, raw, "fields")
    for field in sorted(FIELDS ^ raw.keys()):
        _expect(False, path, f"{name}.{field}", raw.get(field), "it" if field in FIELDS else "no such field")
    for field in TEXTS:
        _expect(_is_text(raw[field]), path, f"{name}.{field}", raw[field], "a text")
    for field in LISTS:
        good = isinstance(raw[field], list) and all(map(_is_text, raw[field]))
        _expect(good, path, f"{name}.{field}", raw[field], "a list of texts")
    _expect(set(raw["kinds"]) <= KINDS, path, f"{name}.kinds", raw["kinds"], f"some of {', '.join(sorted(KINDS))}")
    _expect(re.match("https?://", raw["home"]), path, f"{name}.home", raw["home"], "a link")
    _expect(raw["steps"], path, f"{name}.steps", raw["steps"], "a way to get it by hand")
    _expect(_are_counts(raw["expected"]), path, f"{name}.expected", raw["expected"], "numbers of images by part")
    patients = raw["patients"]
    good = type(patients) is int and patients >= 0
    _expect(good, path, f"{name}.patients", patients, "a whole number, 0 if unknown")
    roles = raw["roles"]
    good = isinstance(roles, dict) and roles.keys() == {"v1", "v2"} and all(map(_is_text, roles.values()))
    _expect(good, path, f"{name}.roles", roles, "a text each for v1 and v2")
    listed = raw["downloads"]
    _expect(isinstance(listed, list), path, f"{name}.downloads", listed, "a list")
    downloads = tuple(_download(path, f"{name}.downloads", one) for one in listed)
    return Entry(name, **raw | {field: tuple(raw[field]) for field in LISTS} | {"downloads": downloads})


def _download(path: Path, where: str, raw: object) -> Download:
    """One download, checked."""
    known = {field.name for field in fields(Download)}
    _expect(isinstance(raw, dict) and raw.keys() <= known, path, where, raw, f"fields among {', '.join(sorted(known))}")
    good = FILE.fullmatch(str(raw.get("file")))
    _expect(good, path, f"{where}.file", raw.get("file"), "the plain name of an archive")
    one = Download(**raw)
    _expect(bool(one.url) != bool(one.repo), path, where, raw, "either a url or a repo")
    _expect(bool(one.repo) == bool(one.revision), path, where, raw, "a revision for a repo, and for nothing else")
    _expect(not one.url or re.match("https?://", one.url), path, f"{where}.url", one.url, "a link")
    size = one.megabytes
    _expect(isinstance(size, int) and size >= 0, path, f"{where}.megabytes", size, "a whole number, 0 if unknown")
    good = not one.checksum or CHECKSUM.fullmatch(one.checksum)
    _expect(good, path, f"{where}.checksum", one.checksum, "sha256: or md5: and as many digits as it has")
    return one


def _expect(good: object, path: Path, where: str, found: object, expected: str) -> None:
    """UserError unless `good`."""
    if not good:
        raise UserError(f"{path.name}: {where} is {found!r}, expected {expected}: mend or restore {path}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_counts(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(_is_text(part) and type(count) is int and count > 0 for part, count in value.items())
    )
