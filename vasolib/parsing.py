"""The strict reading of parameters: what is unknown, missing, of a wrong kind or out of range is named and refused."""

__all__ = ["one_of", "parse", "positive", "read_yaml", "within"]

import dataclasses
import types
import typing
from pathlib import Path

import yaml

from vasolib.errors import UserError, nearest

BROKEN = (OSError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError, yaml.YAMLError)


class StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, without what hides a value: a key given twice, and aliases, which also make bombs."""

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node:
        """The next node. Raises YAMLError for an alias."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="found an alias, expected the value written out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """A block. Raises YAMLError for a key that is there twice."""
        seen = set()
        for key, _ in node.value:
            if (name := str(key.value)) in seen:
                problem = f"found the key {name!r} twice, expected it once: remove either"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> object:
    """What a YAML file says. UserError where it cannot be read, uses an alias, or has a key twice."""
    try:
        return StrictLoader(path.read_text(encoding="utf-8")).get_single_data()
    except BROKEN as error:  # PyYAML's constructors raise all of these for values that are not of their tag
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} cannot be read ({reason}), expected YAML in UTF-8: correct it there") from None


def positive(values: object, *names: str) -> None:
    """UserError unless each named attribute is greater than zero."""
    for name in names:
        if not getattr(values, name) > 0:
            raise UserError(f"{name} is {getattr(values, name)}: it must be greater than 0")


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """UserError unless the value is among the choices."""
    if value not in choices:
        raise UserError(f"{name} {value!r} is unknown: {nearest(value, choices)}")


def within(name: str, value: float, low: float, high: float, closed: bool = False) -> None:
    """UserError unless low < value < high (or equal to a bound, when `closed`)."""
    if not (low < value < high or (closed and value in (low, high))):
        raise UserError(f"{name} is {value}: choose a number between {low:g} and {high:g}")


def parse(cls: type, values: object, where: str):
    """`cls` made from a mapping; unknown, missing and wrongly typed keys are refused by their full name.

    Args:
        cls: a dataclass; nested dataclasses, numbers, strings, booleans and tuples of them are understood.
        values: what YAML gave.
        where: the mapping's place in params.yaml, such as `scales.laptop`.
    """
    if not isinstance(values, dict):
        raise UserError(f"params.yaml: {where} is {values!r}, expected a block of parameters")
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in hints:
            raise UserError(f"params.yaml: {where}.{key} is not a parameter: {nearest(str(key), hints)}")
    for field in dataclasses.fields(cls):
        if field.name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise UserError(f"params.yaml: {where}.{field.name} is missing: add it ({type_name(hints[field.name])})")
    parsed = {key: convert(hints[key], value, f"{where}.{key}") for key, value in values.items()}
    try:
        return cls(**parsed)
    except UserError as error:
        raise UserError(f"params.yaml: {where}: {error}") from None


def convert(hint: type, value: object, where: str):
    """`value` as the type `hint`, or a UserError naming `where`."""
    if dataclasses.is_dataclass(hint):
        return parse(hint, value, where)
    if isinstance(hint, types.GenericAlias) and isinstance(value, list):
        kinds = typing.get_args(hint)
        kinds = kinds[:1] * len(value) if kinds[-1] is ... else kinds
        if len(kinds) == len(value):
            return tuple(convert(kind, v, where) for kind, v in zip(kinds, value, strict=True))
    if hint is dict and isinstance(value, dict) and (strange := [key for key in value if not isinstance(key, str)]):
        raise UserError(f"params.yaml: {where} has the key {repr(strange[0])[:80]}, expected text: quote it")
    if isinstance(value, int) and abs(value) >= 2**53:
        raise UserError(f"params.yaml: {where} is too large ({repr(value)[:20]}…): at most 2^53 fits")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise UserError(f"params.yaml: {where} is {repr(value)[:80]}, expected {type_name(hint)}")


def type_name(hint: type) -> str:
    """A type as a user would write it: `int`, `tuple[float, float]`."""
    return str(hint) if isinstance(hint, types.GenericAlias) else hint.__name__
