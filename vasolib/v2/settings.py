"""The extended part's choices as frozen values, each checked where it is made."""

__all__ = ["JUDGES", "SEGMENTATION", "TASKS", "ExtendedArm", "ExtendedScale", "Sizes"]

from dataclasses import dataclass

from vasolib.downstream.detection import Detector
from vasolib.errors import UserError
from vasolib.parsing import one_of, positive, within
from vasolib.settings import Arm, Recipe

SEGMENTATION = ("vessels", "segments", "stenoses")  # the tasks of the main table
TASKS = (*SEGMENTATION, "boxes")
JUDGES = ("segmentor", "features")  # what the consistency loss compares: vessel probabilities, or general features


@dataclass(frozen=True)
class ExtendedArm(Arm):
    """One way to pre-train, as `Arm`, with what the extended paper adds.

    eta: of co-guidance G = eta B + (1 - eta) M, where guidance is true: 1 is the filter's mask B alone (the first
    paper), 0 the segmentor's probability M alone. judge: what consistency asks to be the same, see `JUDGES`.
    corpus: share of the pre-training images that is used. distinct: whether near-duplicates among them are left out.
    encoder: a network of `ExtendedScale.encoders` in place of the scale's. tasks: those of segmentation that are
    fine-tuned on; detection has a list of arms of its own.
    """

    eta: float = 1.0
    judge: str = "segmentor"
    corpus: float = 1.0
    distinct: bool = False
    encoder: str = ""
    tasks: tuple[str, ...] = ("vessels",)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("judge", self.judge, JUDGES)
        within("eta", self.eta, 0.0, 1.0, closed=True)
        if not 0 < self.corpus <= 1:
            raise UserError(f"corpus is {self.corpus}: choose a share of the images above 0, up to 1")
        for task in self.tasks:
            one_of("tasks", task, SEGMENTATION)
        if self.anatomy != "reference" or self.benchmarks:
            raise UserError("anatomy and benchmarks are choices of the first paper's part alone: leave them out")
        if self.method != "vasomim" and (self.guidance or self.consistency or self.eta < 1):
            raise UserError(f"guidance, consistency and eta are of the method vasomim, not of {self.method}: drop them")

    @property
    def looks(self) -> bool:
        """Whether the segmentor is asked, for guidance or for consistency."""
        return (self.guidance and self.eta < 1) or (self.consistency and self.judge == "segmentor")


@dataclass(frozen=True)
class Sizes:
    """How many synthetic images each part of a set has."""

    train: int
    test: int

    def __post_init__(self) -> None:
        positive(self, "train", "test")


@dataclass(frozen=True)
class Twins:
    """How many synthetic images there are: recordings of the corpus, frames of each, and the parts of each set."""

    recordings: int
    frames: int
    vessels: Sizes
    segments: Sizes
    stenoses: Sizes
    boxes: Sizes

    def __post_init__(self) -> None:
        positive(self, "recordings", "frames")


@dataclass(frozen=True)
class Recipes:
    """How networks are fine-tuned for each task."""

    vessels: Recipe
    segments: Recipe
    stenoses: Recipe
    boxes: Recipe


@dataclass(frozen=True)
class ExtendedScale:
    """What the extended part adds to a scale of params.yaml.

    seeds: of fine-tuning. pretrain: what differs from the recipe of that scale in params.yaml. encoders: name ->
    embed_dim, depth, num_heads of other networks (model scaling). lesion_weight: of lesion pixels in the cross-entropy
    of stenoses. detector, detector_side: see `vasolib.downstream.detection`; the side of its images in pixels.
    """

    twins: Twins
    pretrain: dict
    seeds: tuple[int, ...]
    recipes: Recipes
    encoders: dict
    lesion_weight: float
    detector: Detector
    detector_side: int

    def __post_init__(self) -> None:
        positive(self, "lesion_weight", "detector_side")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise UserError(f"seeds is {list(self.seeds)}: give at least one, 0 or more, none twice")
        if self.detector_side % 32:
            raise UserError(f"detector_side is {self.detector_side}: it must be a multiple of 32")
