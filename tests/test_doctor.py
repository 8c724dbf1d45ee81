"""Every check of the doctor is made to pass and to fail."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.v2.miniature import data_folder
from vasolib import doctor
from vasolib.doctor import Check
from vasolib.errors import UserError


def write_lock(folder: Path, *lines: str) -> Path:
    """A lock with these lines."""
    (folder / "requirements.lock").write_text("\n".join(lines), encoding="utf-8")
    return folder / "requirements.lock"


def installed(**versions: str) -> Callable[[str], str]:
    """A function that knows the versions of these packages only."""
    return lambda name: versions.get(name, "")


def test_line_of_a_check():
    assert str(Check("disk", True, "9 GiB", "unused")) == "OK   disk: 9 GiB"
    assert str(Check("disk", False, "1 GiB", "make room")) == "FAIL disk: 1 GiB -> make room"


@pytest.mark.parametrize(("version", "ok"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 14, 2), True)])
def test_python(version: tuple[int, ...], ok: bool):
    check = doctor.check_python(version)
    assert check.ok is ok
    assert check.finding == ".".join(map(str, version))


def test_packages_as_in_the_lock(tmp_path: Path):
    lock = write_lock(tmp_path, "# made by hand", "a==1.0", "b==2.0 ; python_version < '3'", "torch==2.14.1")
    check = doctor.check_packages(lock, installed(a="1.0", torch="2.14.1+cu130"))
    assert check.ok and check.finding == "all 2 as in requirements.lock"


def test_packages_names_the_first_mismatches(tmp_path: Path):
    lock = write_lock(tmp_path, "a==1.0", "b==2.0", "c==3.0", "d==4.0")
    check = doctor.check_packages(lock, installed(a="1.1", b="2.0"), show=2)
    assert not check.ok
    assert check.finding == "a 1.1 (lock: ==1.0), c missing (lock: ==3.0) and 1 more"
    assert check.remedy == "pip install -r requirements.lock"


@pytest.mark.parametrize(("build", "ok"), [("+cpu", True), ("", False)])
def test_packages_of_the_gpu_are_not_missed_by_a_cpu_build(tmp_path: Path, build: str, ok: bool):
    lock = write_lock(tmp_path, "torch==2.14.1", "nvidia-cublas==13.1", "triton==3.8.0")
    assert doctor.check_packages(lock, installed(torch=f"2.14.1{build}")).ok is ok


def test_packages_without_a_lock_or_installed_at_all(tmp_path: Path):
    assert not doctor.check_packages(tmp_path / "requirements.lock").ok
    assert not doctor.check_packages(write_lock(tmp_path, "no-such-package-anywhere==1.0")).ok


def test_zip_needs_no_scm_and_says_so(tmp_path: Path):
    assert doctor.no_scm_needed(tmp_path)
    check = doctor.check_repository(tmp_path, git=None)
    assert check.ok and "core.no_scm" in check.finding


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["folder", "file of a linked work tree"])
def test_repository_is_found_from_a_folder_inside_it(tmp_path: Path, make: Callable):
    make(tmp_path / ".git")
    inside = tmp_path / "study"
    inside.mkdir()
    assert not doctor.no_scm_needed(inside)
    assert doctor.check_repository(inside, git="git").ok
    check = doctor.check_repository(inside, git=None)
    assert not check.ok and check.remedy == "install git"


def test_device_and_bf16_of_this_machine():
    assert doctor.check_device().ok
    assert doctor.check_bf16().ok


@pytest.mark.parametrize("check", [doctor.check_device, doctor.check_bf16])
def test_missing_torch_is_a_line_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch, check: Callable):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "vasolib.training", raising=False)
    found = doctor.attempt(check)
    assert not found.ok and found.name == check.__name__.removeprefix("check_")
    assert "torch" in found.finding and found.remedy == "pip install -r requirements.lock"


@pytest.mark.parametrize(("cuda", "device"), [(True, "CUDA, Some GPU, 16 GiB"), (False, "CPU, ")])
def test_device_elsewhere(monkeypatch: pytest.MonkeyPatch, cuda: bool, device: str):
    gpu = SimpleNamespace(
        is_available=lambda: cuda,
        get_device_name=lambda index: "Some GPU",
        get_device_properties=lambda index: SimpleNamespace(total_memory=16 * doctor.GIB),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=gpu, __version__="0"))
    found = doctor.check_device()
    assert found.ok and found.finding.startswith(device)


@pytest.mark.parametrize(("chosen", "told"), [("bf16", "supported"), ("fp32", "not supported, float32 is used")])
def test_bf16_is_what_training_would_choose(monkeypatch: pytest.MonkeyPatch, chosen: str, told: str):
    monkeypatch.setattr("vasolib.training.precision", lambda device: chosen)
    assert doctor.check_bf16() == Check("bf16", True, told)


@pytest.mark.parametrize(
    ("check", "ok"),
    [
        (doctor.check_cores(2), True),
        (doctor.check_cores(2, minimum=3), False),
        (doctor.check_memory(4.0), True),
        (doctor.check_memory(minimum=1e9), False),
        (doctor.check_disk(doctor.ROOT, "smoke", minimum=0), True),
        (doctor.check_disk(doctor.ROOT, "smoke", minimum=1e9), False),
    ],
)
def test_resources(check: Check, ok: bool):
    assert check.ok is ok
    assert check.finding and check.remedy


def test_the_disk_that_a_scale_takes_is_told(tmp_path: Path):
    found = [doctor.check_disk(doctor.ROOT, scale, minimum=1).finding for scale in ("smoke", "paper", "doll")]
    taken = [finding.split(" take about ")[1].split(" from")[0] for finding in found]
    assert taken[0] == "1" and 100 < float(taken[1]) < 1000 and taken[2] == "an unknown number"
    assert "an unknown number" in doctor.check_disk(tmp_path, "smoke").finding


ONE = SimpleNamespace(name="one", images=[1, 2], masks=[1, 2])
TWO = SimpleNamespace(name="two", images=[1, 2, 3], masks=None)


@pytest.mark.parametrize(
    ("answer", "ok", "finding"),
    [
        (({"one": ONE}, []), True, "one 2 images (labelled)"),
        (({"two": TWO}, ["x is empty"]), True, "two 3 images (not labelled); left out: x is empty"),
        (({}, ["x is empty"]), False, "no data set in somewhere; left out: x is empty"),
        (UserError("no such folder"), False, "no such folder"),
    ],
)
def test_data_in_a_folder(monkeypatch: pytest.MonkeyPatch, answer: object, ok: bool, finding: str):
    def find_sets(root: Path) -> object:
        assert root == Path("somewhere")
        if isinstance(answer, UserError):
            raise answer
        return answer

    monkeypatch.setitem(sys.modules, "vasolib.data.folder", SimpleNamespace(find_sets=find_sets))
    check = doctor.check_data(Path("somewhere"))
    assert (check.ok, check.finding) == (ok, finding)


def test_data_in_an_archive(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/images/x.png", b"")
    check = doctor.check_data(tmp_path / "x.zip")
    assert check.ok and check.finding.startswith("x.zip is an archive")


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
    check = doctor.check_time(tmp_path, "doll", jobs=3)
    assert check.ok and check.finding == "scale doll: first part about 10 min with 3 jobs; Some CPU"
    (folder / "v2" / "runtimes.csv").write_text(f"{rows[0]}\nc,360,9,1,Other CPU", encoding="utf-8")
    both = doctor.check_time(tmp_path, "doll", jobs=3).finding
    assert both == "scale doll: first part about 10 min, extended part about 2 min with 3 jobs; Other CPU, Some CPU"
    monkeypatch.setattr(doctor, "usual_jobs", lambda: 1)
    assert (
        "first part about 30 min, extended part about 6 min with 1 jobs" in doctor.check_time(tmp_path, "doll").finding
    )


def test_tasks_of_a_folder(tmp_path: Path):
    assert doctor.check_tasks(None).finding == "synthetic twins"
    data_folder(tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "s")
    check = doctor.check_tasks(tmp_path / "data")
    assert check.ok and check.finding == "vessels of v; stenoses of l; boxes of b; synthetic twins for others"
    (tmp_path / "data" / "b" / "table.csv").write_text("id\n")
    check = doctor.check_tasks(tmp_path / "data")
    assert not check.ok and "table.csv" in check.finding and "PART=v1" in check.remedy
    (tmp_path / "x.zip").write_bytes(b"")
    assert doctor.check_tasks(tmp_path / "x.zip").ok


def test_run_checks_reports_all_of_them(tmp_path: Path):
    checks = {check.name: check for check in doctor.run_checks(root=tmp_path, scale="doll")}
    assert " ".join(checks) == "python packages repository device bf16 cores memory disk data tasks time"
    assert checks["data"] == Check("data", True, "embedded synthetic data")
    assert checks["time"] == Check("time", True, "no recorded run of scale doll")


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, ok: bool, code: int):
    monkeypatch.setattr(doctor, "run_checks", lambda **_: [Check("a", True, "fine"), Check("b", ok, "so", "do")])
    assert doctor.main([]) == code
    assert capsys.readouterr().out.splitlines()[0] == "OK   a: fine"


def test_command_line_prints_one_line_per_check():
    command = [sys.executable, "-m", "vasolib.doctor", "--scale", "unheard"]
    lines = subprocess.run(command, cwd=doctor.ROOT, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 12 and all(line.startswith(("OK   ", "FAIL ")) for line in lines)
    assert lines[-1] == "OK   time: no recorded run of scale unheard"
