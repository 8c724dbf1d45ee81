"""The command behind `make study`: stages in their order, forecasts, and one line for everything wrong."""

import json
import shutil
import signal
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from vasolib import pipeline, workspace
from vasolib.errors import UserError
from vasolib.scheduler import Stage
from vasolib.study import ROOT, Study

SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def made_up(root: Path, run: str = "doll") -> Study:
    """A study below `root` with recorded times of two executions."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(SHIPPED | {"run": run, "scale": "smoke"}), encoding="utf-8")
    study = Study.load(root)
    study.work("runtimes").mkdir(parents=True)
    for name, seconds in {"10_data": 5.0, "40_pretrain_mae": 70.0}.items():
        facts = {"stage": name, "seconds": seconds}
        study.work("runtimes", f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
    return study


@pytest.mark.parametrize(
    ("command", "want"),
    [
        ("python -m vasolib.run 10_data run=smoke", "10_data"),
        ("python -m vasolib.run 40_pretrain run=smoke arm=mae_50", "40_pretrain_mae_50"),
        ("python -m vasolib.run 40_pretrain run=smoke-hospital.1 arm=a=b", "40_pretrain_a=b"),
    ],
)
def test_label_of_a_command(command: str, want: str):
    assert pipeline.label_of(command) == want


def test_this_machines_times_come_before_the_committed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pipeline, "ROOT", tmp_path)
    study = made_up(tmp_path / "runs" / "doll")
    assert pipeline.last_seconds(study) == {"10_data": 5.0, "40_pretrain_mae": 70.0}
    (tmp_path / "results" / "doll").mkdir(parents=True)
    rows = "cores,seconds,stage\n2,900,10_data\n2,30,20_anatomy\n"
    (tmp_path / "results" / "doll" / "runtimes.csv").write_text(rows, encoding="utf-8")
    assert pipeline.last_seconds(study) == {"10_data": 5.0, "20_anatomy": 30, "40_pretrain_mae": 70.0}
    (tmp_path / "results" / "smoke").mkdir()  # the scale's own run, on synthetic data
    rows = "cores,seconds,stage\n2,9OO,10_data\n"
    (tmp_path / "results" / "smoke" / "runtimes.csv").write_text(rows, encoding="utf-8")
    assert pipeline.last_seconds(study) == {"10_data": 5.0, "20_anatomy": 30, "40_pretrain_mae": 70.0}  # damaged
    rows = "cores,seconds,stage\n2,900,10_data\n2,31,20_anatomy\n2,7,90_report\n"
    (tmp_path / "results" / "smoke" / "runtimes.csv").write_text(rows, encoding="utf-8")
    known = {"10_data": 5.0, "20_anatomy": 30, "40_pretrain_mae": 70.0, "90_report": 7}
    assert pipeline.last_seconds(study) == known


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    """Those of the shipped dvc.yaml."""
    return pipeline.stages_of(Study.load(ROOT))


def test_every_stage_comes_after_what_it_needs(stages: list[Stage]):
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names)
    for place, stage in enumerate(stages):
        assert stage.needs <= set(names[:place]), stage


def test_the_stages_are_the_studys(stages: list[Stage]):
    needs = {stage.name: stage.needs for stage in stages if not stage.name.startswith("v2_")}
    arms, scratch = SHIPPED["pretrain_arms"], SHIPPED["scratch_arms"]
    assert {name for name in needs if "@" in name} == {
        *(f"{kind}@{arm}" for kind in ("pretrain", "finetune") for arm in arms),
        *(f"scratch@{arm}" for arm in scratch),
        *(f"labels@{labels}-{arm}" for labels in (25, 50) for arm in SHIPPED["few_labels_arms"]),
        *(f"scratch_labels@{labels}-{arm}" for labels in (25, 50) for arm in scratch),
        "segmentor@reference",
        "segmentor@robust",
    }
    assert needs["data"] == frozenset()
    assert needs["pretrain@mae"] == {"data", "anatomy", "segmentor@reference", "segmentor@robust"}
    assert needs["finetune@mae"] == {"data", "pretrain@mae"}
    assert needs["scratch@unet"] == {"data"}
    assert {name for name in needs if name.startswith(("finetune", "scratch", "labels"))} <= needs["tables"]
    assert {"tables", "features"} <= needs["claims"]
    assert needs["report"] == {"leaks", "tables", "claims", "figures", "features", "methods", "denoise"}


def test_stages_know_how_long_they_took(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pipeline, "last_seconds", lambda study: {"10_data": 5.0, "40_pretrain_mae": 70.0})
    seconds = {stage.name: stage.seconds for stage in pipeline.stages_of(Study.load(ROOT))}
    assert (seconds["data"], seconds["pretrain@mae"], seconds["pretrain@mae_50"]) == (5.0, 70.0, None)


@pytest.fixture
def fenced(monkeypatch: pytest.MonkeyPatch) -> list:
    """Neither DVC nor a stage is ever started; what would have been run is listed."""
    calls: list = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(pipeline, "run_stages", lambda *call, **_: calls.append(call))
    monkeypatch.setattr(pipeline, "dvc", lambda *call: calls.append(call))
    monkeypatch.setattr(pipeline, "publish", lambda study: None)
    monkeypatch.setattr(pipeline, "clear", lambda study: None)
    monkeypatch.setattr(pipeline, "end_orphans", lambda root: None)
    monkeypatch.setattr(pipeline, "exclusive", lambda root: nullcontext())
    monkeypatch.setattr(workspace, "mirror", lambda *call: calls.append(call))
    return calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "smoke", "--data", "no-such-folder"], "DATA=no-such-folder is neither a folder nor a zip"),
        (["--scale", "smok"], "there is no scale 'smok': did you mean 'smoke'?"),
        (["--scale", "smoke", "--jobs", "0"], "JOBS=0 is not a number of jobs: give 1 or more"),
        (["--jobs", "-2"], "JOBS=-2 is not a number of jobs"),
    ],
)
def test_a_wrong_call_is_one_line(
    fenced: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, arguments: list, message: str
):
    monkeypatch.setattr(workspace, "mirror", lambda home, scale, data, *_: workspace.data_parameters(data))
    assert pipeline.main(arguments) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {message}") and told.err.count("\n") == 1 and not told.out
    assert fenced == []


def test_too_little_disk_is_one_line(fenced: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(shutil, "disk_usage", lambda root: SimpleNamespace(free=1.5 * 2**30))
    assert pipeline.main(["--scale", "smoke"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: 1.5 GiB are free on the disk of ") and told.count("\n") == 1
    assert "3 GiB are needed: free some space" in told and fenced == []


@pytest.mark.parametrize("arguments", [["--jobs", "two"], ["--scales", "smoke", "x"], ["stray"]])
def test_options_that_are_none_are_explained(fenced: list, capsys: pytest.CaptureFixture, arguments: list):
    with pytest.raises(SystemExit) as caught:
        pipeline.main(arguments)
    assert caught.value.code == 2 and "usage: python -m vasolib.pipeline" in capsys.readouterr().err
    assert fenced == []


def test_failed_stages_and_interrupts_have_their_own_codes(
    fenced: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    def fail(*_: object, **__: object) -> None:
        raise UserError("failed: pretrain@mae (see above)")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run_stages", fail)
    assert pipeline.main([]) == 1 and capsys.readouterr().err == "error: failed: pretrain@mae (see above)\n"
    monkeypatch.setattr(pipeline, "run_stages", interrupt)
    assert pipeline.main([]) == 130 and capsys.readouterr().err.startswith("interrupted: the same command goes on")


def test_a_full_disk_is_one_line(fenced: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    def full(study: Study) -> None:
        raise OSError(28, "No space left on device", "x.csv")

    monkeypatch.setattr(pipeline, "stages_of", lambda study: [])
    monkeypatch.setattr(pipeline, "publish", full)
    assert pipeline.main([]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: [Errno 28] No space left on device: 'x.csv': free some space")
    assert told.count("\n") == 1


def test_an_interrupt_is_not_interrupted_in_turn(monkeypatch: pytest.MonkeyPatch):
    handlers = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    with pytest.raises(KeyboardInterrupt):
        pipeline.interrupt(signal.SIGINT, None)
    assert handlers == {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_IGN}


STUDY = SimpleNamespace(root=ROOT, scale=SimpleNamespace(threads=3), unfinished=lambda *parts: Path("absent", *parts))


class Ended:
    """A runner that only notes what it was given."""

    failed: tuple = ()

    def __init__(self, root: Path, unfinished: Path, todo: list[Stage], jobs: int) -> None:
        type(self).todo, type(self).jobs = [stage.name for stage in todo], jobs

    def run(self) -> list[str]:
        return list(self.failed)


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Three stages a, b after a, and c alone; b and what follows it is stale."""
    three = [Stage("a", frozenset(), 1.0), Stage("b", frozenset("a"), 60.0), Stage("c", frozenset(), None)]
    monkeypatch.setattr(pipeline, "stages_of", lambda study: three)
    monkeypatch.setattr(pipeline, "dvc", lambda *_: '{"b": ["changed command"]}')
    monkeypatch.setattr(pipeline, "Runner", Ended)
    monkeypatch.setattr(pipeline, "stage_seconds", lambda *_: {})
    monkeypatch.setattr(pipeline, "write_whole", lambda *_: None)
    monkeypatch.setattr(Ended, "failed", ())
    return monkeypatch


def test_only_what_is_stale_is_run(chain: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    pipeline.run_stages(STUDY, 2, warm=False)
    assert (Ended.todo, Ended.jobs) == (["b"], 2)
    assert capsys.readouterr().out.startswith("1 of 3 stages to run with 2 jobs: about 60 s.\nThe run took")


def test_what_was_changed_by_others_is_named(chain: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    outs = {"work/x": "modified", "work/y": "deleted"}
    told = {"b": ["changed command", {"changed deps": {"d": "modified"}}, {"changed outs": outs}]}
    chain.setattr(pipeline, "dvc", lambda *_: json.dumps(told))
    chain.setattr(pipeline, "recorded", lambda root: {"a", "b"})
    pipeline.run_stages(STUDY, 2, warm=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "work/x is not as b wrote it: it is made again, or taken from DVC's cache"
    assert lines[1].startswith("1 of 3 stages to run")
    chain.setattr(pipeline, "recorded", lambda root: {"a"})  # b was stopped before DVC had recorded it
    pipeline.run_stages(STUDY, 2, warm=False)
    assert capsys.readouterr().out.startswith("1 of 3 stages to run")


def test_recorded_are_the_stages_of_the_lock_file(tmp_path: Path):
    assert pipeline.recorded(tmp_path) == set()
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert pipeline.recorded(tmp_path) == set()
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages:\n  one:\n    cmd: echo\n  two@x:\n    cmd: echo\n")
    assert pipeline.recorded(tmp_path) == {"one", "two@x"}


@pytest.mark.parametrize(("part", "want"), [("v1", ["b"]), ("v2", ["v2_a"]), ("all", ["b", "v2_a"])])
def test_a_part_can_be_run_alone(chain: pytest.MonkeyPatch, part: str, want: list[str]):
    stages = [Stage(name, frozenset(), None) for name in ("b", "v2_a", "v2_c")]
    chain.setattr(pipeline, "stages_of", lambda study: stages)
    chain.setattr(pipeline, "dvc", lambda *_: '{"b": [], "v2_a": []}')
    pipeline.run_stages(STUDY, 2, warm=False, part=part)
    assert Ended.todo == want


def test_the_extended_parts_stages_wait_for_what_they_need(stages: list[Stage]):
    needs = {stage.name: stage.needs for stage in stages if stage.name.startswith("v2_")}
    assert needs["v2_data"] == frozenset() and needs["v2_redundancy"] == {"v2_data"}
    assert needs["v2_anatomy"] == {"v2_data", "v2_redundancy"}
    assert needs["v2_pretrain@mae"] == {"v2_data", "v2_redundancy", "v2_anatomy"}
    assert needs["v2_finetune@mae"] == needs["v2_detect@mae"] == {"v2_data", "v2_pretrain@mae"}
    assert needs["v2_scratch@unet"] == needs["v2_scratch_detect@resnet"] == {"v2_data"}
    scored = {name for name in needs if name.startswith(("v2_finetune", "v2_scratch", "v2_labels", "v2_detect"))}
    assert len(scored) > 30 and scored <= needs["v2_tables"]
    assert needs["v2_report"] >= {"v2_tables", "v2_claims", "v2_figures", "v2_guidance", "v2_redundancy", "v2_data"}


def test_neither_part_needs_a_stage_of_the_other(stages: list[Stage]):
    for stage in stages:
        assert {need.startswith("v2_") for need in stage.needs} <= {stage.name.startswith("v2_")}, stage


@pytest.mark.parametrize(
    ("stale", "before", "failed", "want"),
    [("ac", "", "", [("all", 2)]), ("c", "", "", []), ("ac", "a", "", []), ("ac", "", "b", [])],
    ids=["all at one go", "some are done", "one was done here", "one fails"],
)
def test_the_time_of_the_whole_is_recorded(chain: pytest.MonkeyPatch, stale, before, failed, want: list[tuple]):
    written = []
    chain.setattr(pipeline, "dvc", lambda *_: json.dumps({name: [] for name in stale}))
    chain.setattr(pipeline, "stage_seconds", lambda *_: dict.fromkeys(before, 1.0))
    chain.setattr(pipeline, "write_whole", lambda study, *facts: written.append(facts[:2]))
    chain.setattr(Ended, "failed", tuple(failed))
    with pytest.raises(UserError) if failed else nullcontext():
        pipeline.run_stages(STUDY, 2, warm=False)
    assert written == want


def test_nothing_stale_is_said(chain: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    chain.setattr(pipeline, "dvc", lambda *_: "{}")
    pipeline.run_stages(STUDY, 2, warm=False)
    assert capsys.readouterr().out == "Nothing to do: every stage is up to date.\n"


def test_stages_start_from_a_nursery_unless_told_otherwise(chain: pytest.MonkeyPatch):
    seen = []
    chain.setattr(pipeline.nursery, "opened", lambda *given: seen.append(given) or nullcontext())
    pipeline.run_stages(STUDY, 2, warm=False)
    assert seen == []
    pipeline.run_stages(STUDY, 2, warm=True)
    [(root, environment)] = seen
    assert root == ROOT and environment["OMP_NUM_THREADS"] == "3" and environment["DVC_NO_ANALYTICS"] == "1"


@pytest.mark.parametrize(
    ("more", "platform", "want"), [([], "linux", True), (["--cold"], "linux", False), ([], "darwin", False)]
)
def test_where_stages_start_warm(fenced: list, monkeypatch: pytest.MonkeyPatch, more: list, platform: str, want: bool):
    seen = []
    monkeypatch.setattr(pipeline.sys, "platform", platform)
    monkeypatch.setattr(pipeline, "run_stages", lambda *call, warm, part: seen.append(warm))
    monkeypatch.setattr(pipeline, "stages_of", lambda study: [])
    assert pipeline.main(more) == 0 and seen == [want]


def test_failed_stages_are_named(chain: pytest.MonkeyPatch):
    chain.setattr(Ended, "failed", ("b",))
    with pytest.raises(UserError, match=r"^failed: b \(see above\)"):
        pipeline.run_stages(STUDY, 2, warm=False)


def test_dvcs_own_errors_are_passed_on_and_busy_ones_tried_again(monkeypatch: pytest.MonkeyPatch):
    answers = [(1, "", "x is busy"), (0, "fine", ""), (1, "", "ERROR: no such stage")]
    monkeypatch.setattr(pipeline.time, "sleep", lambda seconds: None)

    def answer(*_: object, **__: object) -> SimpleNamespace:
        code, out, err = answers.pop(0)
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    monkeypatch.setattr(pipeline.subprocess, "run", answer)
    assert pipeline.dvc(ROOT, "status") == "fine"
    with pytest.raises(UserError, match=r"^dvc status failed: ERROR: no such stage$"):
        pipeline.dvc(ROOT, "status", "--json")


def test_results_of_a_folder_of_its_own_are_brought_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(pipeline, "ROOT", tmp_path)
    study = made_up(tmp_path / "runs" / "doll")
    for path in (study.results("report.html"), study.figures("a.svg")):
        path.parent.mkdir(parents=True)
        path.write_text("new")
    pipeline.publish(study)
    pipeline.publish(study)  # again, over the older ones
    assert (tmp_path / "results" / "doll" / "report.html").read_text() == "new"
    assert (tmp_path / "figures" / "doll" / "a.svg").read_text() == "new"
    told = capsys.readouterr().out
    assert Path("results/doll/report.html").as_posix() in told and str(tmp_path) not in told
    pipeline.print_times([Stage("data", frozenset(), 5.0), Stage("pretrain@new", frozenset({"data"}), None)])
    assert capsys.readouterr().out.split() == ["data", "5.0", "s", "pretrain@new", "not", "timed"]
