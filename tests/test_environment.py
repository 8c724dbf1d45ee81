"""The files that describe the environment agree with one another."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-v2.lock")  # the second adds to the first


def lock_lines() -> list[str]:
    """The lines of the locks that are not comments."""
    lines = [line for name in LOCKS for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def exact_version(requirement: Requirement) -> str:
    """The one version that a requirement allows; fails when it allows more."""
    (specifier,) = requirement.specifier
    assert specifier.operator == "==" and "*" not in specifier.version, str(requirement)
    return specifier.version


def direct_pins() -> list[Requirement]:
    """What pyproject.toml asks for, the extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]


def test_lock_pins_every_line_and_names_no_address():
    for line in lock_lines():
        exact_version(Requirement(line))
        assert "://" not in line and " @ " not in line


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_says_how_it_was_made(lock: str):
    first = (ROOT / lock).read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("#") and "uv pip compile --universal" in first


def test_lock_offers_one_version_of_a_package_to_each_python():
    for python in ("3.11", "3.12", "3.13", "3.14"):
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        pins = [Requirement(line) for line in lock_lines()]
        names = [pin.name for pin in pins if not pin.marker or pin.marker.evaluate(environment)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("pin", direct_pins(), ids=lambda pin: pin.name)
def test_direct_pin_is_in_the_lock(pin: Requirement):
    locked = {canonicalize_name(r.name): exact_version(r) for r in map(Requirement, lock_lines())}
    assert locked[canonicalize_name(pin.name)] == exact_version(pin)


def test_conda_environment_is_a_shell_around_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *shell, by_pip = environment["dependencies"]
    assert {name.partition("=")[0] for name in shell} == {"python", "pip", "git", "make"}
    assert by_pip["pip"] == [*(f"-r {lock}" for lock in LOCKS), "-e ."]


def test_each_line_of_the_conda_environment_says_what_it_is_for():
    for line in (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines():
        entry, _, comment = line.partition(" # ")
        assert line.startswith("#") or (entry.strip() and comment.strip()), line


def test_citation_names_both_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"] and citation["license"] == project["license"]
    dois = [reference["doi"] for reference in citation["references"]]
    assert dois == ["10.48550/arXiv.2508.10794", "10.48550/arXiv.2602.11536"]


@pytest.mark.skipif(os.name == "nt", reason="files have no executable bit there")
def test_ci_script_is_valid_and_executable():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
