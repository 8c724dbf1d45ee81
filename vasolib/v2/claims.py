"""The claims of the extended paper, each as what would have to be seen; judged by the rules of `vasolib.claims`.

They are fixed before the runs that they are judged by. What the extended paper says is known second-hand only, and so
are its effects. Where it is said that something helps and no number is known, no published effect stands beside ours.
Two arms that both fail, see `vasolib.v2.main_table.WORKS`, say nothing of which is better: not tested.
"""

__all__ = ["CLAIMS", "FEWEST", "RANKS", "ExtendedClaim"]

from dataclasses import dataclass

from vasolib.claims import Claim
from vasolib.v2.main_table import RANK
from vasolib.v2.published import ABLATION, DETECTION, LABELS, MAIN, SCALING
from vasolib.v2.settings import SEGMENTATION

PUBLISHED = "dinov3 dinov2 rad_dino"  # with their weights on disk alone
RIVALS = "mae simmim amt deblurring crossmae hpm moco dino chexworld"
SCRATCH = "unet vit"
RANKS, FEWEST, BOXES = (RANK,), ("DSC, 10 % of labels",), ("mAP",)


@dataclass(frozen=True)
class ExtendedClaim(Claim):
    """A claim on the sets of some tasks, in their order: `datasets` says which of those."""

    tasks: tuple[str, ...] = ("vessels",)


CLAIMS = (
    ExtendedClaim("v1", "Co-guided VasoMIM beats the first paper's", "vasomim_v2", "vasomim", MAIN, tasks=SEGMENTATION),
    ExtendedClaim(
        "scratch", "It beats the same task learned from scratch", "vasomim_v2", SCRATCH, MAIN, tasks=SEGMENTATION
    ),
    ExtendedClaim("rivals", "It beats each rival on every task", "vasomim_v2", RIVALS, MAIN, tasks=SEGMENTATION),
    ExtendedClaim(
        "guides", "It beats the filter and the segmentor that guide it (ours)", "vasomim_v2", "frangi segmentor"
    ),
    # a rank is good where it is low, so the arm with the higher number comes first
    ExtendedClaim(
        "rank", "Its average rank is the best", f"vasomim {RIVALS} {SCRATCH}", "vasomim_v2", MAIN, "none", RANKS
    ),
    ExtendedClaim("guidance", "Co-guidance helps without the consistency loss", "guidance", "baseline", ABLATION),
    ExtendedClaim("consistency", "The consistency loss helps without guidance", "consistency", "baseline", ABLATION),
    ExtendedClaim("both", "Both parts together beat either alone", "vasomim_v2", "guidance consistency", ABLATION),
    ExtendedClaim("mixture", "Filter and segmentor guide better together (ours)", "vasomim_v2", "vasomim eta_0", MAIN),
    ExtendedClaim(
        "labels", "It leads with a tenth of the labels", "vasomim_v2", "vasomim mae vit unet", LABELS, "first", FEWEST
    ),
    ExtendedClaim("data", "More images to pre-train on help", "vasomim_v2", "data_50 data_25", SCALING),
    ExtendedClaim("model", "The largest encoder does best (ours)", "model_3", "vasomim_v2 model_2"),
    ExtendedClaim(
        "detection",
        "It finds stenoses best as a detector",
        "vasomim_v2",
        "vasomim mae vit resnet",
        DETECTION,
        "all",
        BOXES,
        tasks=("boxes",),
    ),
    ExtendedClaim(
        "published", "It beats published encoders on every task", "vasomim_v2", PUBLISHED, MAIN, tasks=SEGMENTATION
    ),
    ExtendedClaim("judge", "A segmentor judges better than DINOv2's features (ours)", "vasomim_v2", "distilled"),
)
