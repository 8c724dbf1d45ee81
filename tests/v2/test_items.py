"""What the report shows: each file once, from a notebook of the extended part."""

import re
from itertools import chain

from vasolib.v2.items import GROUPS, ITEMS, OPENING


def test_items_are_named_once_and_come_from_a_notebook_of_the_part():
    everything = [*OPENING, *chain(*GROUPS.values())]
    assert len({item.file for item in ITEMS}) == len(ITEMS) == len(everything) - 1  # the main table twice
    assert len({item.title for item in everything}) >= len(everything) - 1
    for item in ITEMS:
        assert re.fullmatch(r"v2_\d[05]_[a-z]+", item.notebook)
        assert item.folder == ("figures" if item.kind == "figure" else "results")
