import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vasolib import report
from vasolib.errors import UserError

FACTS = {
    "run": "laptop",
    "scale": "tiny",
    "data": "drawn <frames>",
    "fine-tuning seeds": "0, 1, 2",
    "parameters": "abc123",
    "device": "cpu",
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
README = "# Title\n\n<!-- results:begin -->\nold\n<!-- results:end -->\n\nThe end.\n"


@pytest.fixture
def made(tmp_path) -> tuple[Path, Path]:
    """Folders results/laptop and figures/laptop with every file of the report."""
    results, figures = tmp_path / "results" / "laptop", tmp_path / "figures" / "laptop"
    results.mkdir(parents=True)
    figures.mkdir(parents=True)
    beside = pd.DataFrame(
        {
            "method": ["full"], "dataset": ["synth-a"], "metric": ["DSC"], "published_dataset": ["ARCADE"],
            "published": [68.85], "published_sd": [0.47], "mean": [57.62], "sd": [0.41], "n": [3],
            "difference": [57.62 - 68.85],
        }
    )  # fmt: skip
    plain = pd.DataFrame({"name": ["NA", "b<i>"], "value": [0.25, 0.75]})
    for number, item in enumerate(report.ITEMS):
        if item.kind == "table":
            table = beside if item.file in ("table2.csv", "table3.csv") else plain
            table.to_csv(results / item.file, index=False)
        elif item.file.endswith("svg"):
            (figures / item.file).write_text(f"{SVG}<!-- {item.file} -->")
        else:
            Image.new("RGB", (40 + number, 30), (200, 10 * number, 20)).save(figures / item.file)
    (results / "run.json").write_text(json.dumps(FACTS))
    return results, figures


def test_items_are_named_once_and_come_from_a_notebook():
    assert len({item.file for item in report.ITEMS}) == len(report.ITEMS)
    for item in report.ITEMS:
        assert item.kind == ("table" if item.file.endswith(".csv") else "figure")
        assert re.fullmatch(r"\d0_[a-z]+", item.notebook)


def test_the_report_shows_every_item_in_order_with_its_provenance(made):
    page = report.build_report(*made, FACTS)
    places = [page.index(f"<h2>{item.title}</h2>") for item in report.ITEMS]
    assert places == sorted(places)
    for item in report.ITEMS:
        line = f"notebook {item.notebook} · parameters abc123 · data drawn &lt;frames&gt; · scale tiny"
        assert f"{line} · fine-tuning seeds 0, 1, 2" in page
    for number in ("57.62 ± 0.41 (3)", "68.85 ± 0.47", "−11.23", "0.2500", "b&lt;i&gt;", "<dd>cpu</dd>"):
        assert number in page
    assert '<th scope="row">NA</th>' in page


def test_the_report_needs_nothing_else(made):
    page = report.build_report(*made, FACTS)
    assert "<script" not in page and "<link" not in page and "http" not in page
    assert all(reference.startswith(("#", "data:")) for reference in re.findall(r'(?:src|href)="([^"]*)"', page))
    shown = [base64.b64decode(content) for content in re.findall(r'src="data:image/[a-z+]+;base64,([^"]+)"', page)]
    files = [made[1] / item.file for item in report.ITEMS if item.kind == "figure"]
    for content, path in zip(shown, files, strict=True):
        if path.suffix == ".svg":
            assert content == path.read_bytes()
        else:
            assert same_picture(Image.open(io.BytesIO(content)), Image.open(path))


def same_picture(one: Image.Image, other: Image.Image) -> bool:
    """Of one size, and nowhere more than a few grey levels apart."""
    pixels = [np.asarray(picture.convert("RGB")).astype(int) for picture in (one, other)]
    return pixels[0].shape == pixels[1].shape and np.abs(pixels[0] - pixels[1]).max() < 8


@pytest.mark.parametrize("item", report.ITEMS, ids=lambda item: item.file)
def test_a_missing_file_is_named_with_its_notebook(made, item):
    ((made[0] if item.kind == "table" else made[1]) / item.file).unlink()
    with pytest.raises(UserError, match=rf"{re.escape(item.file)} is missing: run notebook {item.notebook}"):
        report.build_report(*made, FACTS)


def test_facts_without_a_hash_are_refused(made):
    with pytest.raises(UserError, match="parameters"):
        report.build_report(*made, {k: v for k, v in FACTS.items() if k != "parameters"})


def test_the_readme_gets_tables_facts_and_figures(made, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(README)
    report.update_readme(readme, *made)
    text = readme.read_text()
    assert text.startswith("# Title\n\n") and text.endswith("<!-- results:end -->\n\nThe end.\n") and "old" not in text
    assert report.markdown_tables(made[0]) in text
    assert "Run laptop: parameters abc123; data drawn <frames>; scale tiny; fine-tuning seeds 0, 1, 2." in text
    for file in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text):
        assert (tmp_path / file).is_file()
    assert "(figures/laptop/fig3a.svg)" in text and "(figures/laptop/fig4.png)" in text
    report.update_readme(readme, *made)
    assert readme.read_text() == text


@pytest.mark.parametrize("text", ["none", "<!-- results:begin -->", "<!-- results:end --> <!-- results:begin -->"])
def test_a_readme_without_markers_is_left_alone(made, tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(UserError, match="results:begin"):
        report.update_readme(readme, *made)
    assert readme.read_text() == text


def test_the_command_refreshes_the_readme_or_says_why_not(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text(README)
    assert report.main([]) == 0 and "57.62 ± 0.41 (3)" in (tmp_path / "README.md").read_text()
    assert report.main(["--run", "absent"]) == 1
    message = capsys.readouterr().err
    assert "run.json is missing" in message and message.count("\n") == 1
