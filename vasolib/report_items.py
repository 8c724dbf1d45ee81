"""What the report shows, in its order: every table and figure with the notebook that makes it."""

__all__ = ["GROUPS", "ITEMS", "OPENING", "Item"]

from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath

KINDS = {".csv": "table", ".txt": "text", ".svg": "figure", ".png": "figure"}


@dataclass(frozen=True)
class Item:
    """A table or text (`file` below the run's results) or a figure (`file` below its figures), and how to read it."""

    file: str
    title: str
    notebook: str
    note: str = ""

    @property
    def kind(self) -> str:
        """table, text or figure."""
        return KINDS[PurePath(self.file).suffix]

    @property
    def folder(self) -> str:
        """Whether the file lies below results or figures."""
        return "figures" if self.kind == "figure" else "results"


TABLES, CLAIMS, FIGURES, FEATURES = "60_tables", "65_claims", "70_figures", "80_features"
BESIDE = (
    "Ours: mean over images, then mean ± standard deviation over runs, in per cent; number of runs in brackets. "
    "Difference: ours minus published. Where nothing was published, ours stands alone."
)
RELATIVE = (
    "Differences to one setting, ours (filled) to ours and published (hollow) to published: the order and the size of "
    "effects can be compared, the levels, which the titles give, cannot. Bars join the standard deviations of both "
    "sides of a difference."
)

OPENING = (
    Item(
        "table2.csv",
        "Comparison of methods (Table 2)",
        TABLES,
        "DSC in per cent, mean ± standard deviation over runs, best of each column in bold; beside each of our data "
        "sets what the paper printed for the one it stands for. frangi and robust are filters, the latter ours, which "
        "guides vasomim_robust; unet and vit have no pre-training, vit is the network of all methods below; spt was "
        "pre-trained to segment the filter's masks.",
    ),
    Item(
        "verdicts.csv",
        "Claims of the papers",
        CLAIMS,
        "Held: how many of a claim's comparisons are reproduced. The claim is if all are; it is not reproduced if any "
        "comparison surely is not, and inconclusive otherwise.",
    ),
    Item("power.txt", "What these tests can find", CLAIMS),
    Item(
        "fig3a.svg",
        "Vessel-containing patches among the masked (Fig. 3a)",
        FIGURES,
        "A patch contains vessel if at least one of its pixels is vessel in the extracted anatomy.",
    ),
)
GROUPS = {
    "Methods and ablations": (
        Item("methods.png", "What each method sees and is asked for", "35_methods"),
        Item("table2.csv", "Comparison of methods with clDice and differences (Table 2)", TABLES, BESIDE),
        Item(
            "table2.svg",
            "Comparison of methods, drawn",
            TABLES,
            "Bars are standard deviations over runs; hollow markers are the published values.",
        ),
        Item("table3.csv", "Guidance and consistency loss (Table 3)", TABLES, BESIDE),
        Item("table5.csv", "Masking schedules (Table 5)", TABLES, BESIDE),
        Item("table5.svg", "Masking schedules, drawn", TABLES, RELATIVE),
        Item("table6.csv", "Shares of the labels (Table 6)", TABLES, BESIDE),
        Item(
            "table6.svg",
            "Shares of the labels, drawn",
            TABLES,
            "Both on one scale; the last panel is the difference that the paper's claim is about.",
        ),
        Item("fig5.csv", "Masking ratio (Fig. 5)", TABLES, BESIDE),
        Item("fig5.svg", "Masking ratio, drawn", TABLES, "Of the published figure only the best ratio is in the text."),
        Item("fig6.csv", "Masked against segmentation pre-training (Fig. 6)", TABLES, BESIDE),
        Item("fig6.svg", "Masked against segmentation pre-training, drawn", TABLES, RELATIVE),
        Item("fig7.csv", "Length of pre-training (Fig. 7)", TABLES, BESIDE + " Epochs are on the papers' scale."),
        Item(
            "fig7.svg",
            "Length and cost of pre-training, drawn",
            TABLES,
            RELATIVE + " The cost is that of the papers' ViT-B/16, forward, over all epochs.",
        ),
        Item("tableS2.csv", "Denoising (Table S2)", "55_denoise", BESIDE.replace(", in per cent", "")),
        Item(
            "table4.csv",
            "Separation of vessel and background features (Table 4)",
            FEATURES,
            "Cluster scores of patch features, grouped by whether a patch contains vessel; SS in per cent. Standard "
            "deviations are over pre-training and UMAP seeds.",
        ),
        Item(
            "table4_published.csv",
            "Table 4 as published",
            FEATURES,
            "The paper scores a UMAP embedding whose settings it does not give, on other data.",
        ),
    ),
    "Figures": (
        Item(
            "fig4.png", "Segmentations (Fig. 4)", FIGURES, "The white box is enlarged in the corner farthest from it."
        ),
        Item(
            "fig3b.png",
            "How often each patch was masked (Fig. 3b)",
            FIGURES,
            "One fixed, uncropped image; the share of epochs in which each of its patches was hidden.",
        ),
        Item(
            "curves.svg",
            "Pre-training curves",
            FIGURES,
            "Means over each epoch. Arms without the consistency loss have no curve in its panel.",
        ),
        Item(
            "reconstructions.png",
            "Reconstructions",
            FIGURES,
            "Coloured patches are hidden from the encoder; each arm's decoder predicts the whole picture.",
        ),
        Item("denoising.png", "Denoised frames (Table S2)", "55_denoise"),
        Item(
            "table4.png",
            "Patch features in two dimensions (Table 4)",
            FEATURES,
            "One point per patch; axes of such projections have no unit.",
        ),
    ),
    "Claims in detail": (
        Item(
            "claims.svg",
            "Every comparison, drawn",
            CLAIMS,
            "Effects with 95 % intervals; markers and colours give the verdict, hollow diamonds what was published.",
        ),
        Item(
            "claims.csv",
            "Every comparison",
            CLAIMS,
            "Detectable: the effect that such a comparison finds in 80 of 100 repetitions. Holm's p counts all "
            "comparisons of a family.",
        ),
    ),
    "Data": (
        Item("data.csv", "Data used (Table 1)", TABLES, "Images of each set by what they are used for."),
        Item(
            "leaks.csv",
            "What each image is used for",
            "15_leaks",
            "No test image shares its file or its patient with one that is learned from, as far as checksums and file "
            "names tell. Near-duplicates: images much like one on the other side, each listed in the next table; "
            "splits.csv, beside it, has a row per image.",
        ),
        Item(
            "near_duplicates.csv",
            "Near-duplicates of test images among those learned from",
            "15_leaks",
            "Distance: bits of 64 in which the perceptual hashes differ. Correlation: of the small pictures.",
        ),
        Item("data.png", "Examples of the data", FIGURES, "Vessel labels are tinted where there are any."),
        Item(
            "anatomy.csv",
            "Extracted vessel anatomy against labels",
            TABLES,
            "How well the filter that guides masking finds the vessels; no label is used in pre-training.",
        ),
        Item(
            "anatomy.png",
            "Extracted vessel anatomy",
            FIGURES,
            "The tinted pixels are what guided masking takes for vessel.",
        ),
    ),
    "Machine": (Item("runtimes.csv", "What each step took", "90_report", "Measured by the runner on this machine."),),
}
ITEMS = (*OPENING, *(item for item in chain(*GROUPS.values()) if item.file != "table2.csv"))  # each file once
