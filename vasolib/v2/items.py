"""What the extended part's report shows, in its order: every table and figure with the notebook that makes it."""

__all__ = ["GROUPS", "ITEMS", "OPENING"]

from dataclasses import replace
from itertools import chain

from vasolib.report_items import BESIDE, RELATIVE, Item
from vasolib.report_items import GROUPS as FIRST
from vasolib.v2.main_table import WORKS

DATA, REDUNDANCY, ANATOMY, GUIDANCE = "v2_10_data", "v2_15_redundancy", "v2_20_anatomy", "v2_30_guidance"
TABLES, CLAIMS, PICTURES = "v2_60_tables", "v2_65_claims", "v2_70_figures"
REPORT = "v2_90_report"
HANDS = " Published values are second-hand, the column source of the file says which are even third-hand."
DRAWN, LISTED = FIRST["Claims in detail"]
ANSWERS = "Test images of the first set, their labels, and what the first run of each network says."
OPENING = (
    Item(
        "main.csv",
        "Methods on every task of segmentation",
        TABLES,
        "DSC in per cent, mean ± standard deviation over runs, best of each column in bold, beside what the extended "
        "paper is said to have for the set that ours stands for. Average rank: over the columns, clDice of the vessel "
        f"sets among them, in which at least one method reaches {WORKS:g} %; ours is among the methods that were run, "
        "the published one among more than twenty. Of an image with labelled segments, DSC is the mean over the "
        "classes in its label or the prediction. frangi and segmentor, which guide, learned from no label and segment "
        "vessels alone; unet and vit have no pre-training, vit is the network of all methods below." + HANDS,
    ),
    Item(
        "verdicts.csv",
        "Claims of the extended paper",
        CLAIMS,
        "Held: how many of a claim's comparisons are reproduced. The claim is if all are; it is not reproduced if any "
        "comparison surely is not, and inconclusive otherwise. Not tested are arms that were not run, and two that "
        f"both stay below {WORKS:g} %.",
    ),
    Item("power.txt", "What these tests can find", CLAIMS),
    Item(
        "guidance.svg",
        "Vessel patches among the masked",
        GUIDANCE,
        "Share of masked patches with vessel over training: random masking, guided by filter, by segmentor, by both. "
        "Drawn on whole test images, whose labels can be counted, as training would draw at that time.",
    ),
)
GROUPS = {
    "Methods": (
        Item("main.csv", "Methods on every task, with clDice and differences", TABLES, BESIDE + HANDS),
        Item("main.svg", "Methods on every task, drawn", TABLES, "Bars are standard deviations over runs."),
        Item("detection.csv", "Detection of stenoses", TABLES, BESIDE + HANDS),
        Item(
            "lesions.csv",
            "Stenoses found, by segmentation and by detection",
            TABLES,
            "Of all lesions of the test images. By segmentation one is found where a quarter of its pixels is marked, "
            "and a marked region that touches none is false. By detection it is found by a box of a score of at least "
            "0.5 and an overlap (IoU) of at least 0.5, each box for one lesion; other boxes of such a score are false.",
        ),
        Item(
            "segments_classes.csv",
            "DSC of each vessel segment",
            TABLES,
            "In per cent, mean over images, then over runs. An image counts for a class that is in its label or in the "
            "prediction; labelled: test images whose label has it. The mean of the classes that any label has (macro) "
            "weighs rare ones as much as frequent ones, unlike the main table's, which is taken within images first. "
            "The last row pools the pixels of all segments and images (micro).",
        ),
        Item(
            "significance.csv",
            "Is the extended method better?",
            TABLES,
            "The extended paper gives one p of a paired t-test and does not say what was paired; both readings stand "
            "beside ours, which takes runs as well as images for samples. Holm's p counts the comparisons of one test.",
        ),
    ),
    "Parts and sizes": (
        Item("ablation.csv", "Guidance and consistency loss", TABLES, BESIDE + HANDS),
        Item(
            "eta.csv",
            "Mixture of co-guidance",
            TABLES,
            "Eta 0: the segmentor's probability guides alone, eta 1: the filter's mask alone, as in the first paper. "
            "Values of the extended paper's own sweep are not known.",
        ),
        Item("eta.svg", "Mixture of co-guidance, drawn", TABLES, RELATIVE),
        Item(
            "costs.csv",
            "What the consistency loss compares, and its cost",
            REPORT,
            "Seconds a step of pre-training took, median over epochs; they depend on the machine.",
        ),
        Item("labels.csv", "Shares of the labels", TABLES, BESIDE + HANDS),
        Item("labels.svg", "Shares of the labels, drawn", TABLES),
        Item("data_scaling.csv", "Shares of the corpus", TABLES, BESIDE + HANDS),
        Item("data_scaling.svg", "Shares of the corpus, drawn", TABLES, RELATIVE),
        Item("model_scaling.csv", "Larger encoders", TABLES, BESIDE + HANDS),
        Item("model_scaling.svg", "Larger encoders, drawn", TABLES, RELATIVE),
        Item(
            "slopes.csv",
            "What a doubling is worth",
            TABLES,
            "Points of DSC for twice the images or twice the encoder's weights: a line through the sizes for each run "
            "and test image, with a 95 % interval over both. The note names sizes that were pre-trained once.",
        ),
        Item(
            "distinct.csv",
            "Near-duplicates left out of pre-training",
            TABLES,
            "Effect: difference to pre-training on all images, with its 95 % interval.",
        ),
    ),
    "Pictures": (
        Item("vessels.png", "Vessels", PICTURES, ANSWERS),
        Item("segments.png", "Vessel segments", PICTURES, ANSWERS),
        Item("confusion.png", "Segments taken for each other", PICTURES, "By the extended method's first run."),
        Item("stenoses.png", "Stenoses, segmented", PICTURES, ANSWERS),
        Item(
            "boxes.png",
            "Stenoses, detected",
            PICTURES,
            "Solid: the label's boxes. Dashed: found ones with their scores, the surest three of an image. First run.",
        ),
    ),
    "Claims in detail": (
        replace(DRAWN, notebook=CLAIMS),
        replace(
            LISTED,
            notebook=CLAIMS,
            note=f"{LISTED.note} A difference of average ranks is positive where the extended method's is lower.",
        ),
    ),
    "Data": (
        Item("data.csv", "Data used", DATA, "Images of each set by task and part."),
        Item("data.png", "Examples of the data", DATA),
        Item("redundancy.csv", "How redundant the corpus is", REDUNDANCY),
        Item("leaks.csv", "What each image is used for", REDUNDANCY),
        Item("near_duplicates.csv", "Near-duplicates of test images among those learned from", REDUNDANCY),
        Item(
            "anatomy.csv",
            "Extracted vessel anatomy against labels",
            TABLES,
            "The filter whose mask guides, and the segmentor trained on it, against labels of the test images.",
        ),
        Item("guidance.csv", "Vessel patches among the masked, by epoch", GUIDANCE),
    ),
    "Machine": (Item("runtimes.csv", "What each step took", REPORT, "Measured by the runner on this machine."),),
}
ITEMS = (*OPENING, *(item for item in chain(*GROUPS.values()) if item.file != "main.csv"))  # each file once
