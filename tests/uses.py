"""What each stage of the pipeline uses, apart from dvc.yaml: for test_stale.py, held to the truth by test_uses.py."""

__all__ = ["EXTENDED", "USES", "inputs_of", "libraries_of", "parameters_of"]

from vasolib.report import ITEMS
from vasolib.v2.items import ITEMS as EXTENDED_ITEMS

SCALE = ("threads", "workers", "image", "encoder", "decoder_width", "image_skip", "finetune", "seeds")
BUILDING = ("threads", "image", "encoder", "decoder")  # what a method's network is built of
PUBLISHED = "paper/published.csv"
SHOWN = tuple(f"{item.folder}/doll/{item.file}" for item in ITEMS if item.file != "runtimes.csv")
USES = {  # kind of stage -> parameters of the study, parameters of the scale, inputs; all stages use run and scale
    "data": ("data data_state benchmarks seed", ("image", "synthetic"), ()),
    "leaks": ("benchmarks", (), ("stores",)),
    "anatomy": ("benchmarks anatomy", ("image",), ("stores",)),
    "segmentor": ("benchmarks seed", ("threads", "workers", "image", "segmentor"), ("stores", "anatomy")),
    "methods": ("seed norm_pix_loss arms", (*BUILDING, "rivals"), ("stores/corpus", "anatomy")),
    "pretrain": (
        "seed norm_pix_loss {arm}",
        (*BUILDING, "workers", "rivals", "decoder_width", "image_skip", "pretrain", "seeds"),
        ("stores/corpus", "anatomy", "segmentor"),
    ),
    "finetune": ("benchmarks seed scratch_arms {arm}", SCALE, ("stores", "pretrain/{item}")),
    "scratch": ("benchmarks scratch_arms", (*SCALE, "unet_width"), ("stores",)),
    "labels": ("benchmarks seed scratch_arms {arm}", SCALE, ("stores", "pretrain/{item}")),
    "scratch_labels": ("benchmarks scratch_arms", (*SCALE, "unet_width"), ("stores",)),
    "denoise": (
        "benchmarks seed scratch_arms denoise_arms noise_sigma",
        ("threads", "workers", "image", "encoder", "decoder_width", "denoise", "denoise_seeds", "dncnn"),
        ("stores", "pretrain", PUBLISHED),
    ),
    "tables": (
        "benchmarks stands_for pretrain_arms scratch_arms few_labels_arms arms norm_pix_loss scales.paper",
        (),
        ("stores", "anatomy/scores.csv", "finetune", "labels", PUBLISHED),
    ),
    "claims": (
        "benchmarks stands_for pretrain_arms",
        (),
        ("results/doll/segmentation.csv", "pretrain", "features", PUBLISHED),
    ),
    "figures": (
        "benchmarks pretrain_arms scratch_arms arms seed norm_pix_loss",
        (*BUILDING, "rivals"),
        ("stores", "anatomy", "pretrain", "finetune"),
    ),
    "features": (
        "benchmarks seed scratch_arms arms",
        ("threads", "image", "encoder", "seeds", "feature_patches", "umap_seeds"),
        ("stores", "pretrain", PUBLISHED),
    ),
    "report": (
        "data data_state benchmarks stands_for seed norm_pix_loss anatomy pretrain_arms scratch_arms few_labels_arms "
        "denoise_arms noise_sigma arms scales.smoke",
        (),
        SHOWN,
    ),
}  # fmt: skip


LOOP = ("threads", "workers", "image")
DECODING = ("decoder_width", "image_skip")
TUNING = (*LOOP, "encoder", *DECODING)
RECIPES = ("recipes.vessels", "recipes.segments", "recipes.stenoses", "lesion_weight", "seeds")
SEGMENTED = "sets.vessels sets.segments sets.stenoses"
WEIGHTS = "external weights weights_state"
FEW = ("recipes.vessels", "seeds")
BOXES = ("recipes.boxes", "seeds", "detector", "detector_side")
MADE_LAST = ("runtimes.csv", "costs.csv")  # by the report itself
EXTENDED = {  # the same of the extended part: parameters of v2 and of its scale stand behind those two
    "v2_data": ("data seed", ("image",), "sets data_state twins labelled_in_corpus", ("twins",), ()),
    "v2_redundancy": ("", (), "sets", (), ("stores",)),
    "v2_anatomy": (
        "anatomy seed", ("threads", "workers", "image", "segmentor"), "sets.vessels", (), ("stores", "kept"),
    ),
    "v2_guidance": (
        "seed", ("threads", "image", "pretrain"), "sets.vessels arms.vasomim_v2", ("pretrain",),
        ("stores", "anatomy", "segmentor", PUBLISHED),
    ),
    "v2_pretrain": (
        "seed norm_pix_loss", (*BUILDING, "workers", "rivals", "decoder_width", "image_skip", "pretrain"),
        f"arms.{{item}} {WEIGHTS}", ("encoders", "seeds", "pretrain"),
        ("stores/corpus", "kept", "anatomy", "segmentor"),
    ),
    "v2_finetune": (
        "seed", TUNING, f"{SEGMENTED} arms.{{item}}", (*RECIPES, "encoders"), ("stores", "pretrain/{item}"),
    ),
    "v2_scratch": ("", (*TUNING, "unet_width"), SEGMENTED, RECIPES, ("stores",)),
    "v2_published": (
        "", (*LOOP, *DECODING), f"{SEGMENTED} external.{{item}} weights weights_state", RECIPES, ("stores",),
    ),
    "v2_labels": (
        "seed", TUNING, "sets.vessels arms.{item}", (*FEW, "encoders"), ("stores", "pretrain/{item}"),
    ),
    "v2_scratch_labels": ("", TUNING, f"sets.vessels {WEIGHTS}", FEW, ("stores",)),
    "v2_detect": (
        "seed", (*LOOP, "encoder"), "sets.boxes arms.{item}", (*BOXES, "encoders"), ("stores", "pretrain/{item}"),
    ),
    "v2_scratch_detect": ("", (*LOOP, "encoder"), f"sets.boxes {WEIGHTS}", BOXES, ("stores",)),
    "v2_tables": (
        "", ("image", "encoder"),
        "sets stands_for pretrain scratch published external detect labels percents arms", ("encoders",),
        ("stores", "kept", "anatomy/scores.csv", "segmentor/scores.csv", "finetune", "labels", "detect", PUBLISHED),
    ),
    "v2_claims": (
        "", (), "sets stands_for pretrain scratch published arms detect", (),
        ("results/doll/v2/raw.csv", "detect", PUBLISHED),
    ),
    "v2_figures": ("", ("image",), "sets", ("detector_side",), ("stores", "finetune", "detect")),
    "v2_report": (
        "data seed norm_pix_loss anatomy scales.smoke", (),
        f"sets data_state labelled_in_corpus twins stands_for pretrain scratch detect labels percents arms {WEIGHTS} "
        "published scales.smoke", (),
        (
            "results/doll/v2/targets.csv",
            *(f"{item.folder}/doll/v2/{item.file}" for item in EXTENDED_ITEMS if item.file not in MADE_LAST),
        ),
    ),
}  # fmt: skip


def parameters_of(kind: str, item: str) -> set[str]:
    """Parameters that make a stage stale; those of params_v2.yaml begin with v2."""
    if kind in USES:
        own, scale, _ = USES[kind]
        return {"run", "scale", *own.format(arm=f"arms.{item}").split(), *(f"scales.smoke.{name}" for name in scale)}
    own, scale, more, more_scale, _ = EXTENDED[kind]
    found = {"run", "scale", *own.split(), *(f"scales.smoke.{name}" for name in scale)}
    found |= {f"v2.{name}" for name in more.format(item=item).split()}
    return found | {f"v2.scales.smoke.{name}" for name in more_scale}


def inputs_of(kind: str, item: str) -> set[str]:
    """Files and folders, made by other stages or shipped, that make a stage stale."""
    made = [name.format(item=item) for name in (USES | EXTENDED)[kind][-1]]
    work = "work/doll" if kind in USES else "work/doll/v2"
    return {name if name.startswith(("paper/", "results/", "figures/")) else f"{work}/{name}" for name in made}


def libraries_of(kind: str) -> set[str]:
    """Files with the versions of libraries."""
    return {"requirements.lock"} if kind in USES else {"requirements.lock", "requirements-v2.lock"}
