"""`python -m vasolib.data`: the public data sets of the papers, listed, downloaded, checked and imported."""

__all__ = ["main"]

import argparse
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from vasolib.data.catalogue import OWN, Download, Entry, entry_of, read_catalogue
from vasolib.errors import UserError

DOWNLOADS = Path("downloads")
WIDTH = 100
ROW = "{:<19} {:>7}  {:<27} {:<9} {}"


def listed() -> Iterator[str]:
    """The catalogue as a table, a line a set."""
    yield ROW.format("name", "images", "labels", "get", "licence")
    for entry in (*read_catalogue().values(), OWN):
        how = "program" if entry.downloads else "by hand"
        kinds, count = ", ".join(entry.kinds) or "-", sum(entry.expected.values()) or "-"
        licence = textwrap.shorten(entry.licence, WIDTH - len(ROW.format("", "", kinds, how, "")), placeholder=" ...")
        yield ROW.format(entry.name, count, kinds, how, licence)
    yield "Images: as the papers or the set's authors count them. More: python -m vasolib.data show NAME"


def shown(entry: Entry) -> Iterator[str]:
    """All that is known of a set, lines of up to 100 columns but for links."""
    yield f"{entry.name}: {entry.title}"
    yield from item("", entry.about)
    for name in ("licence", "citation", "home", "layout"):
        yield from item(name, getattr(entry, name))
    yield from item("labels", ", ".join(entry.kinds) or "none: for pre-training only")
    parts = ", ".join(f"{part} {count}" for part, count in entry.expected.items())
    yield from item("images", f"{parts}; {sum(entry.expected.values())} in all" if parts else "")
    yield from item("patients", str(entry.patients or ""))
    for version, role in entry.roles.items():
        yield from item(f"role in {version}", role)
    for one in entry.downloads:
        known = one.checksum or "no checksum known"
        yield from item("download", f"{one.source} ({size(one)}; {known})")
    for number, step in enumerate(entry.steps, start=1):
        yield from item("by hand" if number == 1 else "", f"{number}. {step}")
    for note in entry.unconfirmed:
        yield from item("unconfirmed", note)


def item(name: str, text: str) -> list[str]:
    """A named text, wrapped; links and checksums stay whole."""
    indent = f"  {name:<11} "
    wrap = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent), **wrap)


def size(one: Download) -> str:
    """About how large a file is."""
    return f"about {one.megabytes} MB" if one.megabytes else "size unknown"


def asked(entry: Entry, files: list[Download]) -> bool:
    """Whether the user agrees to download files. UserError where there is nobody to ask."""
    print(f"{entry.title}, licence: {entry.licence}")
    for one in files:
        print(f"  {one.file} ({size(one)}) from {one.source}")
    if not sys.stdin.isatty():
        raise UserError(f"{entry.name} is downloaded only when agreed to, and nobody can answer here: add --yes")
    return input("Download? [y/N] ").strip().lower() in ("y", "yes")


def fetch_set(entry: Entry, to: Path, yes: bool) -> None:
    """Download a set, and say how to import it."""
    from vasolib.data.fetch import fetch

    if not entry.downloads:
        print("\n".join(shown(entry)))
    folder = fetch(entry, to, lambda files: yes or asked(entry, files))
    print(f"{entry.name} is in {folder}; import it: python -m vasolib.data import {entry.name} '{folder}' --to DATA")


def import_folder(entry: Entry, folder: Path, to: Path, only: str, splits: str) -> None:
    """Import a set's published folder into the user's folder of sets, and say what came of it."""
    from vasolib.data.importers import SPLITS, import_set

    wanted = [split.strip() for split in splits.split(",")] if splits else SPLITS
    for summary in import_set(entry.name, existing(folder), to, entry, only, wanted):
        print(summary, flush=True)  # a set at a time: the next may take hours, or be refused
    print(f"in {to}; a run on it: make study DATA='{to}'")
    print(f"licence: {entry.licence}; cite: {entry.citation}")


def check_folder(entry: Entry, folder: Path) -> None:
    """Compare a set's published folder with the catalogue."""
    from vasolib.data.importers import check_set

    print("\n".join(check_set(entry.name, existing(folder), entry)) or f"{entry.name}: nothing to report")


def copy_few(folder: Path, to: Path, images: int) -> None:
    """Copy some images of each imported set, and say how to rehearse on them."""
    from vasolib.data.importers.few import write_few

    print("\n".join(write_few(folder, to, images)))
    print(f"in {to}; a rehearsal on it: make study PART=v2 SCALE=smoke DATA='{to}'")


def existing(folder: Path) -> Path:
    """A folder that is there. UserError if it is not."""
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {found}, expected the folder of the unpacked set: name it, or unpack the file first")
    return folder


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m vasolib.data", description="Public data sets of the two papers.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the sets, a line each")
    helps = {
        "show": "all that is known of a set, and how to get it",
        "fetch": "download a set, after asking",
        "import": "bring a set's published folder into the layout that DATA= takes",
        "check": "compare a set's published folder with what it should hold",
    }
    made = {name: commands.add_parser(name, help=text) for name, text in helps.items()}
    for command in made.values():
        command.add_argument("name", metavar="NAME", help="of a set, see list")
    for name in ("import", "check"):
        words = "of the set as published, unpacked (default: where fetch left it)"
        made[name].add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help=words)
    made["fetch"].add_argument("--to", type=Path, default=DOWNLOADS, help="folder for it (%(default)s)")
    made["fetch"].add_argument("--yes", action="store_true", help="do not ask")
    words = "the folder of imported sets (%(default)s)"
    made["import"].add_argument("--to", type=Path, default=Path("angiograms"), metavar="DATA", help=words)
    made["import"].add_argument("--only", default="", metavar="PART", help="one part of the set only")
    words = "its images of these splits only, such as train,test (all)"
    made["import"].add_argument("--split", default="", metavar="SPLITS", help=words)
    few = commands.add_parser("few", help="copy some images of each imported set, for a rehearsal")
    few.add_argument("folder", type=Path, metavar="FOLDER", help="of imported sets")
    few.add_argument("--to", type=Path, required=True, metavar="FEW", help="folder for them, still to be made")
    few.add_argument("--images", type=int, default=24, metavar="N", help="of each labelled part, at most (%(default)s)")
    return top


def carry_out(given: argparse.Namespace) -> None:
    """Do what one command line says."""
    if given.command == "list":
        print("\n".join(listed()))
        return
    if given.command == "few":
        copy_few(given.folder, given.to, given.images)
        return
    entry = entry_of(given.name)
    if given.command == "show":
        print("\n".join(shown(entry)))
    elif given.command == "fetch":
        fetch_set(entry, given.to, given.yes)
    else:
        from vasolib.data.fetch import fetched

        folder = given.folder or fetched(entry, DOWNLOADS)
        if given.command == "check":
            check_folder(entry, folder)
        else:
            import_folder(entry, folder, given.to, given.only, given.split)


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help; 0 when it did what was asked."""
    given = parser().parse_args(arguments)
    try:
        carry_out(given)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads what is printed, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):  # the user's, from the keyboard
        print("stopped: what it said is done stays, and the same command does the rest", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
