"""XA-170K: sources told by folders, else by names; filters' masks passed over."""

import pytest

from tests.data.importers.layouts import Known, frame, imported, save, table, vessel
from vasolib.data.importers import check_set
from vasolib.errors import UserError

NAMES = {"cadica": "p3_v2_00012", "syntax": "12_a", "xcad": "00012_33", "CoronaryDominance": "s1"}


@pytest.fixture
def corpus(tmp_path):
    for source, name in NAMES.items():
        save(tmp_path / "xa/dataset" / source / f"{name}.png", frame())
        for filtered in ("frangi", "filter_92"):
            save(tmp_path / "xa/dataset" / f"{source}_{filtered}" / f"{name}.png", vessel())
    return tmp_path / "xa"


def test_sources_by_folder(corpus, tmp_path):
    assert imported("xa170k", corpus, tmp_path / "data")["xa170k"].images == 4
    rows = table(tmp_path / "data/xa170k").set_index("id")
    assert set(rows.index) == {"cadica-p3_v2_00012", "syntax-12-a", "xcad-00012-33", "coronarydominance-s1"}
    assert (rows.patient["cadica-p3_v2_00012"], rows.cine["cadica-p3_v2_00012"]) == ("cadica-p3", "cadica-p3_v2")
    assert set(rows.patient.drop("cadica-p3_v2_00012")) == {""} and set(rows.split) == {"unlabelled"}
    expected = {"cadica": 1, "syntax": 1, "xcad": 2, "coronarydominance": 1}
    assert check_set("xa170k", corpus, Known(expected=expected)) == ["xcad: 1 usable images, expected 2"]


def test_sources_by_name_and_images_of_none(tmp_path):
    for name in ("xcad_1", "syntax7", "other"):
        save(tmp_path / "flat" / f"{name}.png", frame())
    lines = check_set("xa170k", tmp_path / "flat", Known(expected={"xcad": 1, "syntax": 3}))
    assert lines == ["all parts: 3 usable images, expected 4"]


def test_splits_are_said_to_be_read_alike(corpus, tmp_path):
    save(corpus / "dataset/xcad/test/1.png", frame())
    (line,) = check_set("xa170k", corpus, Known())
    assert line.startswith("xa170k: the images in test are all read alike, as unlabelled")


def test_another_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no image, expected XA-170K as published"):
        imported("xa170k", tmp_path, tmp_path / "data")
