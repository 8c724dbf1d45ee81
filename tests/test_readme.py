"""What the README shows and says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vasolib.report import update_readme
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT
from vasolib.v2 import page

README = ROOT / "README.md"


def test_the_readme_shows_the_committed_results(tmp_path: Path):
    for kind in ("results", "figures"):
        shutil.copytree(ROOT / kind / "laptop", tmp_path / kind / "laptop")
    shutil.copy(README, tmp_path)
    update_readme(tmp_path / "README.md", tmp_path / "results" / "laptop", tmp_path / "figures" / "laptop")
    page.update_readme(tmp_path / "README.md", *(tmp_path / kind / "laptop" / "v2" for kind in ("results", "figures")))
    assert (tmp_path / "README.md").read_text() == README.read_text(), "stale: say `make readme`"


def outdated(root: Path) -> list[str]:
    """Stages that DVC would run in a project whose heavy outs may be absent, up to one that it cannot as they are."""
    command = [sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing"]
    done = subprocess.run(command, cwd=root, env=dvc_environment(), capture_output=True, text=True)
    found = re.findall(r"(?:Running stage|failed to reproduce) '([^']+)'", done.stdout + done.stderr)
    assert found or done.returncode == 0, done.stderr
    return found


def test_committed_results_are_those_of_the_committed_code():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: DVC cannot tell")
    assert outdated(ROOT) == [], "results and dvc.lock are of other code: `make study` brings them up to date"


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make (\w+)", README.read_text(encoding="utf-8")))
    assert {"study", "test"} <= named <= targets
