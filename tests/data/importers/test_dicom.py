"""DICOM: photometric interpretation, window, frames, and names that do not show."""

import sys
import tracemalloc
import zlib

import numpy as np
import pytest

from tests.data.importers.layouts import frame, imported, pixels, save, table, write
from vasolib.data.importers.dicom import frames_of_dicom, plan_dicom
from vasolib.data.left_out import BadFile, LeftOut
from vasolib.errors import UserError

CINE = frame(1, (3, 20, 24))


def dicom(path, values=CINE, patient="DOE^JANE", photometric="MONOCHROME2", **fields):
    """A file as an angiography system writes it, uncompressed."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, XRayAngiographicImageStorage
    one = pydicom.Dataset()
    one.file_meta, one.SOPClassUID = meta, XRayAngiographicImageStorage
    one.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = f"1.2.3.{zlib.crc32(path.name.encode())}"
    one.PatientID = patient
    colours = values.shape[-1] == 3
    one.Rows, one.Columns = values.shape[-3:-1] if colours else values.shape[-2:]
    if values.ndim - colours == 3:
        one.NumberOfFrames = len(values)
    one.SamplesPerPixel, one.PhotometricInterpretation = (3, "RGB") if colours else (1, photometric)
    if colours:
        one.PlanarConfiguration = 0
    one.BitsAllocated = one.BitsStored = 8 * values.itemsize
    one.HighBit, one.PixelRepresentation = one.BitsStored - 1, 0
    one.PixelData = values.tobytes()
    for name, value in fields.items():
        setattr(one, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    one.save_as(path, enforce_file_format=True)
    return path


def test_frames_with_hashed_patient_and_cine(tmp_path):
    dicom(tmp_path / "study/IM0001")  # without suffix, as on discs
    dicom(tmp_path / "study/b.dcm", CINE[0], patient="ROE^JOHN")
    save(tmp_path / "study/c.png", frame())
    summary = imported("dicom", tmp_path / "study", tmp_path / "data")["dicom"]
    assert (summary.images, summary.patients, summary.splits) == (4, 2, {"unlabelled": 4})
    rows = table(tmp_path / "data/dicom")
    assert rows.cine.nunique() == 2 and all(one.startswith(f"{rows.patient[0]}_") for one in rows.id[:3])
    np.testing.assert_array_equal(pixels(tmp_path / "data/dicom", "images", rows.id[1]), CINE[1])
    written = "".join(path.read_text() for path in (tmp_path / "data/dicom").glob("*.*"))
    assert "DOE" not in written and "ROE" not in written


def test_an_import_of_the_same_files_stays_and_one_of_others_is_refused(tmp_path, capsys):
    dicom(tmp_path / "study/a.dcm")
    write(tmp_path / "study/b.dcm", "is left out")
    for number in range(4):
        dicom(tmp_path / f"study/{number}.dcm")
    assert imported("dicom", tmp_path / "study", tmp_path / "data")["dicom"].left_out == 1
    assert imported("dicom", tmp_path / "study", tmp_path / "data") == {}
    assert "dicom: is in" in capsys.readouterr().out
    dicom(tmp_path / "study/c.dcm")
    with pytest.raises(UserError, match="dicom is there already: remove it"):
        imported("dicom", tmp_path / "study", tmp_path / "data")


def test_monochrome1_is_inverted(tmp_path):
    np.testing.assert_array_equal(frames_of_dicom(dicom(tmp_path / "a", photometric="MONOCHROME1"))[2], 255 - CINE)


def test_a_window_cuts_and_stretches(tmp_path):
    ramp = np.tile(np.arange(0, 2400, 100, dtype=np.uint16), (20, 1))
    path = dicom(tmp_path / "a", ramp, WindowCenter=1000, WindowWidth=801)
    shown = frames_of_dicom(path)[2][0, 0].astype(int)  # from 599.5 to 1399.5
    assert (shown[:6] == 0).all() and (shown[14:] == 255).all() and (np.diff(shown[6:15]) > 0).all()
    assert abs(shown[10] - 127.5) < 1


def test_deep_values_are_stretched_over_the_cine(tmp_path):
    deep = np.stack([np.full((20, 24), value, np.uint16) for value in (100, 600, 1100)])
    assert frames_of_dicom(dicom(tmp_path / "a", deep))[2][:, 0, 0].tolist() == [0, 128, 255]


def test_colours_become_luminance(tmp_path):
    red = np.zeros((20, 24, 3), np.uint8)
    red[..., 0] = 200
    assert np.unique(frames_of_dicom(dicom(tmp_path / "a", red))[2]).tolist() == [60]


def test_deep_colours_are_stretched_too(tmp_path):
    deep = np.repeat(CINE.astype(np.uint16)[..., None] * 200, 3, axis=-1)
    low, high = float(deep.min()), float(deep.max())
    np.testing.assert_array_equal(
        frames_of_dicom(dicom(tmp_path / "a", deep))[2], np.rint((deep[..., 0] - low) / (high - low) * 255)
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"RescaleSlope": "1e400", "RescaleIntercept": 0}, "has values from nan to nan, expected an image"),
        ({"RescaleSlope": "1e308", "RescaleIntercept": 0}, "has values from 0.0 to inf, expected an image"),
        ({"NumberOfFrames": 2**31 - 1}, r"claims \d+ bytes of pixels, expected at most 4294967296"),
        ({"Rows": 0}, "cannot be decoded .*, expected a whole DICOM file"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, fields, says):
    with pytest.raises(BadFile, match=says):
        frames_of_dicom(dicom(tmp_path / "a", **fields))


def test_a_file_cut_short_costs_itself_only(tmp_path):
    for number in range(6):
        dicom(tmp_path / f"study/{number}.dcm")
    path = tmp_path / "study/2.dcm"
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(BadFile, match="cannot be decoded"):
        frames_of_dicom(path)
    summary = imported("dicom", tmp_path / "study", tmp_path / "data")["dicom"]
    assert (summary.images, summary.left_out) == (15, 1)


@pytest.mark.parametrize("name", ["1.3.12.2.1107.5.4.5.154138.30000018", "XA.1.2.840.113619.2", "IM0001.001", "b.DCM"])
def test_the_first_bytes_and_not_the_name_decide(tmp_path, name):
    dicom(tmp_path / "study" / name)
    write(tmp_path / "study/autorun.inf", "[autorun]")
    (summary,) = imported("dicom", tmp_path / "study", tmp_path / "data").values()
    assert (summary.images, summary.left_out) == (3, 0)


@pytest.mark.parametrize("start", [132, -1])
def test_a_file_without_the_part_in_front_is_read(tmp_path, start):
    data = dicom(tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(data[start if start > 0 else data.index(b"\x08\0\x16\0") :])
    np.testing.assert_array_equal(frames_of_dicom(tmp_path / "a.dcm")[2], CINE)
    (tmp_path / "a.dcm").write_bytes(b"\x08\0" + bytes(200))
    with pytest.raises(BadFile, match="has no DICOM header"):
        frames_of_dicom(tmp_path / "a.dcm")


def changed(path, remove=(), **fields):
    """A file of a frame as something else: without some elements, and with a kind or a compression of its own."""
    pydicom = pytest.importorskip("pydicom")
    one = pydicom.dcmread(dicom(path))
    for name in remove:
        delattr(one, name)
    for name, value in fields.items():
        setattr(one.file_meta, name, value)
    if one.file_meta.TransferSyntaxUID.is_encapsulated:
        one.PixelData = pydicom.encaps.encapsulate([b"no JPEG "])
    one.save_as(path, enforce_file_format=False)
    return path


def test_what_holds_no_image_counts_for_nothing(tmp_path):
    gone, directory, report = ("Rows", "PixelData"), "1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.88.11"
    changed(tmp_path / "disc/DICOMDIR", (*gone, "SOPClassUID"), MediaStorageSOPClassUID=directory)
    changed(tmp_path / "disc/SR1.dcm", (*gone, "SOPClassUID"), MediaStorageSOPClassUID=report)
    dicom(tmp_path / "disc/IM1")
    (summary,) = imported("dicom", tmp_path / "disc", tmp_path / "data").values()
    assert (summary.images, summary.left_out) == (3, 2)
    assert table(tmp_path / "data/dicom", "left_out").reason.str.contains("holds no image").all()
    changed(tmp_path / "disc/cut.dcm", gone)  # the pixels of an angiogram are missed
    with pytest.raises(UserError, match=r"1 unusable files, 50.*cut\.dcm cannot be decoded"):
        imported("dicom", tmp_path / "disc", tmp_path / "more")


def test_the_packages_for_a_compression_are_named(tmp_path, monkeypatch):
    path = changed(tmp_path / "a.dcm", TransferSyntaxUID="1.2.840.10008.1.2.4.70")
    decoder = sys.modules["pydicom"].pixels.get_decoder("1.2.840.10008.1.2.4.70")
    monkeypatch.setattr(type(decoder), "is_available", False)
    with pytest.raises(BadFile, match=r"is compressed by JPEG Lossless.*pip install pylibjpeg pylibjpeg-libjpeg, "):
        frames_of_dicom(path)


def test_a_long_cine_needs_a_few_bytes_a_pixel(tmp_path):
    path = dicom(tmp_path / "a", frame(1, (60, 128, 128)), photometric="MONOCHROME1", WindowCenter=99, WindowWidth=99)
    frames_of_dicom(path)  # what is imported stays
    tracemalloc.start()
    frames_of_dicom(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 60 * 128 * 128


def test_every_file_without_a_header_is_told(tmp_path):
    for number in range(9):
        dicom(tmp_path / f"study/{number}")
    (tmp_path / "study/0").write_bytes(b"")
    dicom(tmp_path / "study/cut.dcm").write_bytes(bytes(100))
    write(tmp_path / "study/VERSION", "1")
    imported("dicom", tmp_path / "study", tmp_path / "data")
    lost = table(tmp_path / "data/dicom", "left_out")
    assert list(lost.file) == ["0", "VERSION", "cut.dcm"] and lost.reason.str.contains("has no DICOM header").all()
    kinds = [one.kind for one in plan_dicom(tmp_path / "study")[0].items if isinstance(one, LeftOut)]
    assert kinds == ["ignored", "ignored", "unusable"]


def test_without_pydicom_or_files_the_remedy_is_told(tmp_path, monkeypatch):
    save(tmp_path / "set/a.png", frame())
    with pytest.raises(UserError, match="no file with the letters DICM at byte 128"):
        imported("dicom", tmp_path / "set", tmp_path / "data")
    dicom(tmp_path / "set/a.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(UserError, match=r"pip install 'vasolib\[dicom\]'"):
        imported("dicom", tmp_path / "set", tmp_path / "data")
