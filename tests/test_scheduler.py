"""What is stale, how long it will take, and stages side by side: small processes stand for DVC's."""

import errno
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vasolib import scheduler
from vasolib.orphans import DRIVER, lives
from vasolib.remedies import DISK
from vasolib.scheduler import Runner, Stage, dvc_environment, forecast, minutes, plan, urgent_first


def stage(name: str, *needs: str, seconds: float | None = None) -> Stage:
    return Stage(name, frozenset(needs), seconds)


CHAIN = [stage("a"), stage("b", "a"), stage("c", "b"), stage("x", "a"), stage("alone")]


@pytest.mark.parametrize(
    ("changed", "want"),
    [
        (set(), []),
        ({"alone"}, ["alone"]),
        ({"c"}, ["c"]),
        ({"b"}, ["b", "c"]),
        ({"x", "c"}, ["c", "x"]),
        ({"a"}, ["a", "b", "c", "x"]),
        ({"a", "alone"}, ["a", "b", "c", "x", "alone"]),
        ({"not a stage"}, []),
    ],
)
def test_what_changed_is_run_with_all_that_follows(changed: set, want: list):
    assert [s.name for s in plan(CHAIN, changed)] == want


@pytest.mark.parametrize(
    ("seconds", "want"), [(0.2, "0 s"), (59.6, "60 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min")]
)
def test_minutes(seconds: float, want: str):
    assert minutes(seconds) == want


@pytest.mark.parametrize(
    ("seconds", "jobs", "want"),
    [
        ([None, None], 2, "never run here, so no forecast"),
        ([60, 60], 1, "about 2 min"),
        ([60, 60], 2, "about 60 s"),
        ([60, 60], 8, "about 60 s"),  # two stages cannot use eight jobs
        ([60, None], 1, "about 60 s for the 1 that ran before"),
        ([0.0, 10], 1, "about 10 s"),
    ],
)
def test_forecast(seconds: list, jobs: int, want: str):
    assert forecast([stage(str(i), seconds=s) for i, s in enumerate(seconds)], jobs) == want


def test_stages_find_this_interpreter_and_their_driver():
    environment = dvc_environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment[DRIVER] == str(os.getpid()) and environment["DVC_NO_ANALYTICS"] == "1"


class Fake(Runner):
    """A runner whose stages are Python one-liners; keeps when each started and ended, and how many ran at once."""

    def __init__(self, todo: list[Stage], jobs: int, codes: dict[str, str], folder: Path) -> None:
        super().__init__(folder, folder / "unfinished", todo, jobs)
        self.codes, self.started, self.most = codes, [], 0

    def popen(self, name: str) -> subprocess.Popen:
        finished = [s for s in self.started if (self.root / s).exists()]
        self.most = max(self.most, len(set(self.started) - set(finished) - {name}) + 1)
        for need in next(s.needs for s in TODO if s.name == name):
            assert need in finished, f"{name} started before {need} had ended"
        self.started.append(name)
        code = f"{self.codes.get(name, '')}\nopen({name!r}, 'w').close()"
        return subprocess.Popen(
            [sys.executable, "-S", "-c", code],
            cwd=self.root, encoding="utf-8", errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


TODO = [
    stage("a", seconds=1),
    stage("b", "a"),
    stage("c", "a"),
    stage("d", "b", "c"),
    stage("e"),
    stage("f"),
]
WAIT = "import time; time.sleep(0.2)"


@pytest.mark.parametrize("jobs", [1, 2, 6])
def test_needs_and_the_limit_of_jobs_are_respected(tmp_path: Path, jobs: int, capsys: pytest.CaptureFixture):
    runner = Fake(TODO, jobs, dict.fromkeys("abcdef", WAIT), tmp_path)
    assert runner.run() == []
    assert sorted(runner.started) == list("abcdef") and sorted(p.name for p in tmp_path.iterdir()) == list("abcdef")
    assert runner.most <= jobs and (jobs == 1 or runner.most > 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[1/6] a | last time 1 s | about 1 s left"
    assert [line.split("]")[0] for line in lines] == [f"[{i}/6" for i in range(1, 7)]


def test_what_is_left_counts_the_stages_that_run(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert Fake([stage("e", seconds=60_000), stage("f", seconds=30_000)], 2, {}, tmp_path).run() == []
    assert [line.split(" | ")[-1] for line in capsys.readouterr().out.splitlines()] == 2 * ["about 750 min left"]


def test_a_need_that_is_up_to_date_is_not_waited_for(tmp_path: Path):
    runner = Fake(TODO[:1], 1, {}, tmp_path)
    runner.waiting = [stage("a", "done long ago")]
    assert runner.run() == [] and runner.started == ["a"]


def test_what_a_stage_goes_on_from_is_kept_until_it_has_succeeded(tmp_path: Path):
    for name in "ab":
        (tmp_path / "unfinished" / name).mkdir(parents=True)
        (tmp_path / "unfinished" / name / "x.pt").write_bytes(b"state")
    assert Fake(TODO[:2], 1, {"b": "raise SystemExit(1)"}, tmp_path).run() == ["b"]
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == ["b"]


def test_a_failure_stops_what_needs_it_and_nothing_else(tmp_path: Path):
    runner = Fake(TODO, 2, {"b": "raise SystemExit(3)", "e": WAIT}, tmp_path)
    assert runner.run() == ["b"]
    assert sorted(runner.started) == list("abcef")
    assert [s.name for s in runner.waiting] == ["d"]


def test_lines_are_passed_on_behind_the_name_without_dvcs_own(tmp_path: Path, capsys: pytest.CaptureFixture):
    code = "import sys; sys.stdout.reconfigure(encoding='utf-8'); print('loss 1'); print()\n"
    code += "print('Running stage: a'); print('> python -m x'); print('\\N{MIDDLE DOT}')"
    assert Fake(TODO[:1], 1, {"a": code}, tmp_path).run() == []
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")] == ["  a: loss 1", "  a: ·"]


@pytest.mark.parametrize("status", [0, 1])
def test_what_dvc_fails_for_is_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture, status: int):
    code = f"print('ERROR: [Errno 30] {os.strerror(errno.EROFS)}: table.csv')\nraise SystemExit({status})"
    assert Fake(TODO[:1], 1, {"a": code}, tmp_path).run() == ["a"] * status
    assert (f"  a: {DISK[errno.EROFS]}" in capsys.readouterr().out) == bool(status)


def test_bytes_that_are_no_text_do_not_hold_the_run_up(tmp_path: Path, capsys: pytest.CaptureFixture):
    code = "import sys; sys.stdout.buffer.write(b'\\xff caf\\xe9\\n')"
    assert Fake(TODO[:1], 1, {"a": code}, tmp_path).run() == []
    assert "  a: � caf�" in capsys.readouterr().out


def test_the_real_command_reads_whatever_a_stage_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = {}
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: seen.update(options, command=command))
    Runner(tmp_path, tmp_path, [], 1).popen("pretrain@mae")
    assert seen["command"][1:] == ["-m", "vasolib.nursery", "dvc", "repro", "--single-item", "pretrain@mae"]
    assert (seen["cwd"], seen["encoding"], seen["errors"]) == (tmp_path, "utf-8", "replace")
    assert seen["stdin"] == subprocess.DEVNULL


BUSY_TWICE = """
import os, sys
tries = len([f for f in os.listdir() if f.startswith('try')])
open(f'try{tries}', 'w').close()
if tries < LIMIT:
    print('ERROR: WORDS')
    sys.exit(1)
"""


@pytest.mark.parametrize(
    "words",
    [
        "x is busy, it is being blocked by ...",
        "failed to reproduce 'x': Unable to acquire lock. Most likely",
        "zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:60879')",
    ],
)
def test_a_stage_is_started_again_while_dvc_or_a_port_is_busy(
    tmp_path: Path, capsys: pytest.CaptureFixture, words: str
):
    source = BUSY_TWICE.replace("LIMIT", "2").replace("'ERROR: WORDS'", repr(words))
    runner = Fake(TODO[:2], 1, {"a": source}, tmp_path)
    assert runner.run() == [] and runner.started == ["a", "a", "a", "b"]
    assert words not in capsys.readouterr().out


def test_trying_again_has_an_end_and_says_why(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(scheduler, "RETRIES", 1)
    runner = Fake(TODO[:2], 1, {"a": BUSY_TWICE.replace("LIMIT", "9").replace("WORDS", "x is busy")}, tmp_path)
    assert runner.run() == ["a"] and runner.started == ["a", "a"]
    assert capsys.readouterr().out.count("  a: ERROR: x is busy\n") == 1


def test_another_failure_is_not_tried_again(tmp_path: Path):
    runner = Fake(TODO[:1], 1, {"a": "raise SystemExit(1)"}, tmp_path)
    assert runner.run() == ["a"] and runner.started == ["a"]


def test_a_line_that_cannot_be_printed_fails_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def cut(text: str, **_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise BrokenPipeError  # as in `make study | head`

    monkeypatch.setattr(scheduler, "print", cut, raising=False)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    runner = Fake(TODO[:2], 1, {"a": "print('hello')"}, tmp_path)
    assert runner.run() == ["a"]


def test_an_interrupt_while_dvc_is_waited_for_starts_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runner = Fake(TODO[:1], 1, {"a": BUSY_TWICE.replace("LIMIT", "9").replace("WORDS", "x is busy")}, tmp_path)
    monkeypatch.setattr(scheduler.time, "sleep", lambda _: setattr(runner, "interrupted", True))
    assert runner.run() == ["a"] and runner.started == ["a"]


def test_an_interrupt_ends_the_stages_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sleep = "import time; time.sleep(60)"
    below = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {sleep!r}])\n"
    runner = Fake(TODO[:1], 1, {"a": f"{below}open('pid', 'w').write(str(child.pid)); {sleep}"}, tmp_path)

    def interrupted(timeout: float) -> None:
        while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
            time.sleep(0.02)
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.changed, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert not lives(int((tmp_path / "pid").read_text()))
    until = time.monotonic() + 5
    while runner.running and time.monotonic() < until:
        time.sleep(0.02)
    assert runner.failed == ["a"]


def test_what_most_waits_for_comes_first_and_after_what_it_needs():
    todo = [
        stage("data", seconds=5), stage("baseline", "data", seconds=60), stage("anatomy", "data", seconds=20),
        stage("train", "anatomy", seconds=50), stage("tune", "train", seconds=30), stage("tables", "tune", "baseline"),
    ]  # fmt: skip
    assert [s.name for s in urgent_first(todo)] == ["data", "anatomy", "train", "baseline", "tune", "tables"]
    assert [s.name for s in urgent_first(CHAIN)] == ["a", "b", "c", "x", "alone"]  # untimed: the longest chain
    seconds = random.Random(0)
    many = [stage(str(i), *map(str, range(i - 3, i - 1)), seconds=seconds.choice([None, 0.0, 3, 9])) for i in range(40)]
    places = {s.name: place for place, s in enumerate(urgent_first(many))}
    assert sorted(places) == sorted(s.name for s in many)
    assert all(places[need] < places[s.name] for s in many for need in s.needs if need in places)
