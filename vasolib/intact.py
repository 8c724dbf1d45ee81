"""`python -m vasolib.intact RUN`: read every file that a run's stages wrote, and compare it with what DVC recorded.

DVC itself looks at a file again only when its time or size has changed. This finds bytes that changed without either,
as on a failing disk. What differs is removed, so that the next start makes it again or takes it from DVC's cache.
"""

__all__ = ["damaged_files", "damaged_objects", "main"]

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from vasolib.errors import UserError
from vasolib.files import remove
from vasolib.leftovers import exclusive
from vasolib.study import Study

CACHE = Path(".dvc", "cache", "files", "md5")


def md5(path: Path) -> str:
    """DVC's checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def damaged_objects(root: Path) -> list[Path]:
    """Files of DVC's cache whose bytes are not those of their names."""
    objects = sorted(path for path in (root / CACHE).glob("??/*") if path.is_file())
    return [path for path in objects if md5(path) != (path.parent.name + path.name).removesuffix(".dir")]


def recorded(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file that a stage wrote, and its checksum; a folder as a whole where its list is not in DVC's cache."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            outs = [(Path(out.fs_path), out.hash_info.value) for stage in repo.index.stages for out in stage.outs]
    except DvcException as error:
        raise UserError(f"{error}: `make study` as before puts dvc.lock in order") from None
    for path, checksum in outs:
        if checksum is None:  # the stage has not run yet
            continue
        listing = root / CACHE / checksum[:2] / checksum[2:]
        if checksum.endswith(".dir") and listing.is_file():
            for file in json.loads(listing.read_text(encoding="utf-8")):
                yield path / file["relpath"], file["md5"]
        else:
            yield path, checksum


def folder_md5(folder: Path) -> str:
    """DVC's checksum of a folder: that of the list of its files, as DVC writes it, and .dir."""
    files = {path.relative_to(folder).as_posix(): md5(path) for path in folder.rglob("*") if path.is_file()}
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(listing).encode()).hexdigest() + ".dir"


def damaged_files(root: Path) -> list[Path]:
    """Files, and folders without a list, that are there and are not as a stage wrote them."""
    there = ((path, checksum) for path, checksum in recorded(root) if path.exists())
    return [path for path, checksum in there if (folder_md5 if path.is_dir() else md5)(path) != checksum]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help; 0 when all is as it was written."""
    parser = argparse.ArgumentParser(prog="python -m vasolib.intact", description="Is every file as it was written?")
    parser.add_argument("run", nargs="?", default="laptop", help="name of the run (default: %(default)s)")
    try:
        study = Study.open(parser.parse_args(arguments).run)
        with exclusive(study.root):
            damaged = damaged_objects(study.root)
            for path in damaged:  # the lists of folders are among them
                remove(path)
            damaged += damaged_files(study.root)
            for path in damaged:
                remove(path)
                print(f"damaged, removed: {path.relative_to(study.root)}")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(damaged)} damaged files" + (": `make study` as before makes them again" if damaged else ""))
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
