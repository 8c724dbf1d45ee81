"""Whatever bytes an image file has, it is read or left out, and nothing else happens."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.damaged import SHAPE, encoded, grey, vessel
from vasolib.data.folder import ImageFile, _decoded
from vasolib.data.left_out import BadFile, LeftOut
from vasolib.data.listing import list_images
from vasolib.data.reading import read_mask

GREY = grey()
SEEDS = [encoded(GREY, suffix) for suffix in ("png", "jpg", "pgm", "bmp", "tif")] + [
    encoded(GREY.astype(np.uint16) * 9, "tif"),
    encoded(GREY.astype(np.float32), "tif", compression="tiff_lzw"),
    encoded(Image.fromarray(GREY).convert("P"), "tif", compression="tiff_adobe_deflate"),
    encoded(Image.fromarray(GREY).convert("CMYK"), "jpg", progressive=True),
    encoded(GREY, save_all=True, append_images=[Image.fromarray(GREY[::-1])]),
]
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4)), min_size=1, max_size=4)
CUTS = st.just(1.0) | st.floats(0, 1)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with some bytes replaced, added or removed, and perhaps cut."""
    data = draw(st.sampled_from(SEEDS))
    for place, new in draw(EDITS):
        at = int(place * min(len(data), draw(st.sampled_from([30, 200, 10**6]))))  # heads matter most
        data = data[:at] + new + data[at + draw(st.sampled_from([len(new), 0, 3])) :]
    return data[: int(draw(CUTS) * len(data))]


FUZZED = {"max_examples": 300, "deadline": None, "derandomize": True, "database": None}
CONTENT = (
    damaged() | st.binary(max_size=100) | st.sampled_from(SEEDS).flatmap(lambda s: st.binary(max_size=9).map(s.__add__))
)


@settings(**FUZZED)
@given(CONTENT)
def test_any_bytes_give_an_image_or_are_left_out(content: bytes):
    made = _decoded((ImageFile("set", Path("set/images/p1_0.png"), None, "train"), content, None))
    if isinstance(made, LeftOut):
        assert made.file == "set/images/p1_0.png" and made.reason and "\n" not in str(made)
    else:
        assert made.image.dtype == np.uint8 and made.image.ndim == 2
        assert min(made.image.shape) >= 8 and made.image.min() < made.image.max()


@settings(**FUZZED)
@given(CONTENT)
def test_any_bytes_give_a_mask_or_are_refused(content: bytes):
    try:
        mask = read_mask(Path("m.png"), SHAPE, content)
    except BadFile as error:
        refused = str(error)
    else:
        assert mask.shape == SHAPE and set(np.unique(mask)) == {0, 1}
        return
    assert refused.startswith("m.png ") and "\n" not in refused


def test_what_is_damaged_here_is_at_first_good():
    for data in SEEDS[:-1]:
        made = _decoded(
            (ImageFile("set", Path("set/images/x.png"), Path("set/masks/x.png"), "train"), data, encoded(vessel()))
        )
        assert made.image.shape == SHAPE


NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=()), min_size=1, max_size=12)


@settings(**FUZZED | {"max_examples": 100})
@given(st.lists(NAMES, max_size=6, unique=True), st.sampled_from([".png", ".JPG", ".txt", ""]))
def test_any_names_are_listed_once(tmp_path_factory, names: list[str], suffix: str):
    folder = tmp_path_factory.mktemp("images")
    for name in names:
        try:
            (folder / (name + suffix)).write_bytes(b"x")
        except (OSError, ValueError):  # a name that this disk does not take
            continue
    found = list_images(folder)
    listed = [*found.files.values(), *found.bad, *found.other]
    assert len(listed) == len(set(listed))
    assert set(listed) == {path for path in folder.iterdir() if not path.name.startswith(".")}
    assert all("\n" not in stem and "\\" not in stem for stem in found.files)
