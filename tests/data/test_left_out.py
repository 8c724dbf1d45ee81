"""What is left out: messages that can be printed, a share that is refused, a table."""

import pickle
from pathlib import Path

import pandas as pd
import pytest

from vasolib.data.left_out import BadFile, LeftOut, check_share, shown, write_left_out
from vasolib.errors import UserError


def lost(count, source="x", kind="unusable"):
    return [LeftOut(kind, source, f"{source}/images/{number}.png", "is bad: mend it") for number in range(count)]


def test_a_bad_file_says_its_name_and_reason_in_one_line():
    error = BadFile(Path("a\nb.png"), "is\nbad:  mend it")
    assert str(error) == r"a\nb.png is bad: mend it" and error.reason == "is bad: mend it"
    again = pickle.loads(pickle.dumps(error))  # as from another process
    assert str(again) == str(error) and isinstance(again, UserError)


def test_names_are_shown_as_they_are_but_for_what_harms():
    assert shown("Köln 名 👩‍⚕️") == "Köln 名 👩‍⚕️"
    assert shown("a\x1b[2J\n\udcff\u2028") == r"a\x1b[2J\n\udcff\u2028"
    shown("\udcff").encode()


@pytest.mark.parametrize(("images", "unusable", "fits"), [(10, 0, True), (10, 2, True), (10, 3, False), (4, 1, False)])
def test_a_fifth_may_be_lost_and_no_more(images, unusable, fits):
    left_out = [*lost(unusable), *lost(9, "y"), *lost(9, kind="copy"), *lost(9, kind="ignored")]
    if fits:
        check_share("x", images, left_out)
    else:
        with pytest.raises(UserError, match=rf"the set x has {unusable} unusable images of {images}, .*x/images/0"):
            check_share("x", images, left_out)


def test_the_table_has_a_row_for_each(tmp_path):
    rows = [LeftOut("unusable", "NA", 'a, "b"', "is bad: mend it"), *lost(1)]
    write_left_out(tmp_path / "left_out.csv", rows)
    table = pd.read_csv(tmp_path / "left_out.csv", keep_default_na=False)
    assert [LeftOut(*row) for row in table.itertuples(index=False)] == rows
