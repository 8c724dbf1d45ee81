"""Every check of the doctor is made to pass and to fail."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from vasolib import doctor
from vasolib.doctor import Check
from vasolib.pipeline import PARTS


def write_lock(folder: Path, *lines: str) -> Path:
    """A lock with these lines."""
    (folder / "requirements.lock").write_text("\n".join(lines), encoding="utf-8")
    return folder / "requirements.lock"


def installed(**versions: str) -> Callable[[str], str]:
    """A function that knows the versions of these packages only."""
    return lambda name: versions.get(name, "")


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
    assert doctor.check_device("smoke").ok
    assert doctor.check_bf16().ok


@pytest.mark.parametrize(("check", "given"), [(doctor.check_device, ["smoke"]), (doctor.check_bf16, [])])
def test_missing_torch_is_a_line_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch, check: Callable, given: list):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "vasolib.training", raising=False)
    found = doctor.attempt(check, *given)
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
    for scale in ("smoke", "laptop", "paper"):
        found = doctor.check_device(scale)
        assert found.ok and found.finding.startswith(device)
        assert found.doubt is (scale == "paper" and not cuda)
    assert ("scale paper is for a GPU -> run it where there is one" in str(found)) is not cuda


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
    ],
)
def test_resources(check: Check, ok: bool):
    assert check.ok is ok
    assert check.finding and check.remedy


def test_run_checks_reports_all_of_them(tmp_path: Path):
    checks = {check.name: check for check in doctor.run_checks(root=tmp_path, scale="doll")}
    assert " ".join(checks) == "python packages repository device bf16 cores memory disk data tasks time"
    assert checks["data"] == Check("data", True, "embedded synthetic data")
    assert checks["time"] == Check("time", True, "no recorded run of scale doll")


@pytest.mark.parametrize(("part", "looked_at"), [("v1", ["data"]), ("v2", ["tasks"]), ("all", ["data", "tasks"])])
def test_only_what_is_to_run_is_looked_at(tmp_path: Path, part: str, looked_at: list):
    names = [check.name for check in doctor.run_checks(root=tmp_path, scale="doll", part=part)]
    assert names[-len(looked_at) - 2 :] == ["disk", *looked_at, "time"]
    checks = doctor.run_checks(root=doctor.ROOT, scale="doll", data=tmp_path, part=part, weights=tmp_path)
    assert [check.name for check in checks if not check.ok and check.name != "packages"] == [*looked_at, "weights"]


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, ok: bool, code: int):
    monkeypatch.setattr(doctor, "run_checks", lambda *_: [Check("a", True, "x", "do", True), Check("b", ok, "so")])
    assert doctor.main([]) == code
    assert capsys.readouterr().out.splitlines()[0] == "WARN a: x -> do"


def test_the_command_line_has_the_parts_of_the_pipeline(monkeypatch: pytest.MonkeyPatch):
    given = []
    monkeypatch.setattr(doctor, "run_checks", lambda *options: given.append(options) or [])
    for part in PARTS:
        assert doctor.main(["--part", part, "--data", "d", "--weights", "w", "--scale", "paper"]) == 0
    assert given == [(doctor.ROOT, "paper", Path("d"), part, Path("w")) for part in PARTS]
    assert tuple(doctor.PARTS) == PARTS


def test_command_line_prints_one_line_per_check():
    command = [sys.executable, "-m", "vasolib.doctor", "--scale", "unheard"]
    lines = subprocess.run(command, cwd=doctor.ROOT, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 12 and all(line.startswith(("OK   ", "FAIL ")) for line in lines)
    assert lines[-1] == "OK   time: no recorded run of scale unheard"
