"""The study's choices as frozen values, and the strict reading of them from params.yaml."""

__all__ = ["Arm", "ImageSize", "Recipe", "Scale", "SyntheticSizes", "Transformer", "parse", "within"]

import dataclasses
import types
import typing
from dataclasses import dataclass

from vasolib.errors import UserError, nearest


@dataclass(frozen=True)
class Arm:
    """One way to pre-train.

    mask_ratio: gamma. guidance: whether anatomy draws a share beta of the masked patches, from beta_start to
    beta_end over training. consistency: whether the frozen segmentor's loss is added, with weight 1.
    """

    mask_ratio: float
    guidance: bool = False
    beta_start: float = 0.0
    beta_end: float = 0.5
    consistency: bool = False

    def __post_init__(self) -> None:
        within("mask_ratio", self.mask_ratio, 0.0, 1.0)
        within("beta_start", self.beta_start, 0.0, 1.0, closed=True)
        within("beta_end", self.beta_end, 0.0, 1.0, closed=True)


@dataclass(frozen=True)
class ImageSize:
    """Pixels: store_side of stored images, side of what networks see, patch of a token."""

    store_side: int
    side: int
    patch: int

    def __post_init__(self) -> None:
        positive(self, "store_side", "side", "patch")
        if self.side % self.patch or self.side % 32 or self.patch.bit_count() != 1:
            raise UserError(
                f"side {self.side} and patch {self.patch}: side must be a multiple of 32 (the segmentor halves it "
                "five times) and of patch, and patch a power of two (the decoder doubles it back)"
            )


@dataclass(frozen=True)
class SyntheticSizes:
    """How many synthetic images: the corpus, and each benchmark's train and test part."""

    corpus: int
    train: int
    test: int

    def __post_init__(self) -> None:
        positive(self, "corpus", "train", "test")


@dataclass(frozen=True)
class Transformer:
    """Width, blocks and heads of a ViT or of the masked autoencoder's decoder."""

    embed_dim: int
    depth: int
    num_heads: int

    def __post_init__(self) -> None:
        positive(self, "embed_dim", "depth", "num_heads")
        if self.embed_dim % self.num_heads or self.embed_dim % 4:
            raise UserError(
                f"embed_dim {self.embed_dim} and num_heads {self.num_heads}: embed_dim must be a multiple of num_heads "
                "and of 4 (sine and cosine of rows and columns)"
            )


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    samples: images an epoch (0: each once). lr: peak. beta2: AdamW's. warmup: share of all steps.
    schedule: `cosine` to zero per step, or `polynomial` (power 0.9) per epoch. crop: range of a random crop's share
    of the image's area.
    """

    epochs: int
    batch_size: int
    lr: float
    samples: int = 0
    weight_decay: float = 0.05
    beta2: float = 0.999
    warmup: float = 0.05
    schedule: str = "cosine"
    crop: tuple[float, float] = (0.2, 1.0)

    def __post_init__(self) -> None:
        if self.schedule not in ("cosine", "polynomial"):
            raise UserError(
                f"schedule {self.schedule!r} is unknown: {nearest(self.schedule, ['cosine', 'polynomial'])}"
            )
        positive(self, "epochs", "batch_size", "lr")
        within("lr", self.lr, 0.0, 10.0)
        within("weight_decay", self.weight_decay, 0.0, 10.0, closed=True)
        within("beta2", self.beta2, 0.0, 1.0)
        within("warmup", self.warmup, -1e-9, 1.0)
        low, high = self.crop
        if not 0 < low <= high <= 1 or self.samples < 0:
            raise UserError(
                f"crop {list(self.crop)}, samples {self.samples}: need 0 < low <= high <= 1, samples 0 or more"
            )


@dataclass(frozen=True)
class Scale:
    """Everything that differs between smoke, laptop and paper.

    threads: of one training process on the CPU (its number changes the last bits). workers: processes that read
    crops. decoder_width: channels of the U-Net decoder at stride 2. image_skip: whether that decoder sees the image.
    unet_width: of the plain U-Net at full resolution. seeds: of fine-tuning. feature_patches, umap_seeds: of Table 4.
    """

    threads: int
    workers: int
    image: ImageSize
    synthetic: SyntheticSizes
    encoder: Transformer
    decoder: Transformer
    segmentor: Recipe
    pretrain: Recipe
    finetune: Recipe
    decoder_width: int
    image_skip: bool
    unet_width: int
    seeds: tuple[int, ...]
    feature_patches: int
    umap_seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        positive(self, "threads", "unet_width", "feature_patches")
        for name in ("seeds", "umap_seeds"):
            seeds = getattr(self, name)
            if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
                raise UserError(f"{name} is {list(seeds)}: give at least one, 0 or more, none twice")
        if self.workers < 0 or self.decoder_width < 2 or self.decoder_width % 2:
            raise UserError(
                f"workers {self.workers}, decoder_width {self.decoder_width}: workers must be 0 or more, "
                "decoder_width an even number"
            )


def positive(values: object, *names: str) -> None:
    """UserError unless each named attribute is greater than zero."""
    for name in names:
        if not getattr(values, name) > 0:
            raise UserError(f"{name} is {getattr(values, name)}: it must be greater than 0")


def within(name: str, value: float, low: float, high: float, closed: bool = False) -> None:
    """UserError unless low < value < high (or equal to a bound, when `closed`)."""
    if not (low < value < high or (closed and value in (low, high))):
        raise UserError(f"{name} is {value}: choose a number between {low:g} and {high:g}")


def parse(cls: type, values: object, where: str):
    """`cls` made from a mapping; unknown, missing and wrongly typed keys are refused by their full name.

    Args:
        cls: a dataclass; nested dataclasses, numbers, strings, booleans and tuples of them are understood.
        values: what YAML gave.
        where: the mapping's place in params.yaml, such as `scales.laptop`.
    """
    if not isinstance(values, dict):
        raise UserError(f"params.yaml: {where} is {values!r}, expected a block of parameters")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise UserError(f"params.yaml: {where}.{key} is not a parameter: {nearest(str(key), hints)}")
    for field in dataclasses.fields(cls):
        if field.name not in values and field.default is dataclasses.MISSING:
            raise UserError(f"params.yaml: {where}.{field.name} is missing: add it ({type_name(hints[field.name])})")
    parsed = {key: convert(hints[key], value, f"{where}.{key}") for key, value in values.items()}
    try:
        return cls(**parsed)
    except UserError as error:
        raise UserError(f"params.yaml: {where}: {error}") from None


def convert(hint: type, value: object, where: str):
    """`value` as the type `hint`, or a UserError naming `where`."""
    if dataclasses.is_dataclass(hint):
        return parse(hint, value, where)
    if isinstance(hint, types.GenericAlias) and isinstance(value, list):
        kinds = typing.get_args(hint)
        kinds = kinds[:1] * len(value) if kinds[-1] is ... else kinds
        if len(kinds) == len(value):
            return tuple(convert(kind, v, where) for kind, v in zip(kinds, value, strict=True))
    if isinstance(value, int) and abs(value) >= 2**53:
        raise UserError(f"params.yaml: {where} is too large ({repr(value)[:20]}…): at most 2^53 fits")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise UserError(f"params.yaml: {where} is {repr(value)[:80]}, expected {type_name(hint)}")


def type_name(hint: type) -> str:
    """A type as a user would write it: `int`, `tuple[float, float]`."""
    return str(hint) if isinstance(hint, types.GenericAlias) else hint.__name__
