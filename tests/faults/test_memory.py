"""Too little memory: a killed kernel and a failed allocation are named, with what to lower; the next start goes on."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from tests.faults.runs import Run, finished, half_done, made
from tests.test_run import write_notebook
from vasolib.remedies import LESS_MEMORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by their environment in /proc")


def kernels(run: Run) -> list[psutil.Process]:
    """The kernels of its notebooks: each leads a session, as do the driver and what that starts."""
    leaders = [process for process in run.processes() if os.getsid(process.pid) == process.pid]
    return [process for process in leaders if run.process.pid not in (process.pid, process.ppid())]


def test_a_kernel_that_is_killed_while_it_trains(undisturbed: tuple[Path, float], fresh: Path, tmp_path: Path):
    run = Run(fresh, tmp_path / "log", "--jobs", "1")
    run.wait_for_a_state()
    [kernel] = kernels(run)
    kernel.kill()
    assert run.wait() == 1
    assert run.is_gone()
    told = [line for line in run.output.splitlines() if "was killed at a peak of" in line]
    assert len(told) == 1 and "the kernel of 40_pretrain.ipynb" in told[0] and LESS_MEMORY in told[0]
    peak = int(told[0].split("peak of ")[1].split()[0])
    assert 50 < peak < 5000
    assert run.output.splitlines()[-1].startswith("error: failed: pretrain@") and "goes on" in run.output
    assert "continuing after epoch" in finished(fresh, tmp_path / "again").output
    assert made(fresh) == made(undisturbed[0]) and half_done(fresh) == []


@pytest.mark.parametrize("what", ["np.ones(2**36)", "torch.ones(2**36)", "bytearray(2**38)"])
def test_an_allocation_that_fails(done: Path, tmp_path: Path, what: str):
    notebook = done / "notebooks" / "60_tables.ipynb"
    written = notebook.read_bytes()
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**35, 2**35))"
    write_notebook(notebook, f"import numpy as np, torch\n{limited}\n{what}")
    run = Run(done, tmp_path / "log")
    assert run.wait() == 1
    assert LESS_MEMORY in run.output and "60_tables.ipynb failed with " in run.output
    notebook.write_bytes(written)
    finished(done, tmp_path / "again")
