"""One run of the study: where its files lie, what it refuses, and what a fingerprint covers."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from vasolib import study as module
from vasolib.errors import UserError
from vasolib.study import ROOT, Study

SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def write(folder: Path, **changes: object) -> Path:
    """A folder with the shipped params.yaml, some of it changed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(copy.deepcopy(SHIPPED) | changes), encoding="utf-8")
    return folder


def load(folder: Path, **changes: object) -> Study:
    return Study.load(write(folder, **changes))


def test_paths_lie_below_the_root_by_run(tmp_path: Path):
    study = load(tmp_path, run="doll")
    assert study.work() == tmp_path / "work" / "doll"
    assert study.work("a", "b.npy") == tmp_path / "work" / "doll" / "a" / "b.npy"
    assert study.results("t.csv") == tmp_path / "results" / "doll" / "t.csv"
    assert study.figures("f.svg") == tmp_path / "figures" / "doll" / "f.svg"


def test_require_names_what_is_missing_and_who_makes_it(tmp_path: Path):
    study = load(tmp_path, run="doll", scale="smoke")
    with pytest.raises(UserError) as caught:
        study.require("stores", "corpus", made_by="10_data")
    message = str(caught.value)
    assert str(study.work("stores", "corpus")) in message and "10_data" in message and "SCALE=smoke" in message
    study.work("stores", "corpus").mkdir(parents=True)
    assert study.require("stores", "corpus", made_by="10_data") == study.work("stores", "corpus")


def test_open_finds_the_run_of_the_checkout_and_those_in_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    write(tmp_path, run="laptop")
    write(tmp_path / "runs" / "smoke", run="smoke", scale="smoke")
    assert Study.open("laptop").root == tmp_path
    assert Study.open("smoke").root == tmp_path / "runs" / "smoke"


def test_open_says_what_to_do_about_an_unknown_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROOT", write(tmp_path))
    with pytest.raises(UserError, match=r"no run 'paper-hospital'.*make study SCALE=paper`"):
        Study.open("paper-hospital")


def test_the_shipped_study_is_the_laptop_run():
    study = Study.load(ROOT)
    assert (study.params.run, study.params.scale, study.params.data) == ("laptop", "laptop", "synthetic")
    assert study.scale == study.scale_named("laptop")
    assert study.arm("vasomim").guidance and study.arm("vasomim").consistency


def test_names_that_are_not_there_bring_the_nearest(tmp_path: Path):
    study = load(tmp_path)
    with pytest.raises(UserError, match="no scale 'papr': did you mean 'paper'"):
        study.scale_named("papr")
    with pytest.raises(UserError, match="no arm 'vasomin': did you mean 'vasomim'"):
        study.arm("vasomin")


@pytest.mark.parametrize(
    "text",
    ["run: [", "a: b: c", "\tx: 1", "run: !!python/object:os.system {}", ""],
    ids=["open bracket", "two colons", "tab", "python tag", "empty"],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml"):
        Study.load(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path):
    (tmp_path / "params.yaml").write_bytes(b"run: \xff\xfe")
    with pytest.raises(UserError, match=r"params\.yaml cannot be read.*utf-8"):
        Study.load(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"params\.yaml cannot be read"):
        Study.load(tmp_path)


def test_an_arm_has_its_own_rate_and_length(tmp_path: Path):
    arms = SHIPPED["arms"] | {"mae": {"lr": {"laptop": 0.5}, "epochs": 0.125}, "moco": {"lr": {"paper": 0.5}}}
    study = load(tmp_path, arms=arms)
    usual = study.scale.pretrain
    assert study.pretraining("vasomim") == usual
    assert study.pretraining("mae") == replace(usual, lr=0.5, epochs=round(usual.epochs / 8))
    assert study.pretraining("moco") == usual


def test_positions_behind_the_last_benchmark_mean_the_last(tmp_path: Path):
    arms = SHIPPED["arms"] | {"mae": {"benchmarks": [1]}, "moco": {"benchmarks": [0, 1, 7]}}
    study = load(tmp_path, arms=arms)
    assert study.benchmarks_of("mae") == ["synth-b"] and study.benchmarks_of("moco") == [
        "synth-a",
        "synth-b",
        "synth-c",
    ]
    assert study.benchmarks_of("vit") == study.benchmarks_of("vasomim") == ["synth-a", "synth-b", "synth-c"]
    one = load(tmp_path, arms=arms, benchmarks=["only"])
    assert one.benchmarks_of("mae") == one.benchmarks_of("moco") == ["only"]


def test_fine_tuning_seeds_take_the_pre_training_runs_in_turn(tmp_path: Path):
    study = load(tmp_path, seed=5, arms=SHIPPED["arms"] | {"mae": {"seeds": 2}, "moco": {}})
    assert study.runs("mae") == [(5, 0), (6, 1), (5, 2)]
    assert study.runs("moco") == [(5, seed) for seed in study.scale.seeds]
    assert study.runs("vit") == [(-1, seed) for seed in study.scale.seeds]


def test_state_changes_with_any_of_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    study, data = load(tmp_path), tmp_path / "table.csv"
    data.write_text("a")
    parts = ["code", 0, study.scale, data, ""]
    first = study.state("arm", *parts)
    assert first == study.state("arm", *parts) == load(tmp_path).state("arm", *parts)
    assert first.parent == study.work("unfinished") and first.name.startswith("arm-")
    monkeypatch.setenv("DVC_STAGE", "pretrain@arm")
    assert study.state("arm", *parts) == study.unfinished("pretrain@arm", first.name)
    monkeypatch.delenv("DVC_STAGE")
    others = [["cod", *parts[1:]], ["code", 1, *parts[2:]], [*parts[:2], study.scale_named("smoke"), *parts[3:]]]
    others += [[*parts[:4], data], parts[:4], ["cod", "e", *parts[1:]], parts[::-1]]
    names = {study.state("arm", *other) for other in others} | {study.state("mra", *parts)}
    data.write_text("b")
    names.add(study.state("arm", *parts))
    assert len(names) == len(others) + 2 and first not in names


def test_facts_have_what_the_report_needs(tmp_path: Path):
    facts = load(tmp_path).facts()
    assert {"run", "parameters", "data", "scale"} <= facts.keys()
    assert facts["data"] == "embedded synthetic angiograms: synth-a, synth-b, synth-c"
    assert facts["fine-tuning seeds"] == "0, 1, 2" and facts["pre-training seeds"] == "0, 1, 2"
    assert all(isinstance(value, str) for value in facts.values())


def test_facts_name_a_real_folder_without_its_place(tmp_path: Path):
    facts = load(tmp_path, data=str(tmp_path / "hospital"), benchmarks=["one"]).facts()
    assert facts["data"] == "hospital: one" and str(tmp_path) not in "".join(facts.values())


def test_the_hash_of_parameters_is_that_of_the_scale_in_use(tmp_path: Path):
    def parameters(**changes: object) -> str:
        return load(tmp_path, **changes).facts()["parameters"]

    def scales(name: str) -> dict:
        return SHIPPED["scales"] | {name: SHIPPED["scales"][name] | {"unet_width": 6}}

    before = parameters()
    assert parameters(scales=scales("paper")) == before
    assert parameters(scales=scales("laptop")) != before
    assert parameters(seed=1) != before and parameters(data_state="x") != before
    assert parameters(arms=SHIPPED["arms"] | {"mae": {"mask_ratio": 0.7}}) != before
    assert parameters(data=str(tmp_path / "a")) == parameters(data=str(tmp_path / "b"))  # data_state tells them apart


def test_a_key_given_twice_does_not_win(tmp_path: Path):
    path = write(tmp_path) / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "seed: 1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml cannot be read \(found the key 'seed' twice"):
        Study.load(tmp_path)
