"""dvc.lock changed as DVC would have changed it, whole, and no other file."""

import shutil
from collections import OrderedDict
from pathlib import Path

import pytest
from dvc import dvcfile
from dvc.utils import strictyaml
from dvc.utils.serialize import YAMLFileCorruptedError, dump_yaml, load_yaml, modify_yaml

from vasolib import lockfile
from vasolib.lockfile import modified, parsed, quicken, written
from vasolib.study import ROOT

STAGE = OrderedDict(
    {"cmd": "python -m vasolib.run 99_new", "deps": [{"path": "a b", "hash": "md5", "md5": "1e5", "size": 7}]}
)
ODD = {
    "cmd": "many words " * 20,
    "params": {"p.yaml": {"a": 1e-05, "b": [0.5, 1.0], "c": "", "d": True, "e": {}, "f": "1e5"}},
}


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth stage of the shipped lock file, as DVC writes them: the whole one takes it half a minute."""
    stages = list(load_yaml(ROOT / "dvc.lock")["stages"].items())[::10]
    assert len(stages) > 10
    path = tmp_path_factory.mktemp("lock") / "dvc.lock"
    dump_yaml(path, {"schema": "2.0", "stages": dict(stages)})
    return path


@pytest.mark.parametrize("change", [{"new": STAGE}, {"odd": ODD}, {}])
def test_a_lock_file_is_written_as_dvc_writes_it(change: dict, lock: Path, tmp_path: Path):
    for name, modify in (("ours", modified), ("dvcs", modify_yaml)):
        shutil.copy(lock, tmp_path / name)
        with modify(str(tmp_path / name)) as content:
            content["stages"].update(change)
            next(iter(content["stages"].values()))["cmd"] = "changed"
    ours, dvcs = ((tmp_path / name).read_text() for name in ("ours", "dvcs"))
    assert ours.split() == dvcs.split()  # a word too long for its line begins another one in DVC's
    assert len(set(ours.splitlines()) - set(dvcs.splitlines())) < 10
    assert ours != lock.read_text()


def test_one_that_was_cut_off_where_it_still_says_something_is_gone_on_with(tmp_path: Path):
    path, text = (
        tmp_path / "dvc.lock",
        f"{lockfile.HEAD}  one:\n    cmd: echo\n    deps:\n    - path: work/some/place\n",
    )
    whole = 0
    for end in range(len(lockfile.HEAD), len(text) + 1):
        path.write_text(text[:end])
        try:
            before = load_yaml(path)["stages"]
        except YAMLFileCorruptedError:
            continue  # which DVC says
        if not (isinstance(before, dict) and isinstance(before["one"], dict)):
            continue  # which DVC says too
        with modified(str(path)) as content:
            content["stages"]["new"] = STAGE
        assert load_yaml(path)["stages"] == before | {"new": STAGE}, text[:end]
        whole += 1
    assert whole > 20


def test_the_shipped_one_holds_mappings_and_numbers():
    stages = load_yaml(ROOT / "dvc.lock")["stages"]
    assert all(isinstance(stage, dict) and stage["cmd"].startswith("python -m") for stage in stages.values())
    arms = stages["pretrain@chexworld"]["params"]["params.yaml"]["arms.chexworld"]
    assert arms["lr"]["paper"] == 0.000025  # not the text 2.5e-05


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


def test_stages_that_did_not_change_keep_their_lines(lock: Path, tmp_path: Path):
    shutil.copy(lock, tmp_path / "dvc.lock")
    before = lock.read_text()
    with modified(str(tmp_path / "dvc.lock")) as content:
        content["stages"]["new"] = STAGE
    after = (tmp_path / "dvc.lock").read_text()
    assert after.startswith(before) and after != before
    assert load_yaml(tmp_path / "dvc.lock") == load_yaml(lock) | {
        "stages": load_yaml(lock)["stages"] | {"new": dict(STAGE)}
    }


@pytest.mark.parametrize(
    "text",
    [
        "", "stages: {}\n", "schema: '2.0'\nstages: {}\n", "schema: '2.0'\nstages:\n  a:\n    cmd: x\ndatasets: []\n",
        "schema: '2.0'\nstages:\n# by hand\n  a:\n    cmd: |-\n      x\n      y\n",
        "stages:\n  a:\n    cmd: x\nschema: '2.0'\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\n\n  b b:\n    params:\n      p.yaml:\n        10: 0.1\n  # of a\n",
    ],
)  # fmt: skip
def test_any_layout_is_read_as_dvc_reads_it(text: str, tmp_path: Path):
    (tmp_path / "dvc.lock").write_text(text)
    content = parsed(text)
    assert content == (load_yaml(tmp_path / "dvc.lock") or {})
    (tmp_path / "dvc.lock").write_text(written(content))
    assert (load_yaml(tmp_path / "dvc.lock") or {}) == content


def test_the_whole_shipped_one_is_read_and_written_unchanged():
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    assert parsed(text) == load_yaml(ROOT / "dvc.lock")
    assert written(parsed(text)) == text


def test_what_is_read_twice_is_not_shared(lock: Path):
    first, second = parsed(lock.read_text()), parsed(lock.read_text())
    next(iter(first["stages"].values()))["cmd"] = "changed"
    assert second == load_yaml(lock)


def test_dvc_reads_by_it_and_tells_damage_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dvcfile, "modify_yaml", dvcfile.modify_yaml)  # set back afterwards
    monkeypatch.setattr(strictyaml, "parse_yaml", strictyaml.parse_yaml)
    quicken()
    (path := tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages:\n  a:\n    cmd: seen\n")
    with monkeypatch.context() as patched:
        patched.setattr(lockfile, "parsed", lambda text: {"read": text})
        assert strictyaml.load(str(path))[0] == {"read": path.read_text()}
    assert strictyaml.load(str(path))[0]["stages"] == {"a": {"cmd": "seen"}}
    for damage in ("<<<<<<< ours\n  a:\n", "  a:\n    cmd: [\n", "  a:\n    cmd: x\n  a:\n    cmd: y\n"):
        path.write_text(f"schema: '2.0'\nstages:\n{damage}")
        with pytest.raises(strictyaml.YAMLSyntaxError):
            strictyaml.load(str(path))
