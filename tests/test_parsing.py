"""Strict reading: what a dataclass does not know, lacks or cannot hold is refused by its full name."""

import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from vasolib.errors import UserError
from vasolib.parsing import one_of, parse, positive, within


@dataclass(frozen=True)
class Inner:
    side: int

    def __post_init__(self) -> None:
        positive(self, "side")


@dataclass(frozen=True)
class Doll:
    name: str
    inner: Inner
    rate: float = 0.5
    seeds: tuple[int, ...] = ()
    extra: dict = field(default_factory=dict)


GOOD = {"name": "a", "inner": {"side": 2}}


def test_defaults_are_filled_in_and_never_shared():
    first, second = parse(Doll, GOOD, "x"), parse(Doll, GOOD, "x")
    assert first == Doll("a", Inner(2)) and first.extra is not second.extra


def test_every_kind_of_value_is_understood():
    values = {**GOOD, "rate": 1, "seeds": [1, 2], "extra": {"a": 0.1}}
    assert parse(Doll, values, "x") == Doll("a", Inner(2), 1.0, (1, 2), {"a": 0.1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nme": 1}, "x.nme is not a parameter: did you mean 'name'"),
        ({"inner": {}}, "x.inner.side is missing: add it (int)"),
        ({"inner": {"side": 0}}, "x.inner: side is 0: it must be greater than 0"),
        ({"name": 3}, "x.name is 3, expected str"),
        ({"rate": True}, "x.rate is True, expected float"),
        ({"seeds": [1, "2"]}, "x.seeds is '2', expected int"),
        ({"seeds": 1}, "x.seeds is 1, expected tuple[int, ...]"),
        ({"extra": [1]}, "x.extra is [1], expected dict"),
        ({"inner": {"side": 2**60}}, "x.inner.side is too large"),
    ],
)
def test_what_is_wrong_is_named(change: dict, message: str):
    with pytest.raises(UserError) as caught:
        parse(Doll, GOOD | change, "x")
    assert str(caught.value).startswith("params.yaml: ") and message in str(caught.value)


def test_a_choice_brings_the_nearest():
    one_of("method", "mae", ("mae", "moco"))
    with pytest.raises(UserError, match="method 'mac' is unknown: did you mean 'mae'"):
        one_of("method", "mac", ("mae", "moco"))


@pytest.mark.parametrize(
    ("value", "closed", "fits"),
    [(0.5, False, True), (0.0, False, False), (0.0, True, True), (1.0, True, True), (1.1, True, False)],
)
def test_bounds(value: float, closed: bool, fits: bool):
    if fits:
        within("share", value, 0.0, 1.0, closed)
    else:
        with pytest.raises(UserError, match=r"share is .*: choose a number between 0 and 1"):
            within("share", value, 0.0, 1.0, closed)


def test_what_is_no_number_is_within_no_bounds():
    with pytest.raises(UserError, match="share is nan"):
        within("share", math.nan, 0.0, 1.0, closed=True)


def test_all_named_attributes_must_be_positive():
    positive(SimpleNamespace(a=1, b=0), "a")
    with pytest.raises(UserError, match="b is 0"):
        positive(SimpleNamespace(a=1, b=0), "a", "b")
