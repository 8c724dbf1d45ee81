"""What the doctor says of a study, each line made to come out in every way."""

import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.v2.miniature import data_folder
from vasolib import doctor_study
from vasolib.data.left_out import LeftOut
from vasolib.doctor_study import Check, check_data, check_disk, check_tasks, check_time, check_weights
from vasolib.study import ROOT

SHIPPED = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]


def test_line_of_a_check():
    assert str(Check("disk", True, "9 GiB", "unused")) == "OK   disk: 9 GiB"
    assert str(Check("disk", False, "1 GiB", "make room")) == "FAIL disk: 1 GiB -> make room"
    assert str(Check("disk", True, "1 GiB", "make room", doubt=True)) == "WARN disk: 1 GiB -> make room"


@pytest.mark.parametrize(("free", "word"), [(2.9, "FAIL"), (3.1, "WARN"), (99, "WARN"), (101, "OK")])
def test_less_disk_than_a_run_takes_is_doubtful(monkeypatch: pytest.MonkeyPatch, free: float, word: str):
    monkeypatch.setattr("vasolib.room.needed_gib", lambda *_: 100.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda root: SimpleNamespace(free=free * 2**30))
    line = str(check_disk(ROOT, "paper"))
    told = f"{free:.1f} GiB free; a run of both parts at scale paper takes about 100 GiB from nothing"
    assert line.startswith(f"{word:<4} disk: {told}") and ("make room" in line) is (word != "OK")


def test_the_disk_that_a_scale_takes_is_told(tmp_path: Path):
    found = [check_disk(ROOT, scale, minimum=1).finding for scale in ("smoke", "paper", "doll")]
    taken = [finding.split(" takes ")[1].split(" GiB from nothing")[0] for finding in found]
    assert taken[0] == "about 1" and 100 < float(taken[1].removeprefix("about ")) < 1000
    assert taken[2] == "an unknown number of"
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04")
    for unknown in (check_disk(tmp_path, "smoke"), check_disk(ROOT, "smoke", tmp_path / "x.zip")):
        assert "an unknown number of GiB" in unknown.finding and not unknown.doubt
    parts = [check_disk(ROOT, "paper", part=part, minimum=0).finding for part in ("v1", "v2", "all")]
    names = ("the first part", "the extended part", "both parts")
    assert all(f"a run of {name} at scale" in finding for name, finding in zip(names, parts, strict=True))
    first, second, both = (float(finding.split(" about ")[1].split(" GiB")[0]) for finding in parts)
    assert first + second == pytest.approx(both, abs=1) and min(first, second) > 1


def test_each_part_tells_its_own_view_of_a_folder(tmp_path: Path):
    data_folder(tmp_path)
    assert check_data(tmp_path).finding == (
        "first part: b pre-training, 8 images; l pre-training, 8 images; s pre-training, 8 images; "
        "u pre-training, 5 images; v benchmark, 8 images"
    )
    of_each = "5 images to learn from, 3 to test on"
    assert check_tasks(ROOT, tmp_path).finding == (
        f"extended part: b boxes, {of_each}; l stenoses, {of_each}; s segments, {of_each}; "
        f"u pre-training, 5 images; v vessels, {of_each}"
    )
    shutil.rmtree(tmp_path / "s")
    assert check_tasks(ROOT, tmp_path).finding.endswith("; synthetic twins for segments")


def test_a_folder_that_one_part_alone_takes(tmp_path: Path):
    data_folder(tmp_path)
    rows = (tmp_path / "v" / "table.csv").read_text(encoding="utf-8").splitlines()
    rows = [row.replace(",train,", ",unlabelled,") if row.startswith(("p0", "p1")) else row for row in rows]
    (tmp_path / "v" / "table.csv").write_text("\n".join(rows), encoding="utf-8")
    for stem in ("p0_0", "p1_0"):
        (tmp_path / "v" / "masks" / f"{stem}.png").unlink()
    assert "v vessels, 3 images to learn from, 3 to test on, 2 for pre-training" in check_tasks(ROOT, tmp_path).finding
    found = check_data(tmp_path)
    assert not found.ok and "2 unusable images of 8" in found.finding and found.remedy.endswith("PART=v2")
    assert "PART" not in check_data(tmp_path, "v1").remedy
    (tmp_path / "b" / "table.csv").write_text("id\n", encoding="utf-8")
    found = check_tasks(ROOT, tmp_path)
    assert not found.ok and "table.csv" in found.finding and found.remedy.endswith("PART=v1")
    assert "PART" not in check_tasks(ROOT, tmp_path, "v2").remedy


def test_a_folder_that_no_run_would_take(tmp_path: Path):
    data_folder(tmp_path)
    shutil.rmtree(tmp_path / "v")
    assert "has no labelled set: add `masks`" in check_data(tmp_path).finding
    (tmp_path / "s").rename(tmp_path / "caxf")
    assert "as a synthetic one that is kept is" in check_tasks(ROOT, tmp_path).finding
    for check in (check_data(tmp_path / "absent"), check_tasks(ROOT, tmp_path / "absent")):
        assert not check.ok and "absent" in check.finding


def test_without_a_folder_to_look_at(tmp_path: Path):
    assert check_data(None).finding == "embedded synthetic data" and check_tasks(ROOT, None).ok
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/images/x.png", b"")
    for check in (check_data(tmp_path / "x.zip"), check_tasks(ROOT, tmp_path / "x.zip")):
        assert check.ok and check.finding.startswith("x.zip is an archive")


def test_what_is_left_out_is_told_in_part(tmp_path: Path):
    one = LeftOut("ignored", "v", "v/images/x.txt", "has another suffix")
    assert doctor_study.dropped([]) == []
    assert doctor_study.dropped([one]) == [f"left out: {one}"]
    assert doctor_study.dropped([one] * 5) == [f"left out: {one}"] * 3 + ["and 2 more left out"]
    data_folder(tmp_path)
    (tmp_path / "v" / "images" / "x.txt").write_text("", encoding="utf-8")
    for check in (check_data(tmp_path), check_tasks(ROOT, tmp_path)):
        assert check.finding.count("left out: v/images/x.txt has another suffix") == 1


def test_published_encoders_in_a_folder(tmp_path: Path):
    found = check_weights(ROOT, tmp_path)
    assert not found.ok and "has no published encoder" in found.finding and "leave WEIGHTS out" in found.remedy
    (tmp_path / SHIPPED["external"]["dinov2"]["file"]).write_bytes(b"0")
    assert check_weights(ROOT, tmp_path) == Check("weights", True, "dinov2, without dinov3, without rad_dino")
    assert not check_weights(tmp_path, tmp_path).ok  # no parameters to know encoders from


def test_time_of_a_recorded_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Stage b ran twice: its last time counts. (600 + 1200) s / 3 jobs = 10 min.
    rows = [
        "stage,seconds,peak_mib,cores,cpu",
        "a,600,9,1,Some CPU",
        "b,7,9,1,Old CPU",
        "b,1200,9,1,Some CPU",
    ]
    folder = tmp_path / "results" / "doll"
    (folder / "v2").mkdir(parents=True)
    (folder / "runtimes.csv").write_text("\n".join(rows), encoding="utf-8")
    check = check_time(tmp_path, "doll", jobs=3)
    assert check.ok and check.finding == "scale doll: first part about 10 min with 3 jobs; Some CPU"
    (folder / "v2" / "runtimes.csv").write_text(f"{rows[0]}\nc,360,9,1,Other CPU", encoding="utf-8")
    both = check_time(tmp_path, "doll", jobs=3).finding
    assert both == "scale doll: first part about 10 min, extended part about 2 min with 3 jobs; Other CPU, Some CPU"
    second = check_time(tmp_path, "doll", "v2", jobs=3).finding
    assert second == "scale doll: extended part about 2 min with 3 jobs; Other CPU"
    monkeypatch.setattr(doctor_study, "usual_jobs", lambda: 1)
    assert "first part about 30 min, extended part about 6 min with 1 jobs" in check_time(tmp_path, "doll").finding
