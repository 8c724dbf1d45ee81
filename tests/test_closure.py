"""Import closures: followed through every kind of import, and equal to what dvc.yaml watches."""

import json
import subprocess
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from vasolib.closure import code_of, import_closure

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
MODULES = {
    "__init__.py": "",
    "direct.py": "import numpy\nfrom vasolib.near import thing\n",
    "near.py": "def thing():\n    from vasolib import late\n    return late\n",
    "late.py": "import vasolib.deep.inner as inner\n",
    "deep/__init__.py": "from vasolib.above import x\n",
    "deep/inner.py": "import vasolib.late\n",  # a circle
    "deep/beside.py": "",
    "above.py": "x = 1\n",
    "unused.py": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A made-up `vasolib` with a notebook that imports its module `direct`."""
    for name, text in MODULES.items():
        path = tmp_path / "vasolib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write_notebook(tmp_path, "from vasolib.direct import thing")
    return tmp_path


def write_notebook(root: Path, *sources: str) -> Path:
    """notebooks/10_x.ipynb: code cells behind a text that only talks of an import."""
    cells = [new_markdown_cell("import vasolib.unused"), *map(new_code_cell, sources)]
    (root / "notebooks").mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), root / "notebooks" / "10_x.ipynb")
    return root / "notebooks" / "10_x.ipynb"


def names(notebook: Path, root: Path) -> set[str]:
    """The closure as paths below `vasolib`."""
    return {path.relative_to(root / "vasolib").as_posix() for path in import_closure(notebook, root)}


def test_imports_are_followed_through_functions_packages_and_circles(project: Path):
    found = names(project / "notebooks" / "10_x.ipynb", project)
    assert found == MODULES.keys() - {"unused.py", "deep/beside.py"}


@pytest.mark.parametrize(
    ("source", "want"),
    [
        ("import numpy, vasolibrary", set()),
        ("import vasolib", {"__init__.py"}),
        ("import vasolib.above", {"__init__.py", "above.py"}),
        ("import os, vasolib.above as a", {"__init__.py", "above.py"}),
        ("from vasolib import above", {"__init__.py", "above.py"}),
        ("from vasolib.above import x as y", {"__init__.py", "above.py"}),
        (
            "from vasolib.deep import beside",
            {"__init__.py", "above.py", "deep/__init__.py", "deep/beside.py"},
        ),
        ("if True:\n    import vasolib.unused", {"__init__.py", "unused.py"}),
    ],
)
def test_each_way_to_import(project: Path, source: str, want: set[str]):
    assert names(write_notebook(project, "x = 1", source), project) == want


def test_code_changes_with_a_module_it_reaches_and_with_no_other(project: Path):
    before = code_of("10_x", project)
    (project / "vasolib" / "unused.py").write_text("y = 2\n", encoding="utf-8")
    assert code_of("10_x", project) == before
    (project / "vasolib" / "above.py").write_text("x = 2\n", encoding="utf-8")
    assert code_of("10_x", project) != before


def source_of(notebook: Path) -> str:
    """All code of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def reached(notebook: Path, scratch: Path) -> set[str]:
    """Files of `vasolib` that the byte code of a notebook and of what it imports names: the standard library's view."""
    script = scratch / f"{notebook.stem}.py"
    script.write_text(source_of(notebook), encoding="utf-8")
    finder = ModuleFinder(path=[str(ROOT)])
    finder.run_script(str(script))
    found = [module.__file__ for name, module in finder.modules.items() if name.split(".")[0] == "vasolib"]
    return {Path(path).relative_to(ROOT).as_posix() for path in found}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_byte_code_names_the_same_modules(notebook: Path, tmp_path: Path):
    assert reached(notebook, tmp_path) == {f"vasolib/{name}" for name in names(notebook, ROOT)}


def test_python_imports_no_module_that_the_closure_misses():
    # In one new interpreter, which forgets our modules between two notebooks.
    code = """
import ast, json, sys
for name, source in json.load(sys.stdin).items():
    for module in [m for m in sys.modules if m.split(".")[0] == "vasolib"]:
        del sys.modules[module]
    body = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(body, []), name, "exec"), {})
    print(json.dumps([name, [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "vasolib"]]))
"""
    sources = json.dumps({path.stem: source_of(path) for path in NOTEBOOKS})
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(NOTEBOOKS)
    for name, files in lines:
        imported = {Path(file).relative_to(ROOT / "vasolib").as_posix() for file in files}
        known = names(ROOT / "notebooks" / f"{name}.ipynb", ROOT)
        assert imported <= known and len(imported) > len(known) / 2, name  # the others are imported by functions


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_watches_the_closure_of_each_notebook(stage: str):
    notebook = f"notebooks/{STAGES[stage]['cmd'].split()[3]}.ipynb"
    closure = {path.relative_to(ROOT).as_posix() for path in import_closure(ROOT / notebook, ROOT)}
    wanted = (
        closure | {notebook, "requirements.lock"} | ({"requirements-v2.lock"} if stage.startswith("v2_") else set())
    )
    watched = {dep for dep in STAGES[stage]["deps"] if dep.startswith(("vasolib/", "notebooks/", "requirements"))}
    missing, superfluous = sorted(wanted - watched), sorted(watched - wanted)
    assert not missing and not superfluous, f"stage {stage}: add {missing}, remove {superfluous}"


def test_no_module_imports_relatively():
    # `imported_names` reads dotted names only, so a relative import would be missed.
    relative = [p.name for p in (ROOT / "vasolib").rglob("*.py") if "\nfrom ." in p.read_text(encoding="utf-8")]
    assert relative == []
