"""Strict reading: what a dataclass does not know, lacks or cannot hold is refused by its full name."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vasolib.errors import UserError
from vasolib.parsing import one_of, parse, positive, read_yaml, within


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
        ({"extra": {1: 2}}, "x.extra has the key 1, expected text: quote it"),
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


def written(folder: Path, content: str | bytes) -> Path:
    """A YAML file."""
    path = folder / "params.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: 1\na: 2\n", "found the key 'a' twice, expected it once: remove either"),
        ("b: {a: 1, c: {d: 1, d: 1}}", "found the key 'd' twice"),
        ("1: a\n'1': b", "found the key '1' twice"),
        ("a: &x 1\nb: *x", "found an alias, expected the value written out"),
        ("a: &x {b: 1}\nc: {<<: *x}", "found an alias"),
        ("a: &x [*x]", "found an alias"),
        ("a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 99)), "found an alias"),
        ("a: *nowhere", "found an alias"),
        ("a:\n\tb: 1", "cannot start any token"),
        ("\ta: 1", "cannot start any token"),
        (b"a: \xff\xfe", "utf-8"),
        ("a: 1".encode("utf-16"), "utf-8"),
        ("a: ä".encode("latin-1"), "utf-8"),
        ("a: \0", "special characters are not allowed"),
        ("a: [", "expected the node content"),
        ("a: b: c", "mapping values are not allowed"),
        ("a: 'b", "unexpected end of stream"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("a: !own 1", "could not determine a constructor"),
        ("a: !!int x", "cannot be read"),
        ("a: !!int ''", "cannot be read"),
        ("a: !!float x", "cannot be read"),
        ("a: !!bool 3", "cannot be read"),
        ("a: !!timestamp x", "cannot be read"),
        ("a: 2024-13-45", "cannot be read"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("? [a]\n: 1", "found unhashable key"),
        ("? {a: 1}\n: 1", "found unhashable key"),
        ("[" * 5000, "recursion"),
        ("- " * 5000, "recursion"),
    ],
    ids=range(32),
)
def test_a_file_that_hides_or_breaks_something_is_refused_in_one_line(tmp_path: Path, content: str | bytes, says: str):
    path = written(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be read (") and says in message and "\n" not in message
    assert message.endswith("expected YAML in UTF-8: correct it there")


def test_a_file_that_is_none_is_refused(tmp_path: Path):
    for path in (tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(UserError, match="cannot be read"):
            read_yaml(path)


def test_what_is_plain_is_read_as_ever(tmp_path: Path):
    text = "a: [1, 2.5, x]\nb: {c: true, d: null}  # said\ne: &anchor 1\n<<: {f: 2}\n"
    assert read_yaml(written(tmp_path, text)) == {"a": [1, 2.5, "x"], "b": {"c": True, "d": None}, "e": 1, "f": 2}
    assert read_yaml(written(tmp_path, "\ufeffa: 1")) == {"a": 1}
    assert read_yaml(written(tmp_path, "")) is None


WORDS = st.sampled_from(
    ["a", "b", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "!!int ", "!!float ", "!!bool ",
     "!!set ", "!!omap ", "!!pairs ", "!!timestamp ", "!!binary ", "!!null ", "!!merge ", "!!value ", "? ", "<<", "|",
     ">", "'", '"', "\\", "#", "%YAML 9.9\n", "---", "...", "0x", "0b", "1:2:3", "-", ".inf", ".nan", "1e999", "=",
     "~", "2001-02-30"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60) | st.lists(WORDS, max_size=25).map("".join).map(str.encode) | st.text().map(str.encode))
def test_any_bytes_give_a_value_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    path.write_bytes(content)
    try:
        value = read_yaml(path)
    except UserError as error:
        refused = str(error)
    else:
        with pytest.raises(UserError, match=r"^params\.yaml: "):  # none of these has the keys of a doll
            parse(Doll, value, "x")
        return
    assert refused.startswith(f"{path} cannot be read (") and "\n" not in refused
