"""Budgets of the code, its mirror in the tests, and nothing of anybody's machine in what is tracked."""

import ast
import importlib
import inspect
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "vasolib").rglob("*.py"))
MODULES = [path for path in FILES if path.name != "__init__.py"]
MAX_FUNCTION, USUAL_FUNCTION, MAX_FILE = 70, 40, 220
WITHOUT_A_TEST_FILE = {
    "errors.py",  # two short definitions, used by every other test
    "report_items.py",  # a table, checked in test_report.py
    "report_template.py",  # a page, checked in test_report.py
}


def named(paths: list[Path]) -> dict:
    """Arguments of `parametrize`: paths, called by their place in vasolib."""
    return {"argvalues": paths, "ids": [path.relative_to(ROOT / "vasolib").as_posix() for path in paths]}


def functions(path: Path) -> dict[str, int]:
    """Lines of each function and method."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {f"{path.stem}.{n.name}:{n.lineno}": n.end_lineno - n.lineno + 1 for n in nodes if isinstance(n, kinds)}


def test_functions_are_short():
    lengths = {name: count for path in FILES for name, count in functions(path).items()}
    assert {name: count for name, count in lengths.items() if count > MAX_FUNCTION} == {}
    long = {name: count for name, count in lengths.items() if count > USUAL_FUNCTION}
    assert len(long) <= 0.1 * len(lengths), long


@pytest.mark.parametrize("path", **named(FILES))
def test_files_are_short(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE


@pytest.mark.parametrize("path", **named(MODULES))
def test_modules_say_what_they_offer_and_what_it_is(path: Path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert module.__doc__ and module.__all__ and len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        offered = getattr(module, name)
        if inspect.isfunction(offered) or inspect.isclass(offered):
            assert offered.__doc__ and not offered.__doc__.startswith(f"{name}("), f"{name} has no docstring"


@pytest.mark.parametrize("path", **named(MODULES))
def test_modules_are_mirrored_in_the_tests(path: Path):
    place = path.relative_to(ROOT / "vasolib")
    mirrored = (ROOT / "tests" / place).with_name(f"test_{place.name}").is_file()
    assert mirrored != (place.as_posix() in WITHOUT_A_TEST_FILE)


def test_nothing_is_random_of_its_own_accord():
    # Draws come from a generator that is handed over or made from a seed, so torch's and numpy's own are never asked.
    seeded = r"(?:default_rng|SeedSequence)\((?!\))"
    own = re.compile(rf"np\.random\.(?!{seeded}|Generator\b)\w+|\brandom\.(?:random|choice|shuffle)\(")
    found = [path.name for path in FILES if own.search(path.read_text(encoding="utf-8"))]
    assert found == []


def tracked() -> list[Path]:
    """The files that git knows, without the lists of what it must not know: a leading slash there is the checkout."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no git here to ask for the tracked files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip(f"git cannot list the tracked files: {listed.stderr.strip()}")
    return [
        ROOT / name
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).is_file() and not name.endswith("ignore")
    ]


FOLDERS = "|".join(("home", "root", "work", "tmp/bash", "Users"))  # in pieces, so that this file holds no such path
MACHINES = re.compile(rf"(?<![\w.${{}}~*-])/(?:{FOLDERS})[/_]".encode())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see |home/ann/x", True),
        ('"|root/.cache"', True),
        ("cwd: |work/main", True),
        ("=|tmp/bash_jobs.1", True),
        ("work/smoke and ./work/x and runs/smoke/work/smoke", False),
        ("${root}/work/${run} and <folder>|homestead", False),
        ("https://host|home/page", False),
    ],
)
def test_paths_of_a_machine_are_told_from_others(text: str, found: bool):
    assert bool(MACHINES.search(text.replace("|", "/").encode())) == found


def test_no_path_of_a_machine_is_tracked():
    found = {}
    for path in tracked():
        match = MACHINES.search(path.read_bytes())
        if match:
            found[path.relative_to(ROOT).as_posix()] = match.group().decode()
    assert found == {}
