"""Executed notebooks as they are kept: what differs between equal runs is gone, and pages fetch nothing."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from vasolib.pages import publish


def executed(path: Path, seconds: float, pieces: tuple[str, ...], drawn: str) -> Path:
    """A notebook as papermill leaves it, its one stream cut into pieces by the clock."""
    outputs = [new_output("stream", name="stdout", text=text) for text in pieces]
    outputs.append(new_output("stream", name="stderr", text="loud\n"))
    cells = [
        new_markdown_cell("# $x^2$", id="t-00"),
        new_code_cell("arm = 1", id=drawn, metadata={"tags": ["injected-parameters"]}),
        new_code_cell("print()", id="t-01", outputs=outputs, metadata={"papermill": {"duration": seconds}}),
    ]
    cells[2].metadata["execution"] = {"iopub.status.busy": str(seconds)}
    nbformat.write(new_notebook(cells=cells, metadata={"papermill": {"duration": seconds}}), path)
    return path


def test_equal_runs_are_equal_bytes(tmp_path: Path):
    found = []
    for number, pieces in enumerate([("a\nb\n",), ("a\n", "b", "\n")]):
        path = executed(tmp_path / "n.ipynb", 1.0 + number, pieces, f"drawn{number}")
        publish(path)
        found.append((path.read_bytes(), path.with_suffix(".html").read_bytes()))
    assert found[0] == found[1]
    kept = nbformat.read(path, as_version=4)
    assert [(o.name, o.text) for o in kept.cells[2].outputs] == [("stdout", "a\nb\n"), ("stderr", "loud\n")]
    assert "papermill" not in kept.metadata and kept.cells[1].id == "injected-parameters"


def test_the_page_fetches_no_script(tmp_path: Path):
    publish(executed(tmp_path / "n.ipynb", 1.0, ("a",), "drawn"))
    page = (tmp_path / "n.html").read_text(encoding="utf-8")
    assert "loud" in page and "<script src" not in page and "cdn" not in page.lower()


def test_a_damaged_notebook_leaves_no_page(tmp_path: Path):
    (tmp_path / "n.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="JSON"):
        publish(tmp_path / "n.ipynb")
    assert not (tmp_path / "n.html").exists()
