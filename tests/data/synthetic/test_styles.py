from dataclasses import FrozenInstanceError, fields

import pytest

from vasolib.data.synthetic.projection import VIEWS
from vasolib.data.synthetic.styles import CORPUS_STYLE, STYLES, Style, named_style
from vasolib.errors import UserError

CHANCES = (
    "filling",
    "spine",
    "ribs",
    "diaphragm",
    "catheter",
    "wire",
    "reflux",
    "leads",
    "pacemaker",
    "sternal",
    "circle",
    "blades",
)


def test_each_centre_has_its_own_stream_of_random_numbers():
    assert sorted(style.number for style in STYLES.values()) == list(range(len(STYLES)))
    assert CORPUS_STYLE in STYLES


def test_styles_are_found_by_their_names():
    assert all(named_style(name) is style and style.name == name for name, style in STYLES.items())


@pytest.mark.parametrize("name", ["z", "A", "", "aa"])
def test_an_unknown_style_is_refused(name: str):
    with pytest.raises(
        UserError, match=f"^unknown style '{name}' of synthetic angiogram: (choose one of: a, b|did you)"
    ):
        named_style(name)


@pytest.mark.parametrize("name", STYLES)
def test_ranges_rise_and_probabilities_are_between_0_and_1(name: str):
    style = STYLES[name]
    pairs = {f.name: getattr(style, f.name) for f in fields(Style) if isinstance(getattr(style, f.name), tuple)}
    assert {key: pair for key, pair in pairs.items() if not 0 <= pair[0] <= pair[1]} == {}
    assert all(0 <= getattr(style, chance) <= 1 for chance in (*CHANCES, "logarithmic", "jpeg"))


@pytest.mark.parametrize("name", STYLES)
def test_all_views_are_views(name: str):
    assert set(STYLES[name].views) <= set(VIEWS)


def test_a_style_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        STYLES["a"].number = 7
