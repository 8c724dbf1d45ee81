"""What each stage of the pipeline uses, apart from dvc.yaml: for test_stale.py, held to the truth by test_uses.py."""

__all__ = ["USES", "inputs_of", "parameters_of"]

from vasolib.report import ITEMS

SCALE = ("threads", "workers", "image", "encoder", "decoder_width", "image_skip", "unet_width", "finetune", "seeds")
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
    "scratch": ("benchmarks scratch_arms", SCALE, ("stores",)),
    "labels": ("benchmarks seed scratch_arms {arm}", SCALE, ("stores", "pretrain/{item}")),
    "scratch_labels": ("benchmarks scratch_arms", SCALE, ("stores",)),
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
        BUILDING,
        ("stores", "anatomy", "pretrain", "finetune"),
    ),
    "features": (
        "benchmarks seed arms",
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


def parameters_of(kind: str, item: str) -> set[str]:
    """Parameters that make a stage stale."""
    own, scale, _ = USES[kind]
    return {"run", "scale", *own.format(arm=f"arms.{item}").split(), *(f"scales.smoke.{name}" for name in scale)}


def inputs_of(kind: str, item: str) -> set[str]:
    """Files and folders, made by other stages or shipped, that make a stage stale."""
    made = [name.format(item=item) for name in USES[kind][2]]
    return {name if name.startswith(("paper/", "results/", "figures/")) else f"work/doll/{name}" for name in made}
