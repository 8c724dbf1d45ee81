"""Which of our own modules a notebook's code reaches: what DVC must watch and a resumed run must match."""

__all__ = ["code_of", "import_closure"]

import ast
import json
from pathlib import Path

from vasolib.files import digest


def imported_names(source: str) -> set[str]:
    """Dotted names of everything under `vasolib` that Python source imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == "vasolib"}


def module_files(name: str, root: Path) -> set[Path]:
    """The files that importing a dotted name runs: its own and those of the packages above it."""
    parts, files = name.split("."), set()
    for end in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:end])
        files |= {path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()}
    return files


def import_closure(notebook: Path, root: Path) -> list[Path]:
    """Files of `vasolib` that a notebook imports, directly or through others, sorted; below the folder `root`."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    found: set[Path] = set()
    waiting = imported_names(source)
    while waiting:
        new = module_files(waiting.pop(), root) - found
        found |= new
        for path in new:
            waiting |= imported_names(path.read_text(encoding="utf-8"))
    return sorted(found)


def code_of(notebook: str, root: Path) -> str:
    """Digest of a notebook and its import closure, for names of unfinished work."""
    path = root / "notebooks" / f"{notebook}.ipynb"
    return digest(path, *import_closure(path, root))
