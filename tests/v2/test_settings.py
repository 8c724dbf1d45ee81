"""Choices of the extended part are checked where they are made."""

import pytest

from vasolib.errors import UserError
from vasolib.parsing import parse
from vasolib.v2.settings import ExtendedArm, Sizes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"eta": 1.5}, "eta is 1.5"),
        ({"eta": -0.1}, "eta is -0.1"),
        ({"judge": "critic"}, "judge 'critic' is unknown"),
        ({"corpus": 0.0}, "corpus is 0.0"),
        ({"corpus": 1.01}, "corpus is 1.01"),
        ({"tasks": ["vessels", "bones"]}, "tasks 'bones' is unknown"),
        ({"tasks": ["vessels", "boxes"]}, "tasks 'boxes' is unknown"),
        ({"anatomy": "robust"}, "anatomy and benchmarks are choices of the first paper's part"),
        ({"benchmarks": [0]}, "anatomy and benchmarks are choices of the first paper's part"),
        ({"method": "moco", "guidance": True}, "guidance, consistency and eta are of the method vasomim, not of moco"),
        ({"method": "dino", "eta": 0.5}, "guidance, consistency and eta are of the method vasomim, not of dino"),
        ({"beta_end": 2.0}, "beta_end is 2.0"),
        ({"etta": 0.5}, "etta is not a parameter: did you mean 'eta'"),
    ],
)
def test_an_arm_that_cannot_be_is_refused(values: dict, message: str):
    with pytest.raises(UserError, match=message):
        parse(ExtendedArm, values, "v2.arms.x")


@pytest.mark.parametrize(
    ("values", "looks"),
    [
        ({}, False),
        ({"guidance": True}, False),  # by the filter's mask alone
        ({"guidance": True, "eta": 0.5}, True),
        ({"guidance": True, "eta": 0.0}, True),
        ({"eta": 0.0}, False),  # random masks
        ({"consistency": True}, True),
        ({"consistency": True, "judge": "features"}, False),
        ({"consistency": True, "judge": "features", "guidance": True, "eta": 0.5}, True),
    ],
)
def test_which_arms_ask_the_segmentor(values: dict, looks: bool):
    assert ExtendedArm(**values).looks is looks


def test_a_part_without_images_is_refused():
    with pytest.raises(UserError, match="test is 0"):
        Sizes(train=1, test=0)
