"""Where a run's images come from: the embedded generator, or a folder of real sets; each becomes a store."""

__all__ = ["check_no_leak", "write_stores"]

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vasolib.data.folder import FolderSet, find_sets, frames_of, split_by_patient
from vasolib.data.store import Frame, ImageStore, build_store
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import CORPUS_STYLE, named_style
from vasolib.errors import UserError
from vasolib.settings import SyntheticSizes

BENCHMARK_OFFSET = 1_000_000  # no benchmark image shares its index, so its anatomy, with one of the corpus


def write_stores(
    folder: Path, data: str, benchmarks: tuple[str, ...], sizes: SyntheticSizes, seed: int, side: int
) -> tuple[dict[str, ImageStore], dict[str, str]]:
    """Build the unlabelled store `corpus` and one labelled store per benchmark.

    Args:
        folder: where the stores go, one sub-folder each.
        data: `synthetic`, or the folder of real sets.
        sizes, seed: of the synthetic images.
        side: of stored images in pixels.

    Returns:
        The stores by name, and the sets left out with the reason.
    """
    if data == "synthetic":
        sources, left_out = synthetic_sources(benchmarks, sizes, seed, side), {}
    else:
        sources, left_out = real_sources(Path(data), benchmarks)
    return {name: build_store(folder / name, frames, side) for name, frames in sources.items()}, left_out


def synthetic_sources(
    benchmarks: tuple[str, ...], sizes: SyntheticSizes, seed: int, side: int
) -> dict[str, Iterator[Frame]]:
    """Corpus in its own style; a benchmark `synth-x` in style x, its train part first."""
    corpus = synthetic_frames("corpus", CORPUS_STYLE, range(sizes.corpus), seed, side)
    sources = {"corpus": (replace(frame, mask=None) for frame in corpus)}
    for name in benchmarks:
        indices = range(BENCHMARK_OFFSET, BENCHMARK_OFFSET + sizes.train + sizes.test)
        frames = synthetic_frames(name, name.removeprefix("synth-"), indices, seed, side)
        sources[name] = (replace(frame, split="train" if i < sizes.train else "test") for i, frame in enumerate(frames))
    return sources


def synthetic_frames(source: str, style: str, indices: range, seed: int, side: int) -> Iterator[Frame]:
    """Frames in the order of their indices, made on all cores."""
    drawn = make_frames(seed, indices, named_style(style), side, workers=-1)
    for index, frame in zip(indices, drawn, strict=True):
        name, sha256 = f"{source}/{index}", hashlib.sha256(frame.image.tobytes()).hexdigest()
        yield Frame(name, source, "train", str(index), sha256, frame.image, frame.labels.mask)


def real_sources(root: Path, benchmarks: tuple[str, ...]) -> tuple[dict[str, Iterator[Frame]], dict[str, str]]:
    """Corpus: every unlabelled set, and the images (not labels) of the labelled sets' training parts."""
    sets, left_out = find_sets(root)
    splits = {name: split_by_patient(name, [p.stem for p in sets[name].images]) for name in benchmarks}
    unlabelled = (frames_of(found, None) for found in sets.values() if not found.masks)
    training = (without_labels(training_part(sets[name], splits[name])) for name in benchmarks)
    sources = {"corpus": chain.from_iterable(chain(unlabelled, training))}
    return sources | {name: frames_of(sets[name], splits[name]) for name in benchmarks}, left_out


def training_part(labelled: FolderSet, split: list[str]) -> Iterator[Frame]:
    """The frames of a labelled set that are not for testing."""
    return (frame for frame in frames_of(labelled, split) if frame.split == "train")


def without_labels(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Frames whose masks are dropped."""
    return (replace(frame, mask=None) for frame in frames)


def check_no_leak(stores: dict[str, ImageStore], benchmarks: tuple[str, ...]) -> None:
    """No test image is in the corpus, by the checksums of the images.

    Raises:
        UserError: one is; with its benchmark, and its ids in both.
    """
    corpus = stores["corpus"].table
    for name in benchmarks:
        table = stores[name].table
        tested = table[(table["split"] == "test") & table["sha256"].isin(corpus["sha256"])]
        if len(tested):
            copies = corpus[corpus["sha256"].isin(tested["sha256"])]
            raise UserError(
                f"{name}: test images {list(tested['id'])} are in the corpus too, as {list(copies['id'])}: "
                "take either out of the data folder"
            )
