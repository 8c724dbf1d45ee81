"""The stage without work, as it is made up; and that a difference between both ways fails."""

import json

import pytest
import yaml

from benchmarks import startup
from benchmarks.startup import NAME, copy_with_stage, import_row


def test_an_import_is_timed_without_the_interpreters_start():
    row = import_row("vasolib", 0.1, 2)
    assert row.step == "import vasolib" and 0 < row.least_s <= row.ours_s <= row.largest_s and row.aim_s == 0.1


def test_the_stage_has_imports_and_nothing_else(tmp_path):
    study = copy_with_stage(tmp_path)
    assert (study.params.run, study.params.scale) == (NAME, "smoke")
    cells = json.loads((tmp_path / "notebooks" / f"{NAME}.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
    assert "import torch" in "".join(cells[2]["source"]) and "parameters" in cells[1]["metadata"]["tags"]
    assert all("import" in line for line in "".join(cells[2]["source"]).splitlines() if line)
    stages = yaml.safe_load((tmp_path / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert stages[NAME]["cmd"].endswith(f"{NAME} run={NAME}") and "pretrain" in stages
    assert (tmp_path / "dvc.lock").is_file()


@pytest.mark.parametrize("same", [True, False])
def test_both_ways_leave_the_same_files(monkeypatch: pytest.MonkeyPatch, same: bool):
    calls = []

    def repro(root, *through, environment):
        calls.append((through, startup.nursery.ADDRESS in environment))
        return b"bytes" if same else calls[-1]

    def opened(study):
        monkeypatch.setenv(startup.nursery.ADDRESS, "somewhere")
        return startup.TemporaryDirectory()

    monkeypatch.setattr(startup, "repro", repro)
    monkeypatch.setattr(startup, "warm_start", opened)
    if same:
        row = startup.stage_row(2)
        assert calls == 3 * [((), False), (("vasolib.nursery",), True)] and row.least_s <= row.ours_s
    else:
        with pytest.raises(AssertionError, match="differ"):
            startup.stage_row(2)
