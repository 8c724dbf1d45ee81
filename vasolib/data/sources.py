"""Where a run's images come from: the embedded generator, or a folder of real sets; each becomes a store."""

__all__ = ["write_stores"]

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from vasolib.data.building import Frames, build_store
from vasolib.data.folder import find_sets, frames_of, split_by_patient
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import CORPUS_STYLE, Style, named_style
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
) -> tuple[dict[str, ImageStore], dict[str, str]]:
    """Build the unlabelled store `corpus` and one labelled store per benchmark.

    Args:
        folder: where the stores go, one sub-folder each; an older folder is replaced.
        data: `synthetic`, or the folder of real sets.
        sizes, seed: of the synthetic images.
        side: of stored images in pixels.
        unfinished: folder on the same disk to build them in, which a killed call leaves and the next one goes on with;
            its name must change with anything that changes the stores.

    Returns:
        The stores by name, and the sets left out with the reason.
    """
    if data == "synthetic":
        sources, left_out = synthetic_sources(benchmarks, sizes, seed, side), {}
    else:
        sources, left_out = real_sources(Path(data), benchmarks)
    for name, frames in sources.items():
        build_store(unfinished / name, frames, side, resume=True)
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


def real_sources(root: Path, benchmarks: tuple[str, ...]) -> tuple[dict[str, Frames], dict[str, str]]:
    """Corpus: every unlabelled set, and the images (not labels) of the labelled sets' training parts."""
    sets, left_out = find_sets(root)
    splits = {name: split_by_patient(name, [p.stem for p in sets[name].images]) for name in benchmarks}
    labelled = {name: frames_of(sets[name], splits[name]) for name in benchmarks}
    unlabelled = [frames_of(found) for found in sets.values() if not found.masks]
    files = [file for frames in (*unlabelled, *labelled.values()) for file in frames.items]
    trained = [replace(file, mask=None) for file in files if file.split == "train"]
    return {"corpus": replace(next(iter(labelled.values())), items=trained)} | labelled, left_out
