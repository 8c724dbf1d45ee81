"""Folders of their own for other scales and data: complete copies, and the checkout is left alone."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from vasolib import workspace
from vasolib.data.folder import find_sets
from vasolib.errors import UserError
from vasolib.leftovers import exclusive
from vasolib.study import ROOT, Study
from vasolib.v2.study import Extended
from vasolib.workspace import COPIED, data_parameters, folder_state, mirror, open_workspace


@pytest.fixture
def home(tmp_path: Path) -> Study:
    """A checkout with what a run needs, and with what must not be copied."""
    root = tmp_path / "home"
    root.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name, **({"ignore": hidden} if copy is shutil.copytree else {}))
    (root / "vasolib" / "__pycache__").mkdir()
    (root / "vasolib" / "__pycache__" / "x.pyc").write_bytes(b"\xff\xfe")
    (root / "notebooks" / ".ipynb_checkpoints").mkdir()
    (root / "notebooks" / ".ipynb_checkpoints" / "10_data-checkpoint.ipynb").write_text("{}")
    (root / "README.md").write_text("not needed by a run")
    return Study.load(root)


def hidden(folder: str, names: list[str]) -> set[str]:
    return {"__pycache__", ".ipynb_checkpoints"} & set(names)


def files(root: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file below `root`, outside of runs."""
    paths = [p for p in sorted(root.rglob("*")) if p.is_file() and p.relative_to(root).parts[0] != "runs"]
    return {p.relative_to(root).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns) for p in paths}


def save(folder: Path, kind: str, *stems: str, value: int = 9) -> None:
    """Small images of one set."""
    (folder / kind).mkdir(parents=True, exist_ok=True)
    for stem in stems:
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(folder / kind / f"{stem}.png")


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two labelled sets and one without labels, in a folder with an odd name."""
    root = tmp_path / "Köln (2024), A+B"
    for name in ("zeta", "alpha"):
        save(root / name, "images", "p1_1", "p2_1", "p3_1")
        save(root / name, "masks", "p1_1", "p2_1", "p3_1", value=1)
    save(root / "plain", "images", "q1_1", "q2_1")
    return root


def test_a_scales_folder_is_complete_and_the_checkout_untouched(home: Study):
    before = files(home.root)
    study = mirror(home, "smoke", None)
    assert files(home.root) == before
    assert study.root == home.root / "runs" / "smoke"
    assert (study.params.run, study.params.scale, study.params.data) == ("smoke", "smoke", "synthetic")
    assert study.params.stands_for == home.params.stands_for and study.params.benchmarks == home.params.benchmarks
    copied = {name: content for name, (content, _) in files(study.root).items()}
    own = {"params.yaml", "params_v2.yaml", ".dvc/config", ".dvc/tmp/run.lock"}
    left = {"README.md", "vasolib/__pycache__/x.pyc", "notebooks/.ipynb_checkpoints/10_data-checkpoint.ipynb"}
    assert copied.keys() - own == before.keys() - left - own
    assert all(content == before[name][0] for name, content in copied.items() if name not in own)
    assert "no_scm = true" in copied[".dvc/config"].decode()
    values, shipped = (yaml.safe_load((s.root / "params.yaml").read_text(encoding="utf-8")) for s in (study, home))
    assert values == shipped | {"run": "smoke", "scale": "smoke"}
    assert yaml.safe_load(copied["params_v2.yaml"]) == yaml.safe_load(before["params_v2.yaml"][0])


def test_unchanged_files_keep_their_times(home: Study):
    study = mirror(home, "smoke", None)
    for path in study.root.rglob("*"):
        if path.is_file():
            os.utime(path, (1000, 1000))
    (home.root / "vasolib" / "masking.py").write_text("x = 'ä'\n", encoding="utf-8")
    for path in home.root.glob("notebooks/*.ipynb"):
        path.touch()
    mirror(home, "smoke", None)
    renewed = {name for name, (_, time) in files(study.root).items() if time != 1000 * 10**9}
    assert renewed == {"vasolib/masking.py", ".dvc/tmp/run.lock"}
    assert (study.root / "vasolib" / "masking.py").read_text(encoding="utf-8") == "x = 'ä'\n"


def test_copies_that_were_damaged_are_made_anew(home: Study):
    study = mirror(home, "smoke", None)
    for name, content in {"vasolib/masking.py": b"\xff\xfe", "params.yaml": b"run: [", "dvc.yaml": b""}.items():
        (study.root / name).write_bytes(content)
    assert mirror(home, "smoke", None) == study
    assert (study.root / "vasolib/masking.py").read_bytes() == (home.root / "vasolib/masking.py").read_bytes()
    assert (study.root / "dvc.yaml").read_bytes() == (home.root / "dvc.yaml").read_bytes()


def test_a_run_that_is_at_work_is_left_alone(home: Study):
    study = mirror(home, "smoke", None)
    (home.root / "vasolib" / "masking.py").write_text("new", encoding="utf-8")
    with exclusive(study.root), pytest.raises(UserError, match=r"another run is at work in .*smoke: wait"):
        mirror(home, "smoke", None)
    assert (study.root / "vasolib" / "masking.py").read_text(encoding="utf-8") != "new"


def test_what_is_gone_from_the_checkout_goes_and_what_the_run_made_stays(home: Study):
    study = mirror(home, "smoke", None)
    made = [study.work("stores", "table.csv"), study.results("t.csv"), study.root / "dvc.lock"]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    (home.root / "vasolib" / "data" / "crops.py").unlink()
    (home.root / "notebooks" / "80_features.ipynb").unlink()
    mirror(home, "smoke", None)
    assert not (study.root / "vasolib" / "data" / "crops.py").exists()
    assert not (study.root / "notebooks" / "80_features.ipynb").exists()
    assert (study.root / "vasolib" / "data" / "store.py").exists()
    assert all(path.read_text() == "kept" for path in made)


def test_real_data_have_a_folder_named_after_scale_and_data(home: Study, real: Path):
    study = mirror(home, "smoke", real)
    assert study.params.run == study.root.name == "smoke-K_ln__2024___A_B"
    assert study.params.data == str(real.resolve()) and study.params.scale == "smoke"
    assert study.params.benchmarks == ("alpha", "zeta")
    assert study.params.stands_for == {} and study.params.data_state
    assert mirror(home, "laptop", real).params.run == "laptop-K_ln__2024___A_B"
    assert Study.load(home.root) == home


def extended(study: Study) -> dict:
    return yaml.safe_load((study.root / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]


def test_real_sets_take_the_places_of_twins_of_their_task(home: Study, real: Path):
    study = mirror(home, "smoke", real)
    assert extended(study)["sets"] == extended(home)["sets"] | {"vessels": ["alpha", "zeta"]}
    assert extended(study)["data_state"] and "alpha" not in extended(study)["stands_for"]
    Extended.beside(study)  # and is sound
    assert mirror(home, "smoke", real, part="v2") == study and mirror(home, "smoke", real, part="v1") == study


def test_data_need_fit_only_the_part_that_is_to_run(home: Study, real: Path):
    for name in ("zeta", "alpha"):
        shutil.rmtree(real / name / "masks")
        (real / name / "boxes.csv").write_text("id,x0,y0,x1,y1\np1_1,1,1,4,4\n")
    study = mirror(home, "smoke", real, part="v2")
    assert extended(study)["sets"]["boxes"] == ["alpha", "zeta"] and study.params.data == str(real.resolve())
    assert study.params.benchmarks == home.params.benchmarks
    with pytest.raises(UserError, match="has no labelled set: add `masks`"):
        mirror(home, "smoke", real)


def test_each_part_alone_takes_what_its_own_reader_takes(home: Study, real: Path):
    stems = [f"p{n}_1" for n in range(8)]
    save(real / "zeta", "images", *stems)  # of which three have masks: too few for the first part
    rows = [f"{stem},{'train' if n in (1, 2) else 'test' if n == 3 else 'unlabelled'}" for n, stem in enumerate(stems)]
    (real / "zeta" / "table.csv").write_text("\n".join(["id,split", *rows]), encoding="utf-8")
    assert data_parameters(real, "v2") == {"data": str(real.resolve())}
    study = mirror(home, "smoke", real, part="v2")
    assert extended(study)["sets"]["vessels"] == ["alpha", "zeta"]
    for part in ("v1", "all"):
        with pytest.raises(UserError, match="zeta has 5 unusable images of 8"):
            mirror(home, "smoke", real, part=part)
    save(real / "zeta", "masks", *stems, value=1)
    (real / "zeta" / "table.csv").write_text("id\n", encoding="utf-8")
    assert mirror(home, "smoke", real, part="v1").params.benchmarks == ("alpha", "zeta")
    for part in ("v2", "all"):
        with pytest.raises(UserError, match=r"table\.csv"):
            mirror(home, "smoke", real, part=part)


def test_published_weights_have_a_run_of_their_own(home: Study, real: Path, tmp_path: Path):
    folder = tmp_path / "my weights"
    folder.mkdir()
    (folder / extended(home)["external"]["dinov2"]["file"]).write_bytes(b"0")
    study = mirror(home, "laptop", None, folder)
    assert study.params.run == study.root.name == "laptop-my_weights" and study.params.data == "synthetic"
    assert extended(study)["published"] == ["dinov2"] and extended(study)["pretrain"][-1] == "distilled"
    Extended.beside(study)
    assert mirror(home, "smoke", real, folder).params.run == "smoke-K_ln__2024___A_B-my_weights"
    with pytest.raises(UserError, match="has no published encoder"):
        mirror(home, "smoke", None, real)


def test_an_archive_is_unpacked_into_its_runs_folder_once(home: Study, real: Path, tmp_path: Path):
    archive = Path(shutil.make_archive(str(tmp_path / "An gio"), "gztar", real.parent, real.name))
    study = mirror(home, "smoke", archive)
    assert study.params.run == study.root.name == "smoke-An_gio"
    data = Path(study.params.data)
    assert data.is_relative_to(study.root / "unpacked") and study.params.benchmarks == ("alpha", "zeta")
    assert sorted(p.relative_to(data) for p in data.rglob("*")) == sorted(p.relative_to(real) for p in real.rglob("*"))
    inodes = {p: p.stat().st_ino for p in data.rglob("*")}
    assert mirror(home, "smoke", archive) == study and {p: p.stat().st_ino for p in data.rglob("*")} == inodes


def test_new_parameters_of_the_checkout_reach_the_run(home: Study):
    mirror(home, "smoke", None)
    text = (home.root / "params.yaml").read_text(encoding="utf-8").replace("seed: 0 ", "seed: 7 ")
    (home.root / "params.yaml").write_text(text, encoding="utf-8")
    assert mirror(Study.load(home.root), "smoke", None).params.seed == 7


def test_labelled_sets_are_the_benchmarks(real: Path):
    (real / "boxed" / "boxes").mkdir(parents=True)
    save(real / "boxed", "images", "a_1")
    found = data_parameters(real)
    assert found.keys() == {"data", "data_state", "benchmarks", "stands_for"}
    assert found["benchmarks"] == ["alpha", "zeta"]


def test_data_without_a_label_are_refused(tmp_path: Path):
    save(tmp_path / "plain", "images", "a_1")
    with pytest.raises(UserError, match=r"has no labelled set: add `masks`.*\['plain'\]"):
        data_parameters(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(UserError, match=r"DATA=.* is neither a folder nor a zip or tar file"):
            data_parameters(wrong)
    with pytest.raises(UserError, match="no set in the data folder"):
        data_parameters(tmp_path)


def test_the_state_of_a_folder_changes_with_its_files(real: Path):
    def state() -> str:
        return folder_state(real, *find_sets(real))

    states = [state()]
    assert state() == states[0]
    save(real / "plain", "images", "q3_1")  # one more
    states.append(state())
    os.utime(real / "zeta" / "images" / "p1_1.png", ns=(5, 5))  # another time
    states.append(state())
    save(real / "alpha", "masks", "p2_1", value=0)  # another label
    os.utime(real / "alpha" / "masks" / "p2_1.png", ns=(7, 7))
    states.append(state())
    (real / "plain" / "images" / "q3_1.png").unlink()  # one less
    states.append(state())
    save(real / "zeta", "images", *(f"p{n}_1" for n in range(4, 9)))
    save(real / "zeta", "masks", *(f"p{n}_1" for n in range(4, 9)), value=1)
    states.append(state())
    (real / "zeta" / "images" / "p9_1.png").mkdir()  # cannot be used, yet its name counts in the split
    states.append(state())
    assert len(set(states)) == len(states)


def test_the_state_of_a_folder_does_not_change_with_its_place(real: Path):
    before = folder_state(real, *find_sets(real))
    moved = real.rename(real.parent / "moved")
    assert folder_state(moved, *find_sets(moved)) == before


def test_the_checkouts_own_scale_needs_no_folder(home: Study, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workspace, "ROOT", home.root)
    assert open_workspace("laptop", None) == home and not (home.root / "runs").exists()
    assert open_workspace("smoke", None).root == home.root / "runs" / "smoke"
    with pytest.raises(UserError, match="no scale 'smokes'"):
        open_workspace("smokes", None)


def test_no_number_of_processes_is_told_before_anything_runs(home: Study, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workspace, "ROOT", home.root)
    monkeypatch.setenv("VASOLIB_PROCESSES", "two")
    for scale in ("laptop", "smoke"):
        with pytest.raises(UserError, match="PROCESSES=two is not a number of processes"):
            open_workspace(scale, None)
    assert not (home.root / "runs").exists()
    monkeypatch.setenv("VASOLIB_PROCESSES", "2")
    assert open_workspace("laptop", None) == home


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (None, "", r"params_v2\.yaml must hold one block called v2"),
        ("v2:\n", "v3:\n", r"params_v2\.yaml must hold one block called v2"),
        ("v2:\n", "v2: [\n", r"params_v2\.yaml cannot be read"),
        ("  percents:", "  percnts:", "percnts"),
        ("  pretrain: [", "  pretrian: [", "pretrian"),
        ("lesion_weight: 50.0", "lesion_weight: -5", "lesion_weight"),
    ],
)
def test_faulty_parameters_of_either_part_are_told_before_anything_runs(
    home: Study, monkeypatch: pytest.MonkeyPatch, old: str | None, new: str, message: str
):
    monkeypatch.setattr(workspace, "ROOT", home.root)
    path = home.root / "params_v2.yaml"
    text = path.read_text()
    assert old is None or old in text
    path.write_text(new if old is None else text.replace(old, new, 1))
    for scale in ("laptop", "smoke"):
        with pytest.raises(UserError, match=message):
            open_workspace(scale, None)


def test_a_set_may_not_take_the_corpus_name(real: Path):
    (real / "plain").rename(real / "corpus")
    with pytest.raises(UserError, match=r"named 'corpus'.*rename"):
        data_parameters(real)
