"""XCAD (Ma et al. 2021): 1,621 frames without labels and 126 with vessel masks.

Certain (programs that read it): train/trainB are angiograms, train/trainC background frames before the contrast agent
and train/trainA drawn fractals, none of which is imported; test/images and test/masks are paired by name. Inferred: the
1,621 frames are those of trainB. From the names, such as 00018_33, the part before the underscore is taken for the
cine; patients are not known. A third party's split of the labelled frames (SPIRONet: train and test with img and label
each) is read too.

Two sets, because one has labels for all images or for none: xcad (labelled) and xcad_unlabelled. Where XCAD is tested
on, leave its frames out of pre-training.
"""

__all__ = ["plan_xcad"]

from collections.abc import Iterator
from pathlib import Path

from vasolib.data.importers.caxf import has_parts, parts_of, strange_parts, with_parts
from vasolib.data.importers.looking import id_of, listed, locate, pairs, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.importers.splits import splits_in
from vasolib.data.left_out import LeftOut

LABELLED, UNLABELLED = "xcad", "xcad_unlabelled"
UNPAIRED = ("trainA", "trainB", "trainC")
LAYOUT = ("folders train/trainB or test/images and test/masks, expected XCAD as published: train/{trainA,trainB,trainC}"
          " and test/{images,masks}")  # fmt: skip


def plan_xcad(folder: Path) -> list[Plan]:
    """The labelled and the unlabelled set, as far as they are there. UserError where neither is."""
    root = locate(folder, lambda one: has_parts(one) or _unpaired(one), LAYOUT)
    parts, unpaired = parts_of(root, UNPAIRED), _unpaired(root)
    notes = strange_parts(root, parts)
    plans = [Plan(LABELLED, "vessels", with_parts(_labelled(root, parts)), "labelled", notes=notes)] if parts else []
    if unpaired:
        plans.append(Plan(UNLABELLED, "", list(_unlabelled(root, unpaired)), "unlabelled", notes=notes))
    return plans


def _unpaired(root: Path) -> Path | None:
    """The folder of angiograms without masks, if there is one."""
    train = splits_in(root).get("train")
    return train / "trainB" if train and (train / "trainB").is_dir() else None


def _labelled(root: Path, parts: dict[str, tuple[Path, Path]]) -> Iterator[Item | LeftOut]:
    for split, (images, masks) in parts.items():
        for pair in pairs(LABELLED, root, images, masks):
            if isinstance(pair, LeftOut):
                yield pair
                continue
            stem, path, label = pair
            name, cine = _names(stem)
            yield Item(name, path, within(root, path), split, cine=cine, part="test", label=label)


def _unlabelled(root: Path, folder: Path) -> Iterator[Item | LeftOut]:
    files, bad = listed(UNLABELLED, root, folder)
    yield from bad
    for stem, path in files.items():
        name, cine = _names(stem)
        yield Item(name, path, within(root, path), "unlabelled", cine=cine, part="train")


def _names(stem: str) -> tuple[str, str]:
    """Id and cine of a frame."""
    name = id_of(stem)
    return name, name.partition("_")[0] if "_" in name else ""
