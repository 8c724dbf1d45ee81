"""Executed notebooks as they are kept: without what differs between equal runs, and as a page beside."""

__all__ = ["publish"]

from pathlib import Path

from vasolib.files import atomic, write_text

PAGE = "{% extends 'index.html.j2' %}" + "".join(  # without the scripts that a browser would fetch: no page needs them
    f"{{% block {name} %}}{{% endblock %}}"
    for name in ("html_head_js", "html_head_js_mathjax", "html_head_js_mermaidjs")
)


def publish(output: Path) -> None:
    """Strip what differs between equal runs (timings, a drawn id, where output was cut); write the HTML beside it."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(output, as_version=4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    with atomic(output) as temporary:
        nbformat.write(notebook, temporary)
    write_text(
        output.with_suffix(".html"), HTMLExporter(embed_images=True, raw_template=PAGE).from_notebook_node(notebook)[0]
    )


def joined(outputs: list) -> list:
    """Outputs of a cell with neighbouring pieces of one stream as one: kernels cut what is printed by the clock."""
    whole = []
    for output in outputs:
        if whole and output.output_type == "stream" and output.get("name") == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole
