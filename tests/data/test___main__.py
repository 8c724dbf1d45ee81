"""`python -m vasolib.data`: readable, helpful where wrong, and passing on what importers need."""

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.data.importers.layouts import frame, save, vessel
from vasolib.data import fetch as fetching
from vasolib.data.__main__ import main
from vasolib.data.catalogue import read_catalogue
from vasolib.errors import UserError

NAMES = list(read_catalogue())


def run(capsys: pytest.CaptureFixture, *arguments: object) -> tuple[int, str, str]:
    """Exit code, and what was said on either stream."""
    code = main([str(one) for one in arguments])
    return code, *capsys.readouterr()


def test_the_list_is_a_table_of_at_most_100_columns(capsys: pytest.CaptureFixture):
    code, out, _ = run(capsys, "list")
    lines = out.splitlines()
    assert code == 0 and [line.split()[0] for line in lines[1:-1]] == [*NAMES, "dicom"]
    assert max(map(len, lines)) <= 100 and "171478" in out
    starts = {line.index(word) for line in lines[1:-1] for word in ("program", "by hand") if word in line[:70]}
    assert starts == {lines[0].index("get")}


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_known_is_shown(capsys: pytest.CaptureFixture, name: str):
    code, out, _ = run(capsys, "show", name)
    entry = read_catalogue()[name]
    words = " ".join(out.split())
    assert code == 0
    for text in (entry.citation, entry.licence, entry.home, entry.layout, *entry.roles.values(), *entry.unconfirmed):
        assert text in words
    assert all(f"{number}. {step}" in words for number, step in enumerate(entry.steps, start=1))
    assert all(one.source in words and one.checksum in words for one in entry.downloads)
    assert [line for line in out.splitlines() if len(line) > 100 and "http" not in line] == []


def test_ones_own_dicom_files_are_shown_with_how_to_import_them(capsys: pytest.CaptureFixture):
    code, out, _ = run(capsys, "show", "dicom")
    assert code == 0 and "python -m vasolib.data import dicom FOLDER --to DATA" in " ".join(out.split())
    code, _, err = run(capsys, "fetch", "dicom", "--yes")
    assert code == 1 and "dicom has no file that a program can download: by hand, steps: python -m" in err


def test_patients_are_shown_where_a_paper_states_them(capsys: pytest.CaptureFixture):
    assert "patients    42\n" in run(capsys, "show", "cadica")[1]
    assert "patients" not in run(capsys, "show", "xcad")[1]


@pytest.mark.parametrize("command", [["show"], ["fetch"], ["check", "."], ["import", ".", "--to", "x"]])
def test_a_misspelt_name_brings_the_nearest(capsys: pytest.CaptureFixture, command: list[str]):
    code, out, err = run(capsys, command[0], "cadicca", *command[1:])
    assert (code, out) == (1, "") and "did you mean 'cadica'?" in err


def test_nobody_to_ask_means_no_download(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, out, err = run(capsys, "fetch", "dca1", "--to", tmp_path)
    assert code == 1 and "add --yes" in err and "about 10 MB" in out and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("answer", "agreed"), [("y", True), ("YES ", True), ("", False), ("n", False), ("yep", False)])
def test_the_answer_decides(capsys, monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool):
    seen = {}

    def fetch(entry, to, ask) -> Path:
        seen.update(agreed=ask(list(entry.downloads)), to=to)
        return Path("there")

    monkeypatch.setattr(fetching, "fetch", fetch)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: answer)
    code, out, _ = run(capsys, "fetch", "arcade")
    assert code == 0 and seen == {"agreed": agreed, "to": Path("downloads")}
    assert "licence: CC0 1.0" in out and "python -m vasolib.data import arcade 'there' --to DATA" in out
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("asked in spite of --yes"))
    run(capsys, "fetch", "arcade", "--yes")
    assert seen["agreed"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, EOFError])
def test_the_keyboard_stops_it_without_a_traceback(capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stop: type):
    def answer(_: str) -> str:
        raise stop

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", answer)
    code, _, err = run(capsys, "fetch", "dca1", "--to", tmp_path)
    assert code == 130 and "stopped" in err and not list(tmp_path.iterdir())


def test_sets_are_told_as_they_are_written_and_stay_when_it_is_stopped(capsys, tmp_path: Path, monkeypatch, importers):
    def import_set(*_: object) -> Iterator[str]:
        yield "arcade_vs: 3 images"
        assert capsys.readouterr().out == "arcade_vs: 3 images\n"
        raise KeyboardInterrupt

    monkeypatch.setattr(importers, "import_set", import_set)
    code, out, err = run(capsys, "import", "arcade", tmp_path)
    assert (code, out) == (130, "")
    assert err == "stopped: what it said is done stays, and the same command does the rest\n"


def test_a_set_that_no_program_gets_is_shown_with_its_steps(capsys: pytest.CaptureFixture, tmp_path: Path):
    code, out, err = run(capsys, "fetch", "cadica", "--to", tmp_path)
    assert code == 1 and "1. Open https://data.mendeley.com" in " ".join(out.split()) and "no file that a" in err


@pytest.fixture
def importers(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Importers that only note what they were given."""
    made = SimpleNamespace(given=[], lines=["train: 3 images, expected 4"], SPLITS=("train", "test"))

    def import_set(*given: object) -> list[str]:
        made.given.append(given)
        return ["arcade_v: 3 images"]

    def check_set(*given: object) -> list[str]:
        made.given.append(given)
        return made.lines

    made.import_set, made.check_set = import_set, check_set
    monkeypatch.setitem(sys.modules, "vasolib.data.importers", made)
    return made


def test_importers_are_given_all_they_need(capsys: pytest.CaptureFixture, tmp_path: Path, importers: SimpleNamespace):
    entry = read_catalogue()["arcade"]
    code, out, _ = run(capsys, "import", "arcade", tmp_path, "--to", "data", "--only", "syntax")
    assert code == 0 and importers.given == [("arcade", tmp_path, Path("data"), entry, "syntax", ("train", "test"))]
    assert "arcade_v: 3 images" in out and "licence: CC0 1.0; cite: Popov" in out
    for words in ("train,test", "train, test", " train ,test "):
        run(capsys, "import", "arcade", tmp_path, "--split", words)
        assert importers.given[-1] == ("arcade", tmp_path, Path("angiograms"), entry, "", ["train", "test"])


def test_without_a_folder_what_was_unpacked_by_hand_is_taken(capsys, tmp_path: Path, monkeypatch, importers):
    monkeypatch.chdir(tmp_path)
    folder = Path("downloads", "dca1")
    folder.mkdir(parents=True)
    assert run(capsys, "check", "dca1")[0] == run(capsys, "import", "dca1")[0] == 0
    assert [given[1] for given in importers.given] == [folder, folder]


LAYOUTS = {  # what the archives of two sets have, the second in an archive of its own
    "xcad": [("XCAD/train/trainB/1_{n}.png", frame), ("XCAD/test/images/2_{n}.png", frame),
             ("XCAD/test/masks/2_{n}.png", vessel)],
    "xcav": [("XACV/C-{n}/images/C-{n}LAO/1.png", frame), ("XACV/C-{n}/ground_truth/C-{n}LAO/1.png", vessel)],
}  # fmt: skip


@pytest.mark.parametrize(("name", "inner"), [("xcad", ""), ("xcav", "XACV/dataset.zip")])
def test_what_was_fetched_is_checked_and_imported_without_a_folder(capsys, tmp_path: Path, monkeypatch, name, inner):
    monkeypatch.chdir(tmp_path)
    for number in range(5):
        for path, made in LAYOUTS[name]:
            save(tmp_path / "set" / path.format(n=number), made(number))
    archive = shutil.make_archive(tmp_path / "packed", "zip", tmp_path / "set")
    if inner:
        (tmp_path / "outer" / inner).parent.mkdir(parents=True)
        (tmp_path / "outer/readme").mkdir()
        shutil.move(archive, tmp_path / "outer" / inner)
        archive = shutil.make_archive(tmp_path / "packed", "zip", tmp_path / "outer")
    target = Path("downloads", name, read_catalogue()[name].downloads[0].file)
    target.parent.mkdir(parents=True)
    shutil.move(archive, target)
    for command in ("fetch", "check", "import"):
        code, out, err = run(capsys, command, name)
        assert (code, err) == (0, "") and "packed, only" not in out
    assert "5 images" in out and list(Path("angiograms", name, "images").iterdir())


def test_an_archive_that_stays_packed_is_named(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("downloads/xcav").mkdir(parents=True)
    Path("downloads/xcav/XACV.zip").write_bytes(b"Rar!\x1a\x07" + bytes(20))
    code, out, _ = run(capsys, "fetch", "xcav")
    assert code == 0 and "XACV.zip stays packed, only zip and tar files are unpacked here: unpack it" in out
    code, _, err = run(capsys, "import", "xcav")
    assert code == 1 and "; it has XACV.zip, which is not unpacked: unpack it first" in err


def test_checks_are_printed_empty_ones_too(capsys: pytest.CaptureFixture, tmp_path: Path, importers: SimpleNamespace):
    code, out, _ = run(capsys, "check", "dca1", tmp_path)
    assert (code, out) == (0, "train: 3 images, expected 4\n")
    assert importers.given == [("dca1", tmp_path, read_catalogue()["dca1"])]
    importers.lines = []
    assert "nothing to report" in run(capsys, "check", "dca1", tmp_path)[1]


@pytest.mark.parametrize(("folder", "found"), [("absent", "does not exist"), ("set.zip", "is a file")])
def test_a_folder_that_is_not_there_is_told(capsys, tmp_path: Path, importers, folder: str, found: str):
    (tmp_path / "set.zip").touch()
    code, _, err = run(capsys, "check", "dca1", tmp_path / folder)
    assert code == 1 and f"{folder} {found}, expected the folder of the unpacked set" in err and not importers.given


def test_errors_of_importers_are_one_line(capsys: pytest.CaptureFixture, tmp_path: Path, importers: SimpleNamespace):
    def refuse(*_: object) -> None:
        raise UserError("no folder syntax in it")

    importers.import_set = refuse
    assert run(capsys, "import", "arcade", tmp_path, "--to", "x") == (1, "", "error: no folder syntax in it\n")


def test_an_import_that_is_repeated_ends_well_and_one_of_other_images_does_not(tmp_path: Path, capsys):
    for number in range(1, 4):
        save(tmp_path / "own" / f"{number}.pgm", frame(number))
        save(tmp_path / "own" / f"{number}_gt.pgm", vessel())
    given = ["import", "dca1", tmp_path / "own", "--to", tmp_path / "sets"]
    assert run(capsys, *given)[0] == 0
    code, out, err = run(capsys, *given)
    assert (code, err) == (0, "") and f"dca1: is in {tmp_path / 'sets'} already with the same images" in out
    (tmp_path / "own/3_gt.pgm").unlink()
    code, _, err = run(capsys, *given)
    assert code == 1 and "dca1 is there already: remove it" in err


def test_some_images_of_each_set_are_copied_for_a_rehearsal(tmp_path: Path, capsys: pytest.CaptureFixture):
    for number in range(1, 8):
        save(tmp_path / "own" / f"{number}.pgm", frame(number))
        save(tmp_path / "own" / f"{number}_gt.pgm", vessel())
    run(capsys, "import", "dca1", tmp_path / "own", "--to", tmp_path / "sets")
    given = ["few", tmp_path / "sets", "--to", tmp_path / "few"]
    code, out, err = run(capsys, *given, "--images", "3")
    assert (code, err) == (0, "") and out.splitlines() == [
        "dca1: 3 of 7 images (train 3)",
        f"in {tmp_path / 'few'}; a rehearsal on it: make study PART=v2 SCALE=smoke DATA='{tmp_path / 'few'}'",
    ]
    assert len(list((tmp_path / "few/dca1/masks").iterdir())) == 3
    code, out, err = run(capsys, *given)
    assert (code, out) == (1, "") and err.startswith("error: ") and "few is there already, expected" in err


def test_a_folder_of_dicom_files_needs_no_entry(tmp_path: Path, capsys: pytest.CaptureFixture):
    pydicom = pytest.importorskip("pydicom")
    (tmp_path / "own").mkdir()
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    dataset.save_as(tmp_path / "own" / "a.dcm")
    code, out, err = run(capsys, "import", "dicom", tmp_path / "own", "--to", tmp_path / "sets")
    assert (code, err) == (0, "") and "1 image (" in out and list((tmp_path / "sets").glob("*/images/*"))
    code, _, err = run(capsys, "fetch", "dicom", "--yes")
    assert code == 1 and "dicom" in err


def test_a_reader_who_has_enough_is_no_error():
    command = [sys.executable, "-m", "vasolib.data", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 1
