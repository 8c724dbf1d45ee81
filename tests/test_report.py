import base64
import html
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
from vasolib.report_items import GROUPS, OPENING, Item
from vasolib.report_tables import SYMBOLS
from vasolib.report_template import PAGE

FACTS = {
    "run": "laptop",
    "scale": "tiny",
    "data": "drawn <frames>",
    "fine-tuning seeds": "0, 1, 2",
    "parameters": "abc123",
    "machine time": "73 min over 18 notebooks",
    "device": "cpu",
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg"\n  width="9" height="9"/>'
README = "# Title\n\n<!-- results:begin -->\nstale lines\n<!-- results:end -->\n\nThe end.\n"


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
    verdicts = ["reproduced", "inconclusive", "reproduced"]
    ledger = pd.DataFrame({"claim": [1, 2, 3], "text": "It <helps>", "verdict": verdicts, "held": "2 of 2"})
    tables = {"table2.csv": beside, "table3.csv": beside, "verdicts.csv": ledger}
    for number, item in enumerate(report.ITEMS):
        if item.kind == "table":
            tables.get(item.file, plain).to_csv(results / item.file, index=False)
        elif item.kind == "text":
            (results / item.file).write_text("Effects above <1> point.\n")
        elif item.file.endswith("svg"):
            (figures / item.file).write_text(f"{SVG}<!-- {item.file} -->")
        else:
            Image.new("RGB", (40 + number, 30), (200, 10 * number, 20)).save(figures / item.file)
    (results / "run.json").write_text(json.dumps(FACTS))
    return results, figures


def shown() -> list[Item]:
    """What the page shows, in its order: Table 2 at the top and once more in full."""
    return [*OPENING, *(item for items in GROUPS.values() for item in items)]


def test_items_are_named_once_and_come_from_a_notebook():
    assert len({item.file for item in report.ITEMS}) == len(report.ITEMS)
    assert {item.file for item in shown()} == {item.file for item in report.ITEMS} and len(shown()) == len(
        report.ITEMS
    ) + 1
    assert len({item.title for item in shown()}) == len(shown())
    for item in report.ITEMS:
        assert item.kind == {"csv": "table", "txt": "text"}.get(item.file.split(".")[1], "figure")
        assert item.folder == ("figures" if item.kind == "figure" else "results")
        assert re.fullmatch(r"\d\d_[a-z]+", item.notebook)


def test_the_report_shows_every_item_in_order_with_its_provenance(made):
    page = report.build_report(*made, FACTS)
    heads = [f"<h{2 if item in OPENING else 3}>{html.escape(item.title)}</h" for item in shown()]
    places = [page.index(head) for head in heads]
    assert places == sorted(places)
    for item in report.ITEMS:
        line = f"notebook {item.notebook} · parameters abc123 · data drawn &lt;frames&gt; · scale tiny"
        assert f"{line} · fine-tuning seeds 0, 1, 2" in page
    for number in ("57.62 ± 0.41 (3)", "68.85 ± 0.47", "−11.23", "0.2500", "b&lt;i&gt;", "<dd>cpu</dd>"):
        assert number in page
    assert '<th scope="row" class="words">NA</th>' in page


def test_the_opening_is_all_that_is_open(made):
    page = report.build_report(*made, FACTS)
    opening, rest = page.split("</main>")
    assert [opening.count(word) for word in ("<h2>", "<details", "<img", "<table>")] == [len(OPENING), 0, 1, 2]
    assert rest.count("<details") == rest.count("<summary>") == len(shown()) - len(OPENING) + 1
    assert "<details open" not in page
    assert "Run laptop: parameters abc123; data drawn &lt;frames&gt;; scale tiny" in opening
    assert "73 min over 18 notebooks" in opening
    assert '<td class="start best">57.62 ± 0.41</td><td class="published best">68.85 ± 0.47</td>' in opening
    for text in (
        "✓ 2 reproduced",
        "✗ 0 not reproduced",
        "? 1 inconclusive",
        "It &lt;helps&gt;",
        "above &lt;1&gt; point",
    ):
        assert text in opening
    assert "not tested" not in opening


def test_no_anchor_is_there_twice(made):
    anchors = re.findall(r' id="([^"]+)"', report.build_report(*made, FACTS))
    assert len(set(anchors)) == len(anchors) == len(shown())


def test_every_class_of_a_verdict_has_a_look():
    for verdict in SYMBOLS:
        assert f".{verdict.replace(' ', '-')}" in PAGE


def test_the_report_needs_nothing_else(made):
    page = report.build_report(*made, FACTS)
    assert "<script" not in page and "<link" not in page and "http" not in page
    assert all(reference.startswith(("#", "data:")) for reference in re.findall(r'(?:src|href)="([^"]*)"', page))
    pictures = [base64.b64decode(content) for content in re.findall(r'src="data:image/[a-z+]+;base64,([^"]+)"', page)]
    files = [made[1] / item.file for item in shown() if item.kind == "figure"]
    for content, path in zip(pictures, files, strict=True):
        if path.suffix == ".svg":
            assert content.decode() == " ".join(path.read_text().split())
        else:
            assert same_picture(Image.open(io.BytesIO(content)), Image.open(path))


def same_picture(one: Image.Image, other: Image.Image) -> bool:
    """Of one size, and nowhere more than a few grey levels apart."""
    pixels = [np.asarray(picture.convert("RGB")).astype(int) for picture in (one, other)]
    return pixels[0].shape == pixels[1].shape and np.abs(pixels[0] - pixels[1]).max() < 8


@pytest.mark.parametrize("item", report.ITEMS, ids=lambda item: item.file)
def test_a_missing_file_is_named_with_its_notebook(made, item):
    (made[item.folder == "figures"] / item.file).unlink()
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
    assert (
        text.startswith("# Title\n\n") and text.endswith("<!-- results:end -->\n\nThe end.\n") and "stale" not in text
    )
    assert (
        "| full | **57.62 ± 0.41** | **68.85 ± 0.47** |" in text
        and "| 2 | It <helps> | ? inconclusive | 2 of 2 |" in text
    )
    assert "✓ 2 reproduced, ✗ 0 not reproduced, ? 1 inconclusive\n" in text and "Effects above <1> point." in text
    assert "Run laptop: parameters abc123; data drawn <frames>; scale tiny; fine-tuning seeds 0, 1, 2; 73 min" in text
    links = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert links == [f"figures/laptop/{name}" for name in ("fig3a.svg", "fig4.png", "claims.svg")]
    assert all((tmp_path / link).is_file() for link in links)
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
    assert report.main([]) == 0 and "57.62 ± 0.41" in (tmp_path / "README.md").read_text()
    assert report.main(["--run", "absent"]) == 1
    message = capsys.readouterr().err
    assert "run.json is missing" in message and message.count("\n") == 1
