"""The contract of every notebook: no outputs, one order of cells, and short ones."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_CELLS, MAX_LINES, MAX_CELL_LINES = 15, 100, 15
pytestmark = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def lines(source: str) -> list[str]:
    return [line for line in source.splitlines() if line.strip()]


def imports(source: str) -> bool:
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(source)))


def test_it_is_valid_and_for_the_kernel_python3(path: Path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert re.fullmatch(r"(v2_)?\d[05]_[a-z]+", path.stem)


def test_it_is_stripped(path: Path):
    for cell in code_cells(path):
        assert cell.outputs == [] and cell.execution_count is None, cell.id
    tags = {key for cell in read(path).cells for key in cell.metadata}
    assert tags == {"tags"}


def test_cells_have_unique_ids_in_order(path: Path):
    ids = [cell.id for cell in read(path).cells]
    assert all(re.fullmatch(rf"{path.stem.rpartition('_')[0]}-\d\d", name) for name in ids)
    assert ids == sorted(set(ids))


def test_it_opens_with_title_question_and_cost(path: Path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# \S", first.source)
    for part in ("**Question.**", "**Cost.**"):
        assert first.source.count(part) == 1
    assert first.source.index("**Question.**") < first.source.index("**Cost.**")
    assert "?" in first.source.split("**Question.**")[1].split("\n\n")[0]


def test_parameters_come_second_and_all_imports_third(path: Path):
    _, parameters, imported, *rest = read(path).cells
    assert parameters.metadata == {"tags": ["parameters"]} and parameters.cell_type == "code"
    assert re.fullmatch(r'(\w+ = "\w+"\n?)+', parameters.source)
    assert imported.cell_type == "code" and imports(imported.source)
    assert all(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(imported.source).body)
    for cell in rest:
        assert "parameters" not in cell.metadata.get("tags", [])
        assert cell.cell_type == "markdown" or not imports(cell.source), cell.id


def test_it_is_short(path: Path):
    cells = code_cells(path)
    assert len(cells) <= MAX_CELLS
    del cells[1]  # the imports
    assert sum(len(lines(cell.source)) for cell in cells) <= MAX_LINES
    for cell in cells:
        assert 0 < len(lines(cell.source)) <= MAX_CELL_LINES, cell.id


def test_it_defines_no_class_and_needs_no_magic(path: Path):
    for cell in code_cells(path):
        tree = ast.parse(cell.source)  # a magic or shell line is no Python
        assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree)), cell.id


def test_every_name_that_is_imported_is_used(path: Path):
    imported, *rest = code_cells(path)[1:]
    names = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.parse(imported.source).body
        for alias in node.names
    }  # fmt: skip
    used = {n.id for cell in rest for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name)}
    assert names <= used, sorted(names - used)
