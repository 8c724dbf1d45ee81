"""The claims of the first paper, each as what would have to be seen.

They are fixed before the runs that they are judged by. A claim is a list of comparisons 'arm - arm', first the arm
that is said to do better, each made on every data set that the claim is about. A comparison is *reproduced* if its
effect surely lies above zero, *not reproduced* if it surely lies below the smallest effect that would bear the claim
out (a wrong sign is the clearest case), else *inconclusive*; 'surely' is a Holm-adjusted p < 0.05, all comparisons of
segmentations being one family, those of features and masks another. A claim is reproduced if all its comparisons are,
not reproduced if any is not, and inconclusive also where a part could not be tested.
"""

__all__ = ["CLAIMS", "SHARES", "SS", "Claim"]

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

# In points of a per-cent scale (DSC, silhouette, share of patches): about one standard deviation of a fine-tuning run
# at laptop scale, so less is lost in a single training. Where a paper published less, that counts instead.
SMALLEST = 1.0
DSC, FEW = ("DSC",), ("DSC, 25 % of labels",)
SS = ("SS (features)", "SS (UMAP)")  # silhouette of vessel against background patches
SHARES = ("vessel share, mean", "vessel share, last epoch")  # vessel patches among the masked ones
RIVALS = "moco dino mae simmim amt deblurring crossmae hpm chexworld"
SSL = f"{RIVALS} vasomim"


@dataclass(frozen=True)
class Claim:
    """A statement that can turn out wrong: each arm of `better` scores higher than each of `worse`.

    better, worse: names of arms, between spaces. source: table or figure of the published values, '' if there are none.
    datasets: which of the study's, by position: first (in domain), second, two (the first two, as in Table 5), others
    (all but the first), all; none where images play no part. margin: by how much `better` may fall short.
    """

    id: str
    text: str
    better: str
    worse: str
    source: str = ""
    datasets: str = "all"
    metrics: tuple[str, ...] = DSC
    margin: float = 0.0

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each arm of `better` with each of `worse`."""
        return product(self.better.split(), self.worse.split())

    def where(self, names: list[str]) -> list[str]:
        """Those of the study's data sets that it is about; one entry that says so, if the study has none such."""
        parts = {"first": names[:1], "second": names[1:2], "two": names[:2], "others": names[1:], "all": names}
        return list([""] if self.datasets == "none" else parts[self.datasets]) or [f"no {self.datasets} data set"]

    def bounds(self, published: float) -> tuple[float, float]:
        """What the effect must lie above, and the least effect that bears the claim out (published: NaN if none)."""
        if self.margin:
            return -self.margin, 0.0
        return 0.0, min(SMALLEST, published) if published > 0 else SMALLEST


CLAIMS = (
    Claim("ssl_vit", "Each pre-training beats the same network without any", SSL, "vit", "Table 2"),
    Claim("ssl_unet", "Each pre-training beats a plain U-Net from scratch", SSL, "unet", "Table 2"),
    Claim("filter", "VasoMIM beats the vessel filter that guides it", "vasomim", "frangi", "Table 2"),
    Claim("in_domain", "VasoMIM beats each rival in domain", "vasomim", RIVALS, "Table 2", "first"),
    Claim("out_of_domain", "VasoMIM beats each rival out of domain", "vasomim", RIVALS, "Table 2", "others"),
    Claim("guidance", "Masking guided by anatomy helps", "guidance", "mae_50", "Table 3"),
    Claim("consistency", "The consistency loss helps", "consistency", "mae_50", "Table 3"),
    Claim("both", "Both parts together beat either alone", "vasomim", "guidance consistency", "Table 3"),
    Claim("rise", "Guidance rising to a half is best", "vasomim", "consistency beta_0_1 beta_5_0", "Table 5", "two"),
    Claim("all_guided", "Guiding every masked patch hurts", "consistency", "beta_1_1", "Table 5", "two"),
    Claim("ratio", "Hiding half of the patches is best", "vasomim", "gamma_25 gamma_75 gamma_90", "", "first"),
    Claim("spt", "VasoMIM beats supervised pre-training on pseudo-labels", "vasomim", "spt", "Fig. 6 (text)"),
    Claim(
        "epochs", "VasoMIM's 300 epochs match MAE's 800", "vasomim_300", "mae", "Fig. 7 (text)", "second", DSC, SMALLEST
    ),
    Claim("labels", "VasoMIM leads with a quarter of the labels", "vasomim", "mae unet", "Table 6, 25 %", "first", FEW),
    Claim("separation", "The consistency loss sets vessel patches apart", "vasomim", "guidance", "Table 4", "none", SS),
    Claim("masking", "Guidance hides more patches with vessels", "guidance vasomim", "mae_50", "", "none", SHARES),
    Claim("anatomy", "Better anatomy makes better pre-training (ours)", "vasomim_robust", "vasomim"),
)
