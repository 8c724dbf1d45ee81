"""What the report shows, in its order: every table and figure with the notebook that makes it."""

__all__ = ["ITEMS", "Item"]

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A table (`file` below the run's results) or a figure (`file` below its figures), and how to read it."""

    kind: str  # "table" or "figure"
    file: str
    title: str
    notebook: str
    note: str


BESIDE = (
    "Ours: mean over images, then mean ± standard deviation over fine-tuning seeds, in per cent; number of "
    "seeds in brackets. Difference: ours minus published. A dash: the paper published no such value."
)

ITEMS = (
    Item("table", "data.csv", "Data used (Table 1)", "60_tables", "Images of each set by what they are used for."),
    Item(
        "figure",
        "data.png",
        "Examples of the data",
        "70_figures",
        "Frames of each set; vessel labels are tinted where there are any.",
    ),
    Item(
        "table",
        "anatomy.csv",
        "Extracted vessel anatomy against labels",
        "60_tables",
        "How well the filter that guides masking finds the vessels; no label is used in pre-training.",
    ),
    Item(
        "figure",
        "anatomy.png",
        "Extracted vessel anatomy",
        "70_figures",
        "The tinted pixels are what guided masking takes for vessel.",
    ),
    Item("table", "table2.csv", "Comparison of methods (Table 2)", "60_tables", BESIDE),
    Item(
        "figure",
        "table2.svg",
        "Comparison of methods (Table 2), drawn",
        "60_tables",
        "Bars are standard deviations over seeds; hollow markers are the published values.",
    ),
    Item("table", "table3.csv", "Ablation of guidance and consistency loss (Table 3)", "60_tables", BESIDE),
    Item(
        "figure",
        "fig3a.svg",
        "Vessel-containing patches among the masked (Fig. 3a)",
        "70_figures",
        "A patch contains vessel if at least one of its pixels is vessel in the extracted anatomy.",
    ),
    Item(
        "figure",
        "fig3b.png",
        "How often each patch was masked (Fig. 3b)",
        "70_figures",
        "One fixed, uncropped image; the share of epochs in which each of its patches was hidden.",
    ),
    Item(
        "figure",
        "fig4.png",
        "Segmentations (Fig. 4)",
        "70_figures",
        "The white box is enlarged in the corner farthest from it.",
    ),
    Item(
        "figure",
        "curves.svg",
        "Pre-training curves",
        "70_figures",
        "Means over each epoch. Arms without the consistency loss have no curve in its panel.",
    ),
    Item(
        "figure",
        "reconstructions.png",
        "Reconstructions",
        "70_figures",
        "Coloured patches are hidden from the encoder; each arm's decoder predicts the whole picture.",
    ),
    Item(
        "table",
        "table4.csv",
        "Separation of vessel and background features (Table 4)",
        "80_features",
        "Cluster scores of patch features, grouped by whether a patch contains vessel; SS in per cent. Standard "
        "deviations are over UMAP seeds.",
    ),
    Item(
        "table",
        "table4_published.csv",
        "Table 4 as published",
        "80_features",
        "The paper scores a UMAP embedding whose settings it does not give, on other data.",
    ),
    Item(
        "figure",
        "table4.png",
        "Patch features in two dimensions (Table 4)",
        "80_features",
        "One point per patch; axes of such projections have no unit.",
    ),
    Item("table", "runtimes.csv", "What each step took", "90_report", "Measured by the runner on this machine."),
)
