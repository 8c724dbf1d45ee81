"""Options are those of the command, and a wrong input is one line and a status."""

import pytest

from benchmarks.command import parser, told
from vasolib.errors import UserError


def test_a_command_has_the_options_it_needs():
    plain = vars(parser("show", "", real=False).parse_args([]))
    assert set(plain) == {"results"} and plain["results"].name == "realism"
    given = vars(parser("transfer", "", trains=True).parse_args(["--real", "x"]))
    assert set(given) == {"real", "threads", "work", "results"} and given["threads"] == 1
    with pytest.raises(SystemExit):
        parser("realism", "").parse_args([])


@pytest.mark.parametrize("error", [UserError("no frames"), FileNotFoundError("no frames")])
def test_a_wrong_input_is_told_in_one_line(capsys, error: Exception):
    def fail() -> None:
        raise error

    assert told(fail) == 1
    assert capsys.readouterr().err == "error: no frames\n"


def test_what_goes_well_is_zero_and_a_bug_stays_a_traceback():
    assert told(lambda: "anything") == 0
    with pytest.raises(ZeroDivisionError):
        told(lambda: 1 / 0)
