"""The waiting child: what it becomes, how it ends, and that an unused one goes with its parent."""

import json
import os
import subprocess
import sys

import pytest

from tests.processes import ended_within
from vasolib.kernels import started
from vasolib.study import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux alone")
FORKING = """
import os, signal, sys, time
from vasolib.kernels import ForkedKernel, fork_kernel
command = fork_kernel()
if command:
    print(command[0], command[1][:2], os.environ["COLOUR"], os.getcwd(), os.getsid(0) == os.getpid(), flush=True)
    sys.exit(int(command[1][0]))
[child] = ForkedKernel.waiting
"""


def output(code: str, folder: str = "/") -> str:
    source = f"{FORKING}\nfolder = {folder!r}\n{code}"
    return subprocess.check_output([sys.executable, "-c", source], cwd=ROOT, text=True)


def test_it_becomes_what_it_is_told_and_its_status_is_known(tmp_path):
    code = """
assert child.poll() is None
child.start(["python", "-m", "made_up", "7", "-x"], {"COLOUR": "red"}, folder)
while child.poll() is None:
    time.sleep(0.05)
child.send_signal(signal.SIGKILL)  # nothing, it has ended
print(child.poll(), child.wait())
"""
    assert output(code, str(tmp_path)) == f"made_up ['7', '-x'] red {tmp_path} True\n7 7\n"


def test_a_killed_one_has_the_signal_as_its_status():
    code = "child.send_signal(signal.SIGKILL)\nwhile child.poll() is None: time.sleep(0.05)\nprint(child.wait())"
    assert output(code) == "-9\n"


def test_an_unused_one_ends_with_its_parent():
    assert ended_within(8, int(output("print(child.pid)")))


def test_a_kernel_watches_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as pipe:
        json.dump([["python", "-m", "ipykernel_launcher", "-f", "x.json"], {"A": "1"}, str(tmp_path)], pipe)
    module, arguments = started(reader)
    assert module == "ipykernel_launcher" and os.environ == {"A": "1"}
    assert arguments == ["-f", "x.json", f"--IPKernelApp.parent_handle={os.getppid()}"]
