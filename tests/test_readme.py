"""What the README shows and says, and what the page on data says of GPUs."""

import re
import shutil
import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml

from vasolib.pipeline import stages_of
from vasolib.report import update_readme
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT
from vasolib.v2 import page
from vasolib.v2.study import Extended
from vasolib.workspace import copy_project

README = ROOT / "README.md"
ON_A_GPU = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").partition("## On a GPU")[2]


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


def test_what_one_gpu_wants_changed_is_all_that_is_for_the_large_batch():
    first, second = (yaml.safe_load((ROOT / name).read_text()) for name in ("params.yaml", "params_v2.yaml"))
    rows = re.findall(r"^\| `(v2\.\S+)` \| (\S+) \| (\S+) \|$", ON_A_GPU, re.MULTILINE)
    own = {f"v2.scales.paper.pretrain.{name}" for name in second["v2"]["scales"]["paper"]["pretrain"]}
    arms = [name for name, arm in second["v2"]["arms"].items() if "paper" in arm.get("lr", {})]
    assert {key for key, *_ in rows} == own | {f"v2.arms.{name}.lr.paper" for name in arms}
    for key, shipped, single in rows:
        path = key.split(".")
        assert reduce(getitem, path, second) == float(shipped) == pytest.approx(8 * float(single))
        assert reduce(getitem, path[1:], first) == float(single)


def test_the_arms_that_must_stay_make_a_run_with_the_stages_named(tmp_path: Path):
    assert "Keep `mae` and `vasomim_v2` in each" in " ".join(ON_A_GPU.split())
    kept, shipped = ["mae", "vasomim_v2"], yaml.safe_load((ROOT / "params_v2.yaml").read_text())["v2"]
    lists = {"pretrain": kept} | {name: shipped[name] | {"pretrained": [*kept]} for name in ("detect", "labels")}
    study = copy_project(ROOT, tmp_path, {"run": "doll", "scale": "smoke"}, lists)
    assert Extended.beside(study).params.pretrain == ("mae", "vasomim_v2")
    names = {stage.name for stage in stages_of(study)}
    named = set(re.findall(r"\bv2_\w+@[a-z]\w*", ON_A_GPU))
    assert len(named) == 3 and named <= names
    for start in re.findall(r"`(v2_\w+@(?:10-)?)`", ON_A_GPU):
        assert f"{start}vasomim_v2" in names
