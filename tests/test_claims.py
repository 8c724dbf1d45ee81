"""The claims as data: their names, the arms they speak of, where they hold and how much bears them out."""

from math import nan

import pytest

from vasolib.claims import CLAIMS, SMALLEST, Claim
from vasolib.study import ROOT, Study

SETS = ["one", "two", "three"]


def test_claims_have_names_of_their_own():
    assert len({claim.id for claim in CLAIMS}) == len({claim.text for claim in CLAIMS}) == len(CLAIMS)


def test_claims_speak_of_arms_that_the_study_trains():
    params = Study.load(ROOT).params
    known = {*params.pretrain_arms, *params.scratch_arms, "frangi"}
    assert {arm for claim in CLAIMS for pair in claim.pairs() for arm in pair} <= known


def test_each_arm_that_is_better_meets_each_that_is_worse():
    assert list(Claim("x", "", "a b", "c d").pairs()) == [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]


@pytest.mark.parametrize(
    ("where", "names", "found"),
    [
        ("all", SETS, SETS),
        ("first", SETS, ["one"]),
        ("second", SETS, ["two"]),
        ("two", SETS, ["one", "two"]),
        ("others", SETS, ["two", "three"]),
        ("none", SETS, [""]),
        ("second", SETS[:1], ["no second data set"]),
    ],
)
def test_data_sets_are_meant_by_position(where, names, found):
    assert Claim("x", "", "a", "b", datasets=where).where(names) == found


@pytest.mark.parametrize(
    ("margin", "published", "floor", "relevant"),
    [
        (0.0, nan, 0.0, SMALLEST),
        (0.0, 3.0, 0.0, SMALLEST),
        (0.0, 0.4, 0.0, 0.4),  # less was published than would matter here
        (0.0, -2.0, 0.0, SMALLEST),
        (1.5, 0.4, -1.5, 0.0),
    ],
)
def test_an_effect_has_to_lie_above_a_floor_and_reach_what_matters(margin, published, floor, relevant):
    assert Claim("x", "", "a", "b", margin=margin).bounds(published) == (floor, relevant)
