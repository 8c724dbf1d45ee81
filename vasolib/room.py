"""How much disk a run from nothing takes, roughly: stored images, masks extracted from them, pre-trained networks."""

__all__ = ["needed_gib"]

from pathlib import Path

from vasolib.data.listing import SUFFIXES
from vasolib.settings import Transformer
from vasolib.v2.settings import TASKS
from vasolib.v2.study import Extended

COPIES = 2  # of each file: where it is used, and in DVC's cache, unless the disk can share their blocks
FIRST, SECOND = 3, 2  # bytes a stored pixel in each part: the image, and masks of as many extractions


def needed_gib(extended: Extended, scale: str, data: Path | None = None, part: str = "all") -> float:
    """GiB of a scale's run, on synthetic images or on those below the folder `data`.

    Args:
        part: v1, v2 or all, see `vasolib.pipeline`.
    """
    study, one, twins = extended.study, extended.study.scale_named(scale), extended.scale_named(scale).twins
    first = one.synthetic.corpus + len(study.params.benchmarks) * (one.synthetic.train + one.synthetic.test)
    sizes = [getattr(twins, task) for task in TASKS]
    second = twins.recordings * twins.frames + sum(size.train + size.test for size in sizes)
    if data is not None:
        first = second = sum(path.suffix.lower() in SUFFIXES for path in Path(data).rglob("*"))
    v1, v2 = part != "v2", part != "v1"
    pixels = one.image.store_side**2 * (FIRST * first * v1 + SECOND * second * v2)
    arms = [study.arm(name) for name in study.params.pretrain_arms if v1]
    arms += [extended.arm(name) for name in extended.params.pretrain if v2]
    networks = sum(arm.seeds for arm in arms) * (weight(one.encoder) + weight(one.decoder))
    return COPIES * (pixels + networks) / 2**30


def weight(transformer: Transformer) -> int:
    """Bytes of a transformer's blocks in float32: 12 matrices of embed_dim x embed_dim in each, MLP included."""
    return 4 * 12 * transformer.depth * transformer.embed_dim**2
