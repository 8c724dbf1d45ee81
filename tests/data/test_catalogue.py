"""The catalogue of public data sets: whole, of the papers' counts, and refused with its field where it is not."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from vasolib.data.catalogue import CATALOGUE, OWN, entry_of, read_catalogue
from vasolib.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "paper" / "published.csv"
GOOD = {
    "title": "A set", "about": "Frames.", "kinds": ["boxes"], "licence": "none stated", "citation": "A, 2020",
    "home": "https://a.org/x", "layout": "A folder.", "steps": ["Ask."], "expected": {"train": 3}, "patients": 2,
    "unconfirmed": [], "roles": {"v1": "none", "v2": "pre-training"},
    "downloads": [{"file": "a.zip", "url": "https://a.org/a.zip", "megabytes": 1, "checksum": "md5:" + "0" * 32}],
}  # fmt: skip
DOWNLOAD = GOOD["downloads"][0]


def test_every_set_of_the_papers_is_there():
    names = {"arcade", "cadica", "stenosis", "syntax", "xcad", "coronary_dominance", "xcav", "caxf", "dca1", "xa170k"}
    assert read_catalogue().keys() == names


def test_counts_are_those_of_the_first_papers_table():
    table = pd.read_csv(PUBLISHED).query("paper == 'v1' and table_or_figure == 'Table 1'")
    counts = table.set_index(["setting", "dataset", "metric"])["value"].astype(int)
    found = {entry.title.split()[0].lower(): entry.expected for entry in read_catalogue().values()}
    trained = counts["usage=pre-training"].droplevel("metric")
    alone = found["arcade"]["syntax/train"] + found["arcade"]["stenosis/train"]
    parts = {"ARCADE": alone} | {n: found[n.lower()]["train"] for n in ("Stenosis", "SYNTAX", "XCAD")}
    parts["CADICA"] = found["cadica"]["selected"]
    assert parts == trained.drop("Total").to_dict() and sum(parts.values()) == trained["Total"]
    labelled = counts["usage=vessel segmentation"]
    for name in ("XCAV", "CAXF"):
        expected = found[name.lower()]
        assert labelled[name].to_dict() == {"n_train_images": expected["train"], "n_test_images": expected["test"]}
    of_arcade = {"n_train_images": found["arcade"]["syntax/val"], "n_test_images": found["arcade"]["syntax/test"]}
    assert labelled["ARCADE"].to_dict() == of_arcade


def test_the_second_papers_corpus_is_the_sum_of_its_sources():
    found = read_catalogue()
    corpus = found["xa170k"].expected
    assert sum(corpus.values()) == 171_478  # and not the 177,478 of a summary
    assert corpus["cadica"] == found["cadica"].expected["selected"]
    assert corpus["syntax"] == found["syntax"].expected["train"]
    assert corpus["xcad"] == found["xcad"].expected["train"]
    assert corpus["coronarydominance"] == sum(found["coronary_dominance"].expected.values())


def test_patients_are_those_that_the_papers_state():
    found = {name: entry.patients for name, entry in read_catalogue().items() if entry.patients}
    assert found == {"cadica": 42, "stenosis": 100, "syntax": 231}


def test_ones_own_dicom_files_are_known_beside_the_published_sets():
    assert entry_of("dicom") is OWN and "dicom" not in read_catalogue()


def test_a_misspelt_name_brings_the_nearest():
    assert entry_of("xcav").expected == {"train": 175, "test": 46}
    with pytest.raises(UserError, match=r"no data set 'arcad' .* did you mean 'arcade'"):
        entry_of("arcad")


def written(folder: Path, name: str, **fields: object) -> Path:
    """A catalogue of one entry that is good but for the given fields; None leaves one out."""
    entry = {field: value for field, value in (GOOD | fields).items() if value is not None}
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump({name: entry}), encoding="utf-8")
    return path


def test_a_good_entry_is_read(tmp_path: Path):
    entry = read_catalogue(written(tmp_path, "a_set"))["a_set"]
    assert entry.downloads[0].source == "https://a.org/a.zip" and entry.kinds == ("boxes",)
    hub = {"file": "a.7z", "repo": "me/set", "revision": "main"}
    entry = read_catalogue(written(tmp_path, "a_set", downloads=[hub]))["a_set"]
    assert entry.downloads[0].source == "https://huggingface.co/datasets/me/set/resolve/main/a.7z"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"licence": None}, "a_set.licence is None, expected it"),
        ({"license": "MIT"}, "a_set.license is 'MIT', expected no such field"),
        ({"title": ""}, "a_set.title is ''"),
        ({"steps": []}, "a_set.steps"),
        ({"steps": [1]}, r"a_set.steps is \[1\], expected a list of texts"),
        ({"kinds": ["masks"]}, "expected some of boxes, segments, stenoses, vessels"),
        ({"home": "a.org"}, "a_set.home is 'a.org', expected a link"),
        ({"expected": {"train": "many"}}, "a_set.expected"),
        ({"expected": {"train": True}}, "a_set.expected"),
        ({"expected": {}}, "a_set.expected"),
        ({"patients": None}, "a_set.patients is None, expected it"),
        ({"patients": "some"}, "a_set.patients is 'some', expected a whole number, 0 if unknown"),
        ({"patients": True}, "a_set.patients"),
        ({"patients": -1}, "a_set.patients"),
        ({"roles": {"v1": "none"}}, "a_set.roles"),
        ({"downloads": {}}, "a_set.downloads is {}, expected a list"),
        ({"downloads": [DOWNLOAD | {"sha": "1"}]}, "a_set.downloads"),
        ({"downloads": [DOWNLOAD | {"file": "../a.zip"}]}, "a_set.downloads.file"),
        ({"downloads": [DOWNLOAD | {"url": ""}]}, "either a url or a repo"),
        ({"downloads": [DOWNLOAD | {"repo": "me/set"}]}, "either a url or a repo"),
        ({"downloads": [{"file": "a.zip", "repo": "me/set"}]}, "a revision for a repo"),
        ({"downloads": [DOWNLOAD | {"url": "file:///etc/passwd"}]}, "a_set.downloads.url"),
        ({"downloads": [DOWNLOAD | {"checksum": "0" * 64}]}, "a_set.downloads.checksum"),
        ({"downloads": [DOWNLOAD | {"checksum": "sha256:" + "0" * 32}]}, "a_set.downloads.checksum"),
        ({"downloads": [DOWNLOAD | {"megabytes": -1}]}, "a_set.downloads.megabytes"),
    ],
)
def test_a_bad_entry_is_refused_with_its_field(tmp_path: Path, fields: dict, message: str):
    with pytest.raises(UserError, match=message):
        read_catalogue(written(tmp_path, "a_set", **fields))


@pytest.mark.parametrize("text", ["", "- a\n", "a: {b", "A Set: {}\n", "a: 1\n"])
def test_a_damaged_catalogue_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"catalogue\.yaml"):
        read_catalogue(path)


def test_no_checksum_stands_there_without_a_word_on_its_source():
    for entry in read_catalogue(CATALOGUE).values():
        if any(one.checksum for one in entry.downloads):
            assert any("hecksum" in note and "torch-em" in note for note in entry.unconfirmed), entry.name


def test_the_page_on_data_says_the_same():
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:2] == "| "]
    expected = []
    for name, entry in read_catalogue().items():
        how = "program" if entry.downloads else "by hand"
        count, kinds = str(sum(entry.expected.values())), ", ".join(entry.kinds) or "-"
        expected.append([name, entry.title, count, kinds, how, entry.licence])
    assert [row for row in rows if len(row) == 6][1:] == expected
