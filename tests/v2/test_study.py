"""params_v2.yaml: read beside params.yaml, refused by name where it is wrong."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings

from tests.test_parameters import edits
from vasolib.errors import UserError
from vasolib.study import ROOT, Study
from vasolib.v2.settings import TASKS
from vasolib.v2.study import Extended

SHIPPED = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))


def scale_with(values: dict) -> dict:
    """The shipped scales, smoke with other values."""
    scales = SHIPPED["v2"]["scales"]
    return {"scales": scales | {"smoke": scales["smoke"] | values}}


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[dict], Extended]:
    """The shipped choices with some of the block v2 changed."""
    shutil.copy(ROOT / "params.yaml", tmp_path)

    def make(values: dict) -> Extended:
        (tmp_path / "params_v2.yaml").write_text(yaml.safe_dump({"v2": SHIPPED["v2"] | values}), encoding="utf-8")
        return Extended.beside(Study.load(tmp_path))

    return make


@pytest.fixture(scope="module")
def shipped() -> Extended:
    return Extended.beside(Study.load(ROOT))


def test_every_scale_and_arm_that_is_shipped_is_sound(shipped: Extended):
    assert set(shipped.params.scales) == set(shipped.study.params.scales)
    for name in shipped.params.arms:
        assert shipped.pretraining(name).epochs >= 1
    assert set(shipped.params.pretrain) <= set(shipped.params.arms)


def test_the_papers_settings_are_kept(shipped: Extended):
    v2, v1 = shipped.arm("vasomim_v2"), shipped.arm("vasomim")
    assert (v2.eta, v1.eta) == (0.5, 1.0)
    assert v2.mask_ratio == v1.mask_ratio == 0.5 and v2.betas == v1.betas == (0.0, 0.5)
    paper = shipped.scale_named("paper")
    assert len(paper.seeds) == 5
    recipe, first = shipped.recipe(paper, "paper"), shipped.study.scale_named("paper").pretrain
    assert (recipe.batch_size, recipe.lr) == (2048, 0.0012) and replace(recipe, batch_size=256, lr=first.lr) == first
    large, huge = shipped.scale_named("paper").encoders.values()
    assert (large["depth"], huge["depth"]) == (24, 32)


def test_an_arm_may_have_an_encoder_of_its_own(shipped: Extended):
    plain, second = shipped.scale("vasomim_v2"), shipped.scale("model_2")
    assert plain == shipped.study.scale == shipped.scale("vit")
    assert second.encoder.embed_dim == shipped.more.encoders["second"]["embed_dim"] != plain.encoder.embed_dim
    assert second.image == plain.image


def test_files_lie_apart_from_those_of_the_first_part(shipped: Extended):
    for place in ("work", "results", "figures"):
        assert getattr(shipped, place)("a.csv") == getattr(shipped.study, place)("v2", "a.csv")
    with pytest.raises(UserError, match="v2_10_data first"):
        shipped.require("no", "such", made_by="v2_10_data")


def test_runs_take_the_pretraining_seeds_in_turn(changed: Callable):
    arms = SHIPPED["v2"]["arms"] | {"mae": {"seeds": 2}}
    extended = changed({"arms": arms})
    seeds = extended.more.seeds
    assert extended.runs("mae") == [(i % 2, seed) for i, seed in enumerate(seeds)]
    assert extended.runs("vit") == [(-1, seed) for seed in seeds]


def test_detection_has_a_stage_of_its_own(shipped: Extended):
    assert shipped.tasks_of("vasomim_v2") == ("vessels", "segments", "stenoses")
    assert shipped.tasks_of("unet") == tuple(task for task in TASKS if task != "boxes")
    assert shipped.tasks_of("eta_25") == ("vessels",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sets": {"vessels": ["a"]}}, "sets is .*give each of vessels, segments, stenoses, boxes"),
        ({"pretrain": ["moko"]}, "'moko', which is no arm: did you mean 'moco'"),
        ({"detect": {"scratch": ["nobody"], "pretrained": []}}, r"detect.scratch has \['nobody'\]"),
        ({"labels": {"scratch": [], "pretrained": ["vit"]}}, r"labels.pretrained has \['vit'\]"),
        ({"published": ["dinov9"]}, r"published has \['dinov9'\], not among"),
        (scale_with({"pretrain": {"batchsize": 8}}), r"v2.scales.smoke.pretrain.batchsize .*did you mean 'batch_size'"),
        (scale_with({"pretrain": {"lr": 0}}), "v2.scales.smoke.pretrain.*lr"),
        ({"percents": [10, 100]}, r"percents is \[10, 100\]|percents is \(10, 100\)"),
        ({"arms": SHIPPED["v2"]["arms"] | {"mae": {"mask_ratio": 0.999}}}, "mask_ratio 0.999 leaves"),
        ({"arms": SHIPPED["v2"]["arms"] | {"mae": {"lr": {"lapptop": 0.1}}}}, "lr.lapptop is for no scale"),
        ({"arms": SHIPPED["v2"]["arms"] | {"mae": {"encoder": "secnd"}}}, "no encoder 'secnd': did you mean 'second'"),
        ({"stands_for": {"arcade": "ARCADE-V"}}, "stands_for has 'arcade', which is no set: did you mean 'arcade_v'"),
        ({"weigths": ""}, "v2.weigths is not a parameter: did you mean 'weights'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_files_name(changed: Callable, values: dict, message: str):
    with pytest.raises(UserError, match=message) as error:
        changed(values)
    assert "params.yaml" not in str(error.value)


def test_a_file_of_another_form_is_refused(changed: Callable, tmp_path: Path):
    changed({})
    (tmp_path / "params_v2.yaml").write_text("v3: {}\n", encoding="utf-8")
    with pytest.raises(UserError, match="must hold one block called v2"):
        Extended.beside(Study.load(tmp_path))


def test_facts_tell_the_parts_choices_apart(changed: Callable):
    before, after = changed({}).facts(), changed({"percents": [10]}).facts()
    assert before["parameters"] != after["parameters"] and before["data"].startswith("twins of arcade_v")


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(edits(SHIPPED["v2"]))
def test_whatever_is_changed_in_the_file_there_is_a_study_or_one_clear_error(tmp_path_factory, changes: dict):
    root = tmp_path_factory.getbasetemp() / "fuzzed"
    root.mkdir(exist_ok=True)
    (root / "params_v2.yaml").write_text(yaml.safe_dump({"v2": SHIPPED["v2"] | changes}), encoding="utf-8")
    study = replace(Study.load(ROOT), root=root)
    try:
        extended = Extended.beside(study)
    except UserError as error:
        refused = str(error)
    else:
        assert extended.more.seeds
        return
    assert "params_v2.yaml" in refused
