"""Where a run's images come from: the embedded generator, or a folder of real sets; each becomes a store."""

__all__ = ["write_stores"]

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from vasolib.data.building import Frames, build_store, left_out_of
from vasolib.data.duplicates import copies
from vasolib.data.folder import FolderSet, ImageFile, find_sets, frames_of, place
from vasolib.data.left_out import LeftOut, check_share, write_left_out
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import CORPUS_STYLE, Style, named_style
from vasolib.errors import UserError
from vasolib.files import put
from vasolib.settings import SyntheticSizes

BENCHMARK_OFFSET = 1_000_000  # no benchmark image shares its index, so its anatomy, with one of the corpus


def write_stores(
    folder: Path,
    data: str,
    benchmarks: tuple[str, ...],
    sizes: SyntheticSizes,
    seed: int,
    side: int,
    *,
    unfinished: Path,
) -> tuple[dict[str, ImageStore], list[LeftOut]]:
    """Build the unlabelled store `corpus` and one labelled store per benchmark.

    Args:
        folder: where the stores go, one sub-folder each; an older folder is replaced.
        data: `synthetic`, or the folder of real sets.
        sizes, seed: of the synthetic images.
        side: of stored images in pixels.
        unfinished: folder on the same disk to build them in, which a killed call leaves and the next one goes on with;
            its name must change with anything that changes the stores.

    Returns:
        The stores by name; and the sets and files left out, which `folder`/left_out.csv lists too if there are any.

    Raises:
        UserError: no usable data, or too few, see `find_sets`, `check_share` and `check_parts`.
    """
    if data == "synthetic":
        sets, sources, left_out = {}, synthetic_sources(benchmarks, sizes, seed, side), []
    else:
        sets, left_out = find_sets(Path(data))
        sources, copied = real_sources(sets, benchmarks)
        left_out += copied
    for name, frames in sources.items():
        build_store(unfinished / name, frames, side, resume=True)
        left_out += left_out_of(unfinished / name)
    left_out = list(dict.fromkeys(left_out))  # an image of the corpus may be one of a benchmark too
    if left_out:  # first, to be read where what follows refuses
        write_left_out(unfinished / "left_out.csv", left_out)
    for name, found in sets.items():
        check_share(name, len(found.stems), left_out)
    check_parts(unfinished, benchmarks)
    put(unfinished, folder)
    return {name: ImageStore.open(folder / name) for name in sources}, left_out


def synthetic_sources(benchmarks: tuple[str, ...], sizes: SyntheticSizes, seed: int, side: int) -> dict[str, Frames]:
    """Corpus in its own style; a benchmark `synth-x` in style x, its train part first."""
    items = [(index, "train") for index in range(sizes.corpus)]
    corpus = partial(synthetic_frame, "corpus", named_style(CORPUS_STYLE), seed, side, False)
    sources = {"corpus": Frames(items, corpus)}
    splits = ["train"] * sizes.train + ["test"] * sizes.test
    for name in benchmarks:
        style = named_style(name.removeprefix("synth-"))
        items = list(enumerate(splits, start=BENCHMARK_OFFSET))
        sources[name] = Frames(items, partial(synthetic_frame, name, style, seed, side, True))
    return sources


def synthetic_frame(source: str, style: Style, seed: int, side: int, labelled: bool, item: tuple[int, str]) -> Frame:
    """The frame of an index for a part of a data set."""
    index, split = item
    made = make_frame(seed, index, style, side)
    sha256 = hashlib.sha256(made.image.tobytes()).hexdigest()
    mask = made.labels.mask if labelled else None
    return Frame(f"{source}/{index}", source, split, str(index), sha256, made.image, mask)


def real_sources(sets: dict[str, FolderSet], benchmarks: tuple[str, ...]) -> tuple[dict[str, Frames], list[LeftOut]]:
    """Corpus: every unlabelled set, and the images (not labels) of the labelled sets' training parts.

    Of files with the same bytes one is kept, see `vasolib.data.duplicates.copies`; the others are returned too.
    """
    labelled = {name: frames_of(sets[name], sets[name].split()) for name in benchmarks}
    unlabelled = [frames_of(found) for found in sets.values() if not found.masks]
    files = [file for frames in (*unlabelled, *labelled.values()) for file in frames.items]
    copied = copies(files)
    kept = [file for file in files if file.path not in copied]
    trained = [replace(file, mask=None) for file in kept if file.split == "train"]
    sources = {"corpus": replace(next(iter(labelled.values())), items=trained)}
    for name, frames in labelled.items():
        sources[name] = replace(frames, items=[file for file in kept if file.source == name])
    return sources, [copy_of(file, copied[file.path]) for file in files if file.path in copied]


def copy_of(file: ImageFile, other: Path) -> LeftOut:
    """A file that is left out for another one with the same bytes."""
    reason = f"has the same bytes as {place(other)}, which is used: remove either"
    return LeftOut("copy", file.source, place(file.path), reason)


def check_parts(folder: Path, benchmarks: tuple[str, ...]) -> None:
    """UserError for a benchmark that has lost all usable images of either part."""
    for name in benchmarks:
        parts = set(ImageStore.open(folder / name).table["split"])
        if missing := {"train", "test"} - parts:
            raise UserError(
                f"the set {name} has no usable image in its part {missing.pop()!r}, expected some of two patients or "
                "more in each: mend or add images"
            )
