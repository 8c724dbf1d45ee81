"""The notebook runner: what it refuses, what it reports, and that equal runs leave equal files."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from vasolib import run
from vasolib.errors import UserError
from vasolib.study import ROOT, Study

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook with a parameters cell (run, arm) before the given cells, each with a fixed id."""
    parameters = new_code_cell('run = "smoke"\narm = "mae"', id="t-01", metadata={"tags": ["parameters"]})
    work = [new_code_cell(source, id=f"t-{i:02d}") for i, source in enumerate(sources, 2)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(
        new_notebook(cells=[new_markdown_cell("# Title", id="t-00"), parameters, *work], metadata=KERNEL), path
    )
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up checkout, run `doll`, with the notebook 10_tiny; no watcher is started, the environment is kept."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr("vasolib.study.ROOT", tmp_path)
    monkeypatch.setattr(run, "end_with_parent", lambda: None)
    monkeypatch.setattr(run, "kernel_environment", lambda threads: {})
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    values = SHIPPED | {"run": "doll", "scale": "smoke"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    write_notebook(tmp_path / "notebooks" / "10_tiny.ipynb", "1 + 1")
    return tmp_path


@pytest.mark.parametrize(
    ("parameters", "want"),
    [
        ({"run": "smoke"}, "10_data"),
        ({"run": "smoke", "arm": "vasomim"}, "10_data_vasomim"),
        ({"arm": "mae", "run": "smoke", "seed": 3}, "10_data_mae-3"),
        ({"arm": "mae_3"}, "10_data_mae_3"),
        ({"run": "smoke", "arm": "mae", "processes": 2}, "10_data_mae"),
        ({}, "10_data"),
    ],
)
def test_label(parameters: dict, want: str):
    assert run.label("10_data", parameters) == want


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: python -m vasolib.run NOTEBOOK key=value"),
        (["10_tiny"], "run=<name> is missing"),
        (["10_tiny", "run"], "usage:"),
        (["10_tiny", "run=doll", "arm"], "usage:"),
        (["10_tiny", "arm=mae"], "run=<name> is missing"),
        (["10_tiny", "run=1"], "run=<name> is missing"),
        (["10_tiny", "run="], "run=<name> is missing"),
        (["10_tiny", "run=[doll]"], "run=<name> is missing"),
        (["10_tiny", "run=["], "run=[ cannot be read"),
        (["10_tiny", "run=doll", "arm={a: b: c}"], "arm={a: b: c} cannot be read"),
        (["10_tiny", f"run={'9' * 5000}"], "cannot be read"),
        (["10_tini", "run=doll"], "there is no notebook '10_tini': did you mean '10_tiny'?"),
        (["run=doll"], "run=<name> is missing"),
        (["10_tiny", "run=doll", "amr=mae"], "10_tiny.ipynb has no parameter 'amr': did you mean 'arm'?"),
        (["10_tiny", "run=doll", "=1"], "10_tiny.ipynb has no parameter ''"),
        (["10_tiny", "run=none-such"], "there is no run 'none-such' here yet"),
    ],
)
def test_a_wrong_call_is_one_line(project: Path, capsys: pytest.CaptureFixture, arguments: list, message: str):
    assert run.main(arguments) == 1
    told = capsys.readouterr()
    assert told.err.startswith("error: ") and message in told.err
    assert told.err.count("\n") == 1 and not told.out
    assert not (project / "executed").exists()


def test_another_python_is_one_line(project: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "papermill", None)
    assert run.main(["10_tiny", "run=doll"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: papermill is not installed for ") and told.endswith(f"{run.SET_UP}\n")


def test_command_line_of_the_checkout():
    command = [sys.executable, "-m", "vasolib.run", "40_pretrian", "run=smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: there is no notebook '40_pretrian': did you mean '40_pretrain'?\n"


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_declared_parameters_of_the_shipped_notebooks(path: Path):
    declared = run.declared_parameters(path)
    more = {"pretrain": ["arm", "processes"], "finetune": ["arm", "labels", "processes"], "30_segmentor": ["anatomy"]}
    more |= {"detect": ["arm"]}
    kind = path.stem if path.stem in more else path.stem.rpartition("_")[2]
    assert list(declared) == ["run", *more.get(kind, [])]
    assert declared["run"] == '"smoke"'


def test_equal_runs_leave_equal_files(project: Path, capsys: pytest.CaptureFixture):
    cells = (
        "import os, sys, time",
        "for i in range(4):\n    print(i, arm, flush=True)\n    time.sleep(0.3 * (i == os.getpid() % 4))",
        "print('loud', file=sys.stderr)\nos.getcwd()",
    )
    write_notebook(project / "notebooks" / "10_tiny.ipynb", *cells)
    label, executed = "10_tiny_vasomim", project / "executed" / "doll"
    found = []
    for _ in range(2):
        assert run.main(["10_tiny", "run=doll", "arm=vasomim"]) == 0
        found.append([(executed / f"{label}{suffix}").read_bytes() for suffix in (".ipynb", ".html")])
        told = capsys.readouterr()
        assert "0 vasomim" in told.out and "loud" in told.err and f"{label}: " in told.out
    assert found[0] == found[1]
    notebook = nbformat.read(executed / f"{label}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == ["t-00", "t-01", "injected-parameters", "t-02", "t-03", "t-04"]
    assert [o.text for o in notebook.cells[4].outputs] == ["0 vasomim\n1 vasomim\n2 vasomim\n3 vasomim\n"]
    assert notebook.cells[5].outputs[-1].data["text/plain"] == repr(str(project))
    facts = json.loads((project / "work" / "doll" / "runtimes" / f"{label}.json").read_text(encoding="utf-8"))
    assert facts["stage"] == label and facts["seconds"] > 0 and facts["threads"] == 1


@pytest.mark.parametrize(
    ("declared", "wanted", "given", "found"),
    [
        (True, "3", [], 3),
        (True, "3", ["processes=2"], 2),
        (True, "1", [], 1),
        (True, "", [], 1),
        (True, None, [], 1),
        (False, "3", [], None),
    ],
)
def test_processes_of_the_environment_reach_notebooks_that_have_them(
    project: Path, monkeypatch: pytest.MonkeyPatch, declared: bool, wanted: str | None, given: list, found: int | None
):
    path = write_notebook(project / "notebooks" / "10_tiny.ipynb", "print('found', globals().get('processes'))")
    if declared:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[1].source += '\nprocesses = "1"'
        nbformat.write(notebook, path)
    monkeypatch.delenv("VASOLIB_PROCESSES", raising=False)
    if wanted is not None:
        monkeypatch.setenv("VASOLIB_PROCESSES", wanted)
    assert run.main(["10_tiny", "run=doll", "arm=vasomim", *given]) == 0
    executed = nbformat.read(project / "executed" / "doll" / "10_tiny_vasomim.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == f"found {found}\n"
    injected = next(cell.source for cell in executed.cells if cell.id == "injected-parameters")
    assert ("processes = " in injected) is (found in (2, 3))
    assert [path.name for path in (project / "work" / "doll" / "runtimes").iterdir()] == ["10_tiny_vasomim.json"]


@pytest.mark.parametrize("wanted", ["0", "-1", "2.0", "two", "1e3", " ", "٣", "9" * 5000])
def test_no_number_of_processes_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, wanted: str
):
    monkeypatch.setenv("VASOLIB_PROCESSES", wanted)
    assert run.main(["10_tiny", "run=doll"]) == 1
    told = capsys.readouterr()
    message = f"error: PROCESSES={wanted} is not a number of processes: give a whole number, 1 or more\n"
    assert (told.err, told.out) == (message, "") and not (project / "executed").exists()


def test_a_failing_cell_is_named_with_the_place_of_all_of_it(project: Path, capsys: pytest.CaptureFixture):
    write_notebook(project / "notebooks" / "10_tiny.ipynb", "{}['absent']", "print('never')")
    assert run.main(["10_tiny", "run=doll"]) == 1
    executed = project / "executed" / "doll" / "10_tiny.ipynb"
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"error: 10_tiny.ipynb failed with KeyError: 'absent' (all of it: {executed})"
    assert "KeyError" in executed.read_text(encoding="utf-8") and executed.with_suffix(".html").exists()
    assert not (project / "work" / "doll" / "runtimes").exists()


def test_a_users_error_in_a_cell_comes_out_as_its_own_message(project: Path, tmp_path: Path):
    source = "from vasolib.errors import UserError\nraise UserError('x.npy is missing: run notebook 10 first')"
    notebook = write_notebook(tmp_path / "n.ipynb", f"import sys\nsys.path.insert(0, {str(ROOT)!r})", source)
    with pytest.raises(UserError, match=r"^x\.npy is missing: run notebook 10 first$"):
        run.execute(notebook, tmp_path / "out.ipynb", {"run": "doll"})


def test_a_killed_kernel_is_said_to_be_killed(project: Path, tmp_path: Path):
    notebook = write_notebook(tmp_path / "n.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(UserError, match=r"kernel of n\.ipynb was killed at a peak of \d+ MiB.*batch_size"):
        run.execute(notebook, tmp_path / "out.ipynb", {"run": "doll"})


def test_a_kernel_that_does_not_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def silent(*_: object, **__: object) -> None:
        raise RuntimeError("Kernel didn't respond in 60 seconds")

    monkeypatch.setattr("papermill.execute_notebook", silent)
    with pytest.raises(UserError, match=r"n\.ipynb did not start \(Kernel didn't respond.*give the same command again"):
        run.execute(tmp_path / "n.ipynb", tmp_path / "out.ipynb", {})


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("raise MemoryError('x')", "lower batch_size"),
        ("raise OSError(28, 'No space left on device', 'x.csv')", "free some space"),
        ("raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: you tried')", "lower batch_size"),
    ],
)
def test_the_machines_failures_come_with_advice(project: Path, tmp_path: Path, cell: str, advice: str):
    notebook = write_notebook(tmp_path / "n.ipynb", cell)
    with pytest.raises(UserError, match=rf"n\.ipynb failed with .*{advice}.*; all of it: "):
        run.execute(notebook, tmp_path / "out.ipynb", {"run": "doll"})


def test_a_disk_too_full_for_the_executed_notebook_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x.ipynb")

    monkeypatch.setattr(run, "execute", full)
    assert run.main(["10_tiny", "run=doll"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: 10_tiny: No space left on device, x.ipynb: ") and "free some space" in told
    assert told.count("\n") == 1


def test_record_writes_what_the_report_reads(project: Path, capsys: pytest.CaptureFixture):
    run.record(Study.load(project), "40_pretrain_mae", 12.345)
    facts = json.loads((project / "work" / "doll" / "runtimes" / "40_pretrain_mae.json").read_text(encoding="utf-8"))
    assert {"stage", "seconds", "peak_mib", "threads", "cores", "cpu", *run.VERSIONS} == facts.keys()
    assert (facts["stage"], facts["seconds"]) == ("40_pretrain_mae", 12.3) and facts["cpu"]
    assert capsys.readouterr().out.startswith("40_pretrain_mae: 12 s, peak ")


def test_what_kernels_inherit():
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "MPLBACKEND", "HF_HUB_OFFLINE")
    memory = [f"MALLOC_{name}_" for name in ("MMAP_THRESHOLD", "TRIM_THRESHOLD", "TOP_PAD")]
    environment = run.kernel_environment(3)
    assert [environment[name] for name in names] == ["3", "3", "PASSIVE", "agg", "1"]
    assert all(int(environment[name]) >= 2**26 for name in memory)  # more than any tensor of a step
