"""The study's choices as frozen values, each checked where it is made."""

__all__ = ["ANATOMIES", "METHODS", "Arm", "Recipe", "Scale", "SyntheticSizes"]

import dataclasses
from dataclasses import dataclass

from vasolib.errors import UserError
from vasolib.parsing import one_of, positive, within

ANATOMIES = ("reference", "robust")  # the papers' recipe, and our own
METHODS = (
    "vasomim", "moco", "dino", "simmim", "amt", "deblurring", "crossmae", "hpm", "chexworld", "spt",
)  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """One way to pre-train.

    method: the module of `vasolib.ssl`; MAE is `vasomim` without guidance and consistency. mask_ratio: gamma.
    guidance: whether anatomy draws a share beta of the masked patches, from beta_start to beta_end over training.
    consistency: whether the frozen segmentor's loss is added, with weight 1. anatomy: which extraction guides.
    lr: peak learning rate by scale, where it is not the scale's. epochs: as a multiple of the scale's.
    seeds: pre-training runs. benchmarks: positions of those to fine-tune on (empty: all).
    """

    method: str = "vasomim"
    mask_ratio: float = 0.5
    guidance: bool = False
    beta_start: float = 0.0
    beta_end: float = 0.5
    consistency: bool = False
    anatomy: str = "reference"
    lr: dict = dataclasses.field(default_factory=dict)
    epochs: float = 1.0
    seeds: int = 1
    benchmarks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        one_of("method", self.method, METHODS)
        one_of("anatomy", self.anatomy, ANATOMIES)
        within("mask_ratio", self.mask_ratio, 0.0, 1.0)
        within("beta_start", self.beta_start, 0.0, 1.0, closed=True)
        within("beta_end", self.beta_end, 0.0, 1.0, closed=True)
        within("epochs", self.epochs, 0.0, 100.0)
        positive(self, "seeds")
        for scale, value in self.lr.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UserError(f"lr.{scale} is {value!r}: give a number")
            within(f"lr.{scale}", value, 0.0, 10.0)
        if any(position < 0 for position in self.benchmarks):
            raise UserError(f"benchmarks is {list(self.benchmarks)}: positions in the list of benchmarks, from 0")

    @property
    def betas(self) -> tuple[float, float] | None:
        """Share of guided patches at the start and at the end of training; None without guidance."""
        return (self.beta_start, self.beta_end) if self.guidance else None


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
class Rivals:
    """What a scale changes of the compared methods (see their modules for the published values).

    moco_hidden, moco_out, dino_hidden, dino_bottleneck, dino_out: widths of projection heads. dino_crops: local crops
    of each image. hpm_momentum: of HPM's teacher.
    """

    moco_hidden: int
    moco_out: int
    dino_hidden: int
    dino_bottleneck: int
    dino_out: int
    dino_crops: int
    hpm_momentum: float

    def __post_init__(self) -> None:
        positive(self, *(field.name for field in dataclasses.fields(self)))
        within("hpm_momentum", self.hpm_momentum, 0.0, 1.0)


@dataclass(frozen=True)
class ConvNet:
    """Layers and channels of DnCNN."""

    depth: int
    width: int

    def __post_init__(self) -> None:
        positive(self, "depth", "width")


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
        one_of("schedule", self.schedule, ("cosine", "polynomial"))
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
    denoise, denoise_seeds, dncnn: of Table S2.
    """

    threads: int
    workers: int
    image: ImageSize
    synthetic: SyntheticSizes
    encoder: Transformer
    decoder: Transformer
    rivals: Rivals
    segmentor: Recipe
    pretrain: Recipe
    finetune: Recipe
    decoder_width: int
    image_skip: bool
    unet_width: int
    seeds: tuple[int, ...]
    feature_patches: int
    umap_seeds: tuple[int, ...]
    denoise: Recipe
    denoise_seeds: tuple[int, ...]
    dncnn: ConvNet

    def __post_init__(self) -> None:
        positive(self, "threads", "unet_width", "feature_patches")
        for name in ("seeds", "umap_seeds", "denoise_seeds"):
            seeds = getattr(self, name)
            if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
                raise UserError(f"{name} is {list(seeds)}: give at least one, 0 or more, none twice")
        if self.workers < 0 or self.decoder_width < 2 or self.decoder_width % 2:
            raise UserError(
                f"workers {self.workers}, decoder_width {self.decoder_width}: workers must be 0 or more, "
                "decoder_width an even number"
            )
