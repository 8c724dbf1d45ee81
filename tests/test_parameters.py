"""What params.yaml may say: every wrong value is refused by a message that names it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.test_study import SHIPPED, load
from vasolib.errors import UserError
from vasolib.parameters import Params
from vasolib.parsing import parse


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeed": 1}, "params.seeed is not a parameter: did you mean 'seed'"),
        ({"seed": "0"}, "params.seed is '0', expected int"),
        ({"benchmarks": "synth-a"}, "params.benchmarks is 'synth-a', expected tuple"),
        ({"anatomy": {"percentile": 92, "border": 20}}, "params.anatomy.working_side is missing"),
        ({"pretrain_arms": [*SHIPPED["pretrain_arms"], "vaso"]}, "there is no arm 'vaso'"),
        ({"arms": SHIPPED["arms"] | {"odd": {"mask_ratio": 2}}}, "arms.odd: mask_ratio is 2.0"),
        ({"scales": SHIPPED["scales"] | {"odd": {}}}, "scales.odd.threads is missing"),
        ({"scales": []}, "params.scales is [], expected dict"),
        ({"seed": -1}, "seed is -1: choose 0 or more"),
        ({"scale": "labtop"}, "there is no scale 'labtop': did you mean 'laptop'"),
        ({"anatomy": {"percentile": 900, "border": 20, "working_side": 512}}, "percentile is 900.0"),
        ({"anatomy": {"percentile": 92, "border": -1, "working_side": 512}}, "border -1, working_side 512"),
        ({"anatomy": {"percentile": 92, "border": 256, "working_side": 512}}, "border 256, working_side 512"),
        ({"scratch_arms": ["unet", "mae"]}, "['mae'] in both pretrain_arms and scratch_arms"),
        ({"benchmarks": []}, "benchmarks is []: give at least one name"),
        ({"benchmarks": ["synth-a", "synth-a"]}, "give at least one name, none twice"),
        ({"scratch_arms": ["../unet"]}, "scratch_arms has '../unet'"),
        ({"benchmarks": [".."]}, "benchmarks has '..'"),
        ({"few_labels_arms": ["unet"]}, "few_labels_arms has ['unet'], not among the arms"),
        ({"denoise_arms": ["vit", "deno"]}, "denoise_arms has ['deno'], not among the arms"),
        ({"noise_sigma": -1.0}, "noise_sigma is -1.0"),
        ({"noise_sigma": float("nan")}, "noise_sigma is nan"),
        ({"noise_sigma": float("inf")}, "noise_sigma is inf"),
        ({"noise_sigma": True}, "params.noise_sigma is True, expected float"),
        ({"seed": True}, "params.seed is True, expected int"),
        ({"seed": 0.0}, "params.seed is 0.0, expected int"),
        ({"seed": None}, "params.seed is None, expected int"),
        ({"norm_pix_loss": "yes"}, "params.norm_pix_loss is 'yes', expected bool"),
        ({"norm_pix_loss": 1}, "params.norm_pix_loss is 1, expected bool"),
        ({"run": "../laptop"}, "run is '../laptop': use letters"),
        ({"run": ".."}, "run is '..': use letters"),
        ({"run": ""}, "run is '': use letters"),
        ({"run": "a\nb"}, "run is 'a\\nb': use letters"),
        ({"run": 7}, "params.run is 7, expected str"),
        ({"data": ""}, "data is ''"),
        ({"data": None}, "params.data is None, expected str"),
        ({"stands_for": {"synth-a": 1}}, "stands_for.synth-a is 1: name a published column"),
        ({"stands_for": {1: "ARCADE"}}, "params.stands_for has the key 1, expected text"),
        ({"scales": {1: {}}}, "params.scales has the key 1, expected text"),
        ({"arms": {None: {}}}, "params.arms has the key None, expected text"),
        (
            {"arms": SHIPPED["arms"] | {"odd": {"lr": {"labtop": 1e-3}}}},
            "arms.odd.lr.labtop is for no scale: did you mean",
        ),
        (
            {"arms": SHIPPED["arms"] | {"odd": {"mask_ratio": 0.999}}},
            "arms.odd: mask_ratio 0.999 leaves 0 of the",
        ),
        (
            {"arms": SHIPPED["arms"] | {"odd": {"mask_ratio": 1e-20}}},
            "arms.odd: mask_ratio 1e-20 leaves",
        ),
        ({"arms": SHIPPED["arms"] | {"odd": {"mask_ratio": True}}}, "arms.odd.mask_ratio is True, expected float"),
        ({"arms": SHIPPED["arms"] | {"odd": {"mask_ratio": float("nan")}}}, "arms.odd: mask_ratio is nan"),
        ({"anatomy": {"percentile": float("nan"), "border": 20, "working_side": 512}}, "percentile is nan"),
        ({"anatomy": {"percentile": "92", "border": 20, "working_side": 512}}, "params.anatomy.percentile is '92'"),
    ],
)
def test_all_of_the_file_is_checked_when_it_is_read(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(UserError) as caught:
        load(tmp_path, **changes)
    assert message in str(caught.value)


def edits(shipped: dict) -> st.SearchStrategy[dict]:
    """Some keys of a file of parameters, or keys of no file, with values of any kind."""
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates()
    keys = st.text(max_size=4) | st.integers()
    values = st.recursive(
        values | st.binary(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=5,
    )
    return st.dictionaries(st.sampled_from(sorted(shipped)) | st.text(max_size=5), values, max_size=3)


@hypothesis_settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(edits(SHIPPED))
def test_whatever_is_changed_in_the_file_there_is_a_study_or_one_clear_error(changes: dict):
    try:
        params = parse(Params, SHIPPED | changes, "params")
    except UserError as error:
        refused = str(error)
    else:
        assert params.scale in params.scales and params.benchmarks
        return
    assert refused.startswith("params.yaml: params")
