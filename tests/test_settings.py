"""params.yaml is read strictly: what is wrong is refused by its full name, and the shipped scales are the papers'."""

import copy
import math
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vasolib.errors import UserError
from vasolib.parsing import parse
from vasolib.settings import METHODS, Arm, ImageSize, Recipe, Scale, Transformer

ROOT = Path(__file__).resolve().parents[1]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SMOKE = PARAMS["scales"]["smoke"]
GONE = object()
HUGE = int("9" * 400)


def changed(values: dict, place: str, value: object) -> dict:
    """A copy of nested mappings with the value at `a.b` replaced, or removed where it is GONE."""
    values = copy.deepcopy(values)
    *parents, last = place.split(".")
    block = values
    for name in parents:
        block = block[name]
    if value is GONE:
        del block[last]
    else:
        block[last] = value
    return values


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        # not a parameter: the nearest name is offered
        ("threds", 1, "scales.doll.threds is not a parameter: did you mean 'threads'?"),
        ("image.pach", 8, "scales.doll.image.pach is not a parameter: did you mean 'patch'?"),
        ("pretrain.epoch", 8, "scales.doll.pretrain.epoch is not a parameter: did you mean 'epochs'?"),
        ("synthetic.zzz", 8, "scales.doll.synthetic.zzz is not a parameter: choose one of: corpus, test, train"),
        # missing
        ("threads", GONE, "scales.doll.threads is missing"),
        ("seeds", GONE, "scales.doll.seeds is missing"),
        ("encoder", GONE, "scales.doll.encoder is missing"),
        ("encoder.depth", GONE, "scales.doll.encoder.depth is missing"),
        ("finetune.lr", GONE, "scales.doll.finetune.lr is missing"),
        # of another kind
        ("threads", True, "scales.doll.threads is True, expected int"),
        ("threads", 1.0, "scales.doll.threads is 1.0, expected int"),
        ("threads", "1", "scales.doll.threads is '1', expected int"),
        ("threads", None, "scales.doll.threads is None, expected int"),
        ("workers", [0], "scales.doll.workers is [0], expected int"),
        ("image_skip", 1, "scales.doll.image_skip is 1, expected bool"),
        ("image_skip", "no", "scales.doll.image_skip is 'no', expected bool"),
        ("pretrain.lr", "1e-3", "scales.doll.pretrain.lr is '1e-3', expected float"),
        ("pretrain.lr", False, "scales.doll.pretrain.lr is False, expected float"),
        ("pretrain.lr", HUGE, "scales.doll.pretrain.lr is too large (99999999999999999999…)"),
        ("segmentor.schedule", 3, "scales.doll.segmentor.schedule is 3, expected str"),
        ("image", 8, "scales.doll.image is 8, expected a block of parameters"),
        ("decoder", [32, 1, 2], "scales.doll.decoder is [32, 1, 2], expected a block of parameters"),
        ("seeds", 0, "scales.doll.seeds is 0, expected tuple[int, ...]"),
        ("seeds", [0, 1.5], "scales.doll.seeds is 1.5, expected int"),
        ("umap_seeds", [True], "scales.doll.umap_seeds is True, expected int"),
        ("finetune.crop", [0.5], "scales.doll.finetune.crop is [0.5], expected tuple[float, float]"),
        ("finetune.crop", [0.1, 0.5, 1.0], "scales.doll.finetune.crop is [0.1, 0.5, 1.0], expected tuple"),
        ("finetune.crop", ["a", 1.0], "scales.doll.finetune.crop is 'a', expected float"),
        # out of range: the block's full name, then the parameter's
        ("threads", 0, "scales.doll: threads is 0"),
        ("workers", -1, "scales.doll: workers -1"),
        ("decoder_width", 5, "scales.doll: workers 0, decoder_width 5"),
        ("decoder_width", 0, "decoder_width 0: workers must be 0 or more, decoder_width an even number"),
        ("unet_width", -4, "scales.doll: unet_width is -4"),
        ("feature_patches", 0, "scales.doll: feature_patches is 0"),
        ("seeds", [], "scales.doll: seeds is []: give at least one"),
        ("seeds", [1, 1], "scales.doll: seeds is [1, 1]: give at least one, 0 or more, none twice"),
        ("seeds", [-1], "scales.doll: seeds is [-1]"),
        ("umap_seeds", [], "scales.doll: umap_seeds is []"),
        ("umap_seeds", [2, 0, 2], "scales.doll: umap_seeds is [2, 0, 2]"),
        ("image.patch", 0, "scales.doll.image: patch is 0"),
        ("image.patch", 12, "scales.doll.image: side 64 and patch 12"),
        ("image.patch", -8, "scales.doll.image: patch is -8"),
        ("image.patch", HUGE, "scales.doll.image.patch is too large"),
        ("image.side", 40, "scales.doll.image: side 40 and patch 8: side must be a multiple of 32"),
        ("image.side", 0, "scales.doll.image: side is 0"),
        ("image.store_side", 0, "scales.doll.image: store_side is 0"),
        ("synthetic.corpus", 0, "scales.doll.synthetic: corpus is 0"),
        ("synthetic.test", -3, "scales.doll.synthetic: test is -3"),
        ("encoder.num_heads", 3, "scales.doll.encoder: embed_dim 32 and num_heads 3"),
        ("encoder.embed_dim", 6, "scales.doll.encoder: embed_dim 6 and num_heads 2"),
        ("decoder.depth", 0, "scales.doll.decoder: depth is 0"),
        ("decoder.num_heads", 0, "scales.doll.decoder: num_heads is 0"),
        ("pretrain.epochs", 0, "scales.doll.pretrain: epochs is 0"),
        ("pretrain.batch_size", -1, "scales.doll.pretrain: batch_size is -1"),
        ("pretrain.lr", 0, "scales.doll.pretrain: lr is 0"),
        ("pretrain.lr", math.nan, "scales.doll.pretrain: lr is nan"),
        ("pretrain.lr", math.inf, "scales.doll.pretrain: lr is inf"),
        ("pretrain.beta2", 1.0, "scales.doll.pretrain: beta2 is 1.0: choose a number between 0 and 1"),
        ("pretrain.beta2", math.nan, "scales.doll.pretrain: beta2 is nan"),
        ("pretrain.warmup", 1.0, "scales.doll.pretrain: warmup is 1.0"),
        ("pretrain.warmup", -0.1, "scales.doll.pretrain: warmup is -0.1"),
        ("pretrain.weight_decay", -0.1, "scales.doll.pretrain: weight_decay is -0.1"),
        ("pretrain.samples", -1, "samples -1: need 0 < low <= high <= 1, samples 0 or more"),
        ("pretrain.schedule", "cosinus", "scales.doll.pretrain: schedule 'cosinus' is unknown: did you mean 'cosine'?"),
        ("finetune.crop", [1.0, 0.5], "scales.doll.finetune: crop [1.0, 0.5]"),
        ("finetune.crop", [0, 1], "scales.doll.finetune: crop [0.0, 1.0]"),
        ("finetune.crop", [0.5, 1.5], "scales.doll.finetune: crop [0.5, 1.5]"),
        ("finetune.crop", [math.nan, 1.0], "scales.doll.finetune: crop [nan, 1.0]"),
        ("rivals.dino_out", 0, "scales.doll.rivals: dino_out is 0"),
        ("rivals.hpm_momentum", 1.0, "scales.doll.rivals: hpm_momentum is 1.0"),
        ("dncnn.depth", 0, "scales.doll.dncnn: depth is 0"),
        ("denoise_seeds", [], "scales.doll: denoise_seeds is []"),
    ],
)
def test_a_wrong_scale_is_refused_by_the_full_name(place: str, value: object, message: str):
    with pytest.raises(UserError) as caught:
        parse(Scale, changed(SMOKE, place, value), "scales.doll")
    assert str(caught.value).startswith("params.yaml: scales.doll")
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mask_ratio": 0}, "arms.doll: mask_ratio is 0.0: choose a number between 0 and 1"),
        ({"mask_ratio": 1}, "arms.doll: mask_ratio is 1.0"),
        ({"mask_ratio": math.nan}, "arms.doll: mask_ratio is nan"),
        ({"mask_ratio": "half"}, "arms.doll.mask_ratio is 'half', expected float"),
        ({"mask_ratio": 0.5, "guidance": "yes"}, "arms.doll.guidance is 'yes', expected bool"),
        ({"mask_ratio": 0.5, "consistancy": True}, "arms.doll.consistancy is not a parameter: did you mean 'consisten"),
        ({"mask_ratio": 0.5, "beta_end": 1.01}, "arms.doll: beta_end is 1.01"),
        ({"mask_ratio": 0.5, "beta_start": -0.01}, "arms.doll: beta_start is -0.01"),
        ({"method": "vasomin"}, "arms.doll: method 'vasomin' is unknown: did you mean 'vasomim'"),
        ({"anatomy": "better"}, "arms.doll: anatomy 'better' is unknown"),
        ({"lr": {"laptop": "1e-3"}}, "arms.doll: lr.laptop is '1e-3': give a number"),
        ({"lr": {"laptop": 0}}, "arms.doll: lr.laptop is 0"),
        ({"epochs": 0}, "arms.doll: epochs is 0"),
        ({"seeds": 0}, "arms.doll: seeds is 0"),
        ({"benchmarks": [-1]}, "arms.doll: benchmarks is [-1]"),
        ({"mask_ratio": 0.5, 7: 1}, "arms.doll.7 is not a parameter"),
        (None, "arms.doll is None, expected a block of parameters"),
        ([0.5], "arms.doll is [0.5], expected a block of parameters"),
    ],
)
def test_a_wrong_arm_is_refused_by_the_full_name(values: object, message: str):
    with pytest.raises(UserError) as caught:
        parse(Arm, values, "arms.doll")
    assert message in str(caught.value)


def test_bounds_that_are_allowed():
    assert parse(Arm, {"mask_ratio": 0.5, "beta_start": 0, "beta_end": 1}, "x").beta_end == 1.0
    assert Recipe(epochs=1, batch_size=1, lr=1e-9, warmup=0.0, weight_decay=0.0, crop=(1.0, 1.0)).samples == 0
    assert ImageSize(store_side=1, side=32, patch=1).patch == 1


def test_whole_numbers_become_the_floats_that_are_asked_for():
    recipe = parse(Scale, changed(SMOKE, "pretrain.lr", 1), "x").pretrain
    assert type(recipe.lr) is float and all(type(end) is float for end in recipe.crop)


@pytest.mark.parametrize("name", PARAMS["scales"])
def test_shipped_scales_are_read_with_nothing_lost(name: str):
    values = PARAMS["scales"][name]
    found = asdict(parse(Scale, values, name))
    for key, value in values.items():
        given = value if isinstance(value, dict) else {key: value}
        read = found[key] if isinstance(value, dict) else found
        for part, wanted in given.items():
            assert read[part] == (tuple(wanted) if isinstance(wanted, list) else wanted)


def test_there_are_the_three_scales_and_all_arms():
    assert list(PARAMS["scales"]) == ["smoke", "laptop", "paper"]
    arms = {name: parse(Arm, values, name) for name, values in PARAMS["arms"].items()}
    assert set(PARAMS["pretrain_arms"]) <= arms.keys()
    assert {arm.method for arm in arms.values()} == set(METHODS)
    ablation = {name: arms[name] for name in ("mae_50", "guidance", "consistency", "vasomim")}
    both = {name: (arm.guidance, arm.consistency) for name, arm in ablation.items()}
    assert both == {
        "mae_50": (False, False),
        "guidance": (True, False),
        "consistency": (False, True),
        "vasomim": (True, True),
    }
    assert {arm.mask_ratio for arm in ablation.values()} == {0.5}
    assert {arms[name].betas for name in ("guidance", "vasomim", "vasomim_robust")} == {(0.0, 0.5)}
    assert [arms[f"beta_{name}"].betas for name in ("0_1", "1_1", "5_0")] == [(0.0, 1.0), (1.0, 1.0), (0.5, 0.0)]
    published = {"mae": 0.75, "simmim": 0.6, "amt": 0.45, "deblurring": 0.75, "crossmae": 0.75, "hpm": 0.75}
    assert {name: arms[name].mask_ratio for name in published} == published
    for name in (*published, *ablation, "moco", "dino", "chexworld", "spt", "vasomim_robust"):
        assert arms[name].seeds == 3 and arms[name].epochs == 1.0 and not arms[name].benchmarks, name
    for name, arm in arms.items():
        if name.startswith(("mae_", "vasomim_")) and name[-1] == "0" and name != "mae_50":
            assert arm.epochs == int(name.split("_")[1]) / 800, name
        if name.startswith("gamma_"):
            assert arm.mask_ratio == int(name[6:]) / 100 and arm.betas == (0.0, 0.5) and arm.consistency, name


def test_the_scale_paper_is_the_papers_configuration():
    paper = parse(Scale, PARAMS["scales"]["paper"], "paper")
    assert paper.encoder == Transformer(embed_dim=768, depth=12, num_heads=12)  # ViT-B
    assert (paper.image.patch, paper.image.side) == (16, 224)
    assert paper.decoder == Transformer(embed_dim=512, depth=8, num_heads=16)
    pretrain = paper.pretrain
    assert (pretrain.epochs, pretrain.batch_size, pretrain.lr) == (800, 256, 1.5e-4)
    assert (pretrain.beta2, pretrain.weight_decay, pretrain.schedule) == (0.95, 0.05, "cosine")
    assert (pretrain.warmup, pretrain.crop, pretrain.samples) == (0.05, (0.2, 1.0), 0)  # 40 of 800 epochs
    assert (paper.finetune.epochs, paper.finetune.lr) == (500, 1e-4)
    assert len(paper.seeds) == 3


def places(values: dict, above: str = "") -> list[str]:
    """Full names of all parameters of nested mappings."""
    names = []
    for key, value in values.items():
        names += [above + key, *(places(value, f"{above}{key}.") if isinstance(value, dict) else [])]
    return names


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from([0, 1, HUGE])
KEYS = st.text(max_size=8) | st.integers(0, 3) | st.sampled_from(places(SMOKE))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
EDITS = st.lists(st.tuples(st.sampled_from(places(SMOKE)), VALUES | st.just(GONE)), min_size=1, max_size=4)


@hypothesis_settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(EDITS, st.dictionaries(KEYS, VALUES, max_size=1))
def test_whatever_is_written_there_comes_a_scale_or_one_clear_error(edits: list, extra: dict):
    values = copy.deepcopy(SMOKE)
    for place, value in edits:
        try:
            values = changed(values, place, value)
        except (KeyError, TypeError):  # the block above has been replaced by then
            continue
    try:
        scale = parse(Scale, values | extra, "scales.doll")
    except UserError as error:
        refused = error
    else:
        assert scale == Scale(**{name: getattr(scale, name) for name in Scale.__dataclass_fields__})
        assert scale.image.side % scale.image.patch == 0 and scale.pretrain.epochs > 0
        return
    assert str(refused).startswith("params.yaml: scales.doll")


@pytest.mark.parametrize("values", [None, 3, "x", [], [SMOKE]])
def test_a_scale_is_a_block(values: object):
    with pytest.raises(UserError, match=r"scales\.doll is .*, expected a block"):
        parse(Scale, values, "scales.doll")
