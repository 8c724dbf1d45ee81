"""Each planned image, read and compared with what is said of it, or why it is left out."""

__all__ = ["boxes_inside", "judged"]

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vasolib.data.importers.looking import within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import BadFile, LeftOut, shown
from vasolib.data.reading import MIN_SIDE, read_image
from vasolib.progress import reported

Judged = tuple[Item, np.ndarray, np.ndarray | None]


def judged(plan: Plan) -> Iterator[Judged | LeftOut]:
    """Each item with its image (H, W) and label (H, W), both uint8, its boxes cut to the image; or why it is left out.

    An id that differs from an earlier one by small and capital letters only is one name on some disks, so it is out.
    """
    ids: set[str] = set()
    items = plan.items
    for item in reported(items, len(items), f"images of {plan.set}") if isinstance(items, Sequence) else items:
        if isinstance(item, LeftOut):
            yield item
            continue
        try:
            image = _image(item)
            _check_size(item, image.shape)
            label = item.label(image.shape) if item.label else None
            if item.id.casefold() in ids:
                raise BadFile(Path(item.original), f"has the id {item.id} of an earlier one: rename it")
        except BadFile as error:
            yield LeftOut("unusable", plan.set, item.original, _whose(item, Path(error.args[0])) + error.reason)
            continue
        ids.add(item.id.casefold())
        yield replace(item, boxes=boxes_inside(item, image.shape, plan.repairs)), image, label


def boxes_inside(item: Item, shape: tuple[int, int], repairs: list[str]) -> tuple[tuple[int, int, int, int], ...]:
    """The item's boxes in whole pixels, corners in order, cut to an image of `shape` (H, W).

    What was changed is added to `repairs`. A box of which nothing is left is dropped.
    """
    kept = []
    for box in item.boxes:
        if not np.isfinite(box).all():
            repairs.append(f"{item.original}: the box {box} has corners that are no numbers, dropped")
            continue
        x, y = sorted((round(box[0]), round(box[2]))), sorted((round(box[1]), round(box[3])))
        (x0, x1), (y0, y1) = np.clip(x, 0, shape[1]).tolist(), np.clip(y, 0, shape[0]).tolist()
        whole = tuple(map(round, box))
        if x0 == x1 or y0 == y1:
            repairs.append(f"{item.original}: the box {whole} covers no pixel of the image, dropped")
            continue
        if (x0, y0, x1, y1) != whole:
            repairs.append(f"{item.original}: the box {whole} was inverted or stuck out, now {(x0, y0, x1, y1)}")
        kept.append((x0, y0, x1, y1))
    return tuple(kept)


def _image(item: Item) -> np.ndarray:
    """The item's grey values (H, W) uint8. BadFile where they cannot be used."""
    if isinstance(item.image, Path):
        return read_image(item.image)
    values, path = item.image, Path(item.original)
    if values.ndim != 2 or values.dtype != np.uint8 or min(values.shape) < MIN_SIDE:
        raise BadFile(path, f"holds a frame of shape {values.shape}, expected a grey image: replace or remove it")
    if values.min() == values.max():
        raise BadFile(path, f"has a frame with the value {values.min()} everywhere, expected an image: remove it")
    return values


def _check_size(item: Item, shape: tuple[int, int]) -> None:
    """BadFile where an image is not of the size that its labels are for: they would lie elsewhere in it."""
    if item.stated not in (None, shape):
        found, expected = (f"{width:g} x {height:g}" for height, width in (shape, item.stated))
        remedy = "unpack both again, or remove it"
        raise BadFile(Path(item.original), f"is {found} pixels, expected {expected} as its annotation says: {remedy}")


def _whose(item: Item, path: Path) -> str:
    """Whose fault it is, before the reason: nothing for the image's own; its mask may be a file of the same name."""
    original = Path(item.original)
    image = item.image if isinstance(item.image, Path) else original
    if path in (image, original):
        return ""
    root = [*image.parents][: len(original.parts)][-1]  # the published folder, which `original` starts from
    return f"its mask {within(root, path) if path.is_relative_to(root) else shown(path.name)} "
