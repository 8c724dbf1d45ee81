"""dvc.lock changed as DVC would have changed it, whole, and no other file."""

import shutil
from collections import OrderedDict
from pathlib import Path

import pytest
from dvc import dvcfile
from dvc.utils.serialize import modify_yaml

from vasolib.lockfile import modified, quicken
from vasolib.study import ROOT

STAGE = OrderedDict(
    {"cmd": "python -m vasolib.run 99_new", "deps": [{"path": "a b", "hash": "md5", "md5": "1e5", "size": 7}]}
)
ODD = {
    "cmd": "many words " * 20,
    "params": {"p.yaml": {"a": 1e-05, "b": [0.5, 1.0], "c": "", "d": True, "e": {}, "f": "1e5"}},
}


@pytest.mark.parametrize("change", [{"new": STAGE}, {"odd": ODD}, {}])
def test_the_shipped_lock_file_is_written_as_dvc_writes_it(change: dict, tmp_path: Path):
    for name, modify in (("ours", modified), ("dvcs", modify_yaml)):
        shutil.copy(ROOT / "dvc.lock", tmp_path / name)
        with modify(str(tmp_path / name)) as content:
            content["stages"].update(change)
            content["stages"]["tables"]["cmd"] = "changed"
    ours, dvcs = ((tmp_path / name).read_text() for name in ("ours", "dvcs"))
    assert ours.split() == dvcs.split()  # a word too long for its line begins another one in DVC's
    assert len(set(ours.splitlines()) - set(dvcs.splitlines())) < 10
    assert (tmp_path / "ours").read_bytes() != (ROOT / "dvc.lock").read_bytes()


def test_a_new_one_is_begun(tmp_path: Path):
    with modified(str(tmp_path / "dvc.lock")) as content:
        content |= {"schema": "2.0", "stages": {}}
    assert (tmp_path / "dvc.lock").read_text() == "schema: '2.0'\nstages: {}\n"


def test_what_fails_leaves_the_old_one(tmp_path: Path):
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n")
    with pytest.raises(TypeError, match="unhashable"), modified(str(tmp_path / "dvc.lock")) as content:
        content[[]] = {}
    assert [path.name for path in tmp_path.iterdir()] == ["dvc.lock"]
    assert (tmp_path / "dvc.lock").read_text() == "schema: '2.0'\n"


def test_dvc_uses_it_for_lock_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dvcfile, "modify_yaml", dvcfile.modify_yaml)  # set back afterwards
    quicken()
    (tmp_path / "dvc.yaml").write_text("stages:  # of a study\n  one:\n    cmd: echo\n")
    with dvcfile.modify_yaml(str(tmp_path / "dvc.yaml")) as content:
        content["stages"]["one"]["cmd"] = "true"
    assert "# of a study" in (tmp_path / "dvc.yaml").read_text()
    with dvcfile.modify_yaml(str(tmp_path / "dvc.lock")) as content:
        content["schema"] = "2.0"
    assert (tmp_path / "dvc.lock").read_text() == "schema: '2.0'\n"
