"""Where the images of the extended part come from: twins of each task's sets, or real sets in their places.

With real data the corpus holds every image of a set without labels, as the extended paper's does, and of labelled sets
those that their table calls unlabelled; those to fine-tune on as well where `labelled_in_corpus` says so or there is
nothing else. Nothing that is tested on in any set is learned from in another.
"""

__all__ = ["Source", "sources_of", "write_sets"]

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from vasolib.data.building import Frames, build_store, left_out_of
from vasolib.data.duplicates import copies
from vasolib.data.leaks import check_no_leak, splits
from vasolib.data.left_out import LeftOut, check_share, write_left_out
from vasolib.data.sources import check_parts, copy_of
from vasolib.data.store import ImageStore
from vasolib.errors import UserError, nearest
from vasolib.files import put
from vasolib.v2.cines import cines_of, write_cines
from vasolib.v2.labels import build_labelled
from vasolib.v2.real_files import RealFile, real_frames
from vasolib.v2.real_sets import RealSet, find_real_sets
from vasolib.v2.study import Extended
from vasolib.v2.twins import corpus_cines, corpus_frames, twin_frames


@dataclass(frozen=True)
class Source:
    """What a store is made of; task: of its labels, "" for the corpus; about: where the images are from; cines: of
    images by their ids, where known."""

    frames: Frames
    task: str
    about: str
    cines: Mapping[str, str] = field(default_factory=dict)


def write_sets(extended: Extended, *, unfinished: Path) -> tuple[dict[str, ImageStore], list[LeftOut], pd.DataFrame]:
    """Build the stores `corpus` and one per set of each task below work/<run>/v2/stores; older ones are replaced.

    Args:
        unfinished: folder on the same disk to build them in, which a killed call leaves and the next one goes on with;
            its name must change with anything that changes the stores.

    Returns:
        The stores by name; the sets and files left out, which left_out.csv beside the stores lists too if there are
        any; and a row per set and part: set, task, part, images, patients, cines (0 if unknown), source.

    Raises:
        UserError: no usable data, or too few, see `find_real_sets`, `check_share` and `check_parts`; a set that is
            neither in the folder nor a twin; or a leak, see `check_no_leak`.
    """
    side, folder = extended.study.scale.image.store_side, extended.work("stores")
    sources, found, left_out = sources_of(extended)
    for name, source in sources.items():
        if source.task in ("", "vessels"):
            build_store(unfinished / name, source.frames, side, resume=True)
        else:
            build_labelled(unfinished / name, source.frames, side)
        write_cines(unfinished / name, source.cines)
        left_out += left_out_of(unfinished / name)
    left_out = list(dict.fromkeys(left_out))  # an image of the corpus may be one of a labelled set too
    if left_out:  # first, to be read where what follows refuses
        write_left_out(unfinished / "left_out.csv", left_out)
    for name, one in found.items():
        check_share(name, len(one.stems), left_out)
    check_parts(unfinished, tuple(name for name, source in sources.items() if source.task))
    check_no_leak(splits({name: ImageStore.open(unfinished / name) for name in sources}))
    put(unfinished, folder)
    stores = {name: ImageStore.open(folder / name) for name in sources}
    return stores, left_out, described(stores, sources)


def sources_of(extended: Extended) -> tuple[dict[str, Source], dict[str, RealSet], list[LeftOut]]:
    """The sources of all stores by name, the corpus first; the real sets; and what is left out before it is opened."""
    params, sizes = extended.params, extended.more.twins
    seed, side = extended.study.params.seed, extended.study.scale.image.store_side
    found, left_out, pooled = {}, [], {}
    if extended.study.params.data == "synthetic":
        size = sizes.recordings, sizes.frames
        corpus = Source(corpus_frames(*size, seed, side), "", "synthetic", corpus_cines(*size))
    else:
        found, left_out = find_real_sets(Path(extended.study.params.data))
        pooled, copied = pool(found, params.labelled_in_corpus)
        left_out += copied
        names = sorted({file.source for file in pooled["corpus"]})
        corpus = real_source(pooled["corpus"], "", f"real, of {', '.join(names)}")
    sources = {"corpus": corpus}
    for task, names in params.sets.items():
        for name in names:
            if name in sources:
                raise UserError(f"two stores would be called {name!r}: give each set of params_v2.yaml its own name")
            if name in found and found[name].task == task:
                sources[name] = real_source(pooled[name], task, f"real, {found[name].parts}")
            elif name in params.twins:
                number, style = list(params.twins).index(name), params.twins[name]
                frames = twin_frames(name, task, style, number, getattr(sizes, task), seed, side)
                sources[name] = Source(frames, task, f"synthetic, style {style}")
            else:
                known = [*(other for other, one in found.items() if one.task == task), *params.twins]
                raise UserError(f"there is no set {name!r} of {task}: {nearest(name, known)}")
    return sources, found, left_out


def real_source(files: list[RealFile], task: str, about: str) -> Source:
    """A store of real images."""
    return Source(real_frames(files, task), task, about, {file.id: file.cine for file in files})


def pool(found: Mapping[str, RealSet], labelled: bool) -> tuple[dict[str, list[RealFile]], list[LeftOut]]:
    """The images of the corpus and of each labelled set, each file's bytes once, and the copies that are left out.

    Sets of two tasks may show the same images, as ARCADE's vessels and segments do: those are kept in both, and are in
    the corpus once. Where one would be tested on and the other learned from, the latter is left out.

    Args:
        labelled: whether the corpus has the images to fine-tune on, too; it has them where there are no others.

    Raises:
        UserError: it has no image.
    """
    files = [replace(file, mask=file.label) for one in found.values() for file in one.files]
    labelled = labelled or all(file.split == "test" or fine_tuned_on(file, found) for file in files)
    same = copies(files)  # of a test image and others, the first test image is the one that is kept
    tested = {same.get(file.path, file.path) for file in files if file.split == "test"}
    pooled: dict[str, list[RealFile]] = {"corpus": []} | {name: [] for name, one in found.items() if one.task}
    used: dict[str, dict[Path, Path]] = {name: {} for name in ("corpus", *found)}
    left_out = []
    for file in sorted(files, key=lambda file: file.split != "test"):
        origin, own = same.get(file.path, file.path), used[file.source]
        if origin in own or (file.split != "test" and origin in tested):
            left_out.append(copy_of(file, own.get(origin, origin)))
            continue
        own[origin] = file.path
        if (file.split == "test" and found[file.source].task) or fine_tuned_on(file, found):
            pooled[file.source].append(file)
        if file.split != "test" and (labelled or not fine_tuned_on(file, found)) and origin not in used["corpus"]:
            used["corpus"][origin] = file.path
            pooled["corpus"].append(replace(file, split="train"))
    if not pooled["corpus"]:
        raise UserError("no image of the data folder may be learned from: add a set without labels, or training images")
    order = {file.path: number for number, file in enumerate(files)}
    return {name: sorted(kept, key=lambda file: order[file.path]) for name, kept in pooled.items()}, left_out


def fine_tuned_on(file: RealFile, found: Mapping[str, RealSet]) -> bool:
    """Whether a file is a labelled one to learn from."""
    return file.split == "train" and bool(found[file.source].task)


def described(stores: Mapping[str, ImageStore], sources: Mapping[str, Source]) -> pd.DataFrame:
    """A row per store and part: set, task, part, images, patients, cines, source."""
    rows = []
    for name, store in stores.items():
        for part, table in store.table.assign(cine=cines_of(store)).groupby("split", sort=False):
            patients = (table["source"] + "/" + table["patient"]).nunique()
            cines = table["cine"][table["cine"] != ""].nunique()
            rows.append((name, sources[name].task, part, len(table), patients, cines, sources[name].about))
    return pd.DataFrame(rows, columns=["set", "task", "part", "images", "patients", "cines", "source"])
