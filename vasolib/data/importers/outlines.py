"""What an annotation file of ARCADE says of each image: its size, its outlines, and why these are not all usable.

What is harmless is repaired and counted: ids that repeat, an annotation that is there twice, one of the other half's
categories. What would leave a vessel or a stenosis without its label is the fault of its image.
"""

__all__ = ["Annotations", "Noted", "Outline", "read_annotations"]

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from vasolib.data.importers.looking import stated
from vasolib.data.listing import stem_of
from vasolib.data.synthetic.tree import SYNTAX
from vasolib.errors import UserError

STENOSIS = "stenosis"


@dataclass(frozen=True)
class Outline:
    """One annotation: its category's name and its polygons (N, 2) of x and y in pixels."""

    category: str
    polygons: tuple[np.ndarray, ...]


@dataclass
class Noted:
    """What is said of one image: its size (H, W), None if that is not said; its outlines; why they are not all there.

    seen: its annotations, word by word.
    """

    size: tuple[float, float] | None
    outlines: list[Outline] = field(default_factory=list)
    fault: str = ""
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Annotations:
    """A file's images by stem, how often what was repaired, and the ids in its annotations that no image has."""

    images: dict[str, Noted] = field(default_factory=dict)
    repairs: Counter[str] = field(default_factory=Counter)
    strangers: list[object] = field(default_factory=list)


def read_annotations(path: Path, kind: str) -> Annotations:
    """What a file says of each image, as labels of a `kind`. UserError where it is no COCO file."""
    claim, expected = f"{path} is no COCO file", "expected images, categories and annotations"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))  # editors put a mark in front
        return _by_image(content, kind)
    except UnicodeDecodeError as error:
        remedy = "save it as UTF-8 in a text editor, or unpack the set again"
        raise UserError(f"{claim} (it is not in UTF-8: {error.reason}), {expected}: {remedy}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UserError(f"{claim} ({reason}), {expected}: unpack the set again") from error


def _by_image(content: dict, kind: str) -> Annotations:
    """The annotations of a file's content by image."""
    found = Annotations()
    stems: dict[object, str] = {}
    for one in content["images"]:
        stem = stem_of(PurePosixPath(one["file_name"].replace("\\", "/")))
        noted = found.images.setdefault(stem, Noted(stated(one.get("width"), one.get("height"))))
        other = stems.setdefault(one["id"], stem)
        if other != stem:
            noted.fault = found.images[other].fault = (
                f"has the id {one['id']!r} of another image, expected one of its own"
            )
    categories = {one["id"]: str(one["name"]).strip().lower() for one in content["categories"]}
    texts = {str(number): stem for number, stem in stems.items()}
    for one in content["annotations"]:
        image_id = one["image_id"]
        if image_id in stems:
            _note(found, stems[image_id], one, categories, kind)
        elif str(image_id) in texts:
            noted = found.images[texts[str(image_id)]]
            noted.fault = noted.fault or f"has an annotation whose image_id is {image_id!r}, expected its id itself"
        else:
            found.strangers.append(image_id)
    ids = [one["id"] for one in content["annotations"]]
    found.repairs["ids repeat, annotations read by image"] = len(ids) - len(set(ids))
    found.repairs["images have one file name"] = len(stems) - len(set(stems.values()))
    return found


def _note(found: Annotations, stem: str, one: dict, categories: dict[object, str], kind: str) -> None:
    """Add one annotation to what is known of its image."""
    noted, category = found.images[stem], categories.get(one["category_id"])
    polygons, flat = _polygons(one["segmentation"])
    words = json.dumps([category, one["segmentation"]])
    if category not in (*SYNTAX, STENOSIS):
        called = f"the category_id {one['category_id']!r}" if category is None else f"the category {category!r}"
        noted.fault = noted.fault or f"has an annotation of {called}, expected a segment's or a stenosis's"
    elif (category == STENOSIS) != (kind == "stenoses"):
        found.repairs["annotations of the other half's categories, dropped"] += 1
    elif not polygons:
        noted.fault = (
            noted.fault or f"has an annotation of the category {category!r} whose outline is none, expected polygons"
        )
    elif words in noted.seen:
        found.repairs["annotations that are there twice, taken once"] += 1
    else:
        found.repairs["polygons of fewer than three corners, which have no area, dropped"] += flat
        noted.seen.add(words)
        noted.outlines.append(Outline(category, polygons))


def _polygons(segmentation: object) -> tuple[tuple[np.ndarray, ...], int]:
    """The polygons (N, 2) of three corners or more, and how many have fewer.

    None where one of them is none, as a run-length code is, or its corners are no pairs of finite numbers.
    """
    good, flat = [], 0
    for one in segmentation if isinstance(segmentation, list) else ():
        corners = np.asarray(one, float)
        if corners.ndim != 1 or corners.size % 2 or not np.isfinite(corners).all():
            return (), 0
        if corners.size < 6:
            flat += 1
        else:
            good.append(corners.reshape(-1, 2))
    return tuple(good), flat
