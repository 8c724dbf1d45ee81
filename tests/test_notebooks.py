"""The contract of every notebook: no outputs, one order of cells, and short ones."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_CELLS, MAX_LINES, MAX_CELL_LINES = 15, 100, 15
GUARDS = {  # the check of what was made: who makes it, what it is called, who keeps it
    "check_found": ("extract_to", "found", "put"),
    "check_sighted": ("fit", "segmentor", "save_weights"),
}
GUARDED = {
    "20_anatomy": {"check_found"},
    "30_segmentor": {"check_sighted"},
    "v2_20_anatomy": {"check_found", "check_sighted"},
}
pytestmark = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def lines(source: str) -> list[str]:
    return [line for line in source.splitlines() if line.strip()]


def imports(source: str) -> bool:
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(source)))


def always(body: list[ast.stmt]) -> list[ast.Call]:
    """Calls that are a statement of their own, at the top or for each of something, under no condition."""
    found = [node.value for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return found + [call for node in body if isinstance(node, ast.For) for call in always(node.body)]


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


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
    given = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.parse(imported.source).body
        for alias in node.names
    }  # fmt: skip
    used = {name for cell in rest for name in names(ast.parse(cell.source))}
    assert given <= used, sorted(given - used)


def test_what_was_made_is_checked_before_it_is_kept(path: Path):
    tree = ast.parse("\n".join(cell.source for cell in code_cells(path)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = {ast.unparse(call.func): call for call in always(tree.body) if ast.unparse(call.func) in GUARDS}
    assert checks.keys() == GUARDED.get(path.stem, set())
    for guard, check in checks.items():
        maker, made, keeper = GUARDS[guard]
        assert made in names(check.args[0])
        made_at, kept_at = ([c.lineno for c in calls if ast.unparse(c.func) == who] for who in (maker, keeper))
        assert max(made_at) < check.lineno < min(kept_at), guard
