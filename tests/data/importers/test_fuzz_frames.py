"""Whatever bytes a video or its archive has, frames are read or it is refused by one message that names it."""

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.data.importers.test_dicom import CINE, dicom
from vasolib.data.importers.dicom import frames_of_dicom
from vasolib.data.importers.dominance import _unpacked, frames_of_npz
from vasolib.data.left_out import BadFile
from vasolib.errors import UserError

FUZZED = {"max_examples": 150, "deadline": None, "derandomize": True, "database": None}
VALUES = arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(max_dims=4, max_side=4))
WORDS = st.sampled_from([b"{'descr':", b"'<u1'", b"'|O'", b",'fortran_order':False,", b"'shape':(", b"2,3,4", b"9" * 20,
                         b")}\n", b"(" * 300, b"-1,"])  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=3)), max_size=3)


def npz(**values: np.ndarray) -> bytes:
    """A file of arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **values)
    return buffer.getvalue()


def edited(data: bytes, edits: list[tuple[float, bytes]], start: int = 0) -> bytes:
    """The same number of bytes, some of them others."""
    data = bytearray(data)
    for place, new in edits:
        at = start + int(place * (len(data) - start))
        data[at : at + len(new)] = new[: len(data) - at]
    return bytes(data)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A zip file with an array whose header is pieced together, or a member that is no array."""
    header = b"".join(draw(st.lists(WORDS | st.binary(max_size=3), max_size=9)))
    start = draw(st.sampled_from([b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little"), b"\x93NUMPY\x09\x00", b""]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(draw(st.sampled_from(["pixel_array.npy", "pixel_array", "a.npy"])), start + header + bytes(24))
    return buffer.getvalue()


def check(read: Callable[[Path], np.ndarray], path: Path, data: bytes) -> np.ndarray | None:
    """The frames of a file of these bytes, as documented; None where it is refused as documented."""
    path.write_bytes(data)
    try:
        frames = read(path)
    except BadFile as error:
        message = str(error)
    else:
        assert frames.dtype == np.uint8 and frames.ndim == 3 and frames.size
        return frames
    assert message.startswith(f"{path} ") and ", expected" in message and message.isprintable()


@settings(**FUZZED)
@given(VALUES.map(lambda values: npz(pixel_array=values)))
def test_any_array(tmp_path_factory: pytest.TempPathFactory, data: bytes):
    frames = check(frames_of_npz, tmp_path_factory.getbasetemp() / "x.npz", data)
    values = np.load(io.BytesIO(data))["pixel_array"]
    if frames is not None and values.dtype != np.uint8:
        assert (frames.min(), frames.max()) == (0, 255) and frames.size == values.size


@settings(**FUZZED)
@given(headers() | st.binary(max_size=50) | st.builds(edited, st.just(npz(pixel_array=CINE[:, :3, :3])), EDITS))
def test_any_npz_file(tmp_path_factory: pytest.TempPathFactory, data: bytes):
    check(frames_of_npz, tmp_path_factory.getbasetemp() / "x.npz", data)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, list[int]]]:
    """DICOM files and where the values of their elements begin."""
    pydicom = pytest.importorskip("pydicom")
    path = tmp_path_factory.mktemp("dicom") / "x"
    window = {"WindowCenter": 900, "WindowWidth": 700, "RescaleSlope": "1.5", "RescaleIntercept": "-20"}
    dicom(path, CINE.astype(np.uint16), **window)
    made = [path.read_bytes()]
    dicom(path, np.repeat(CINE[0][..., None], 3, axis=-1), patient=r"A\B")
    made.append(path.read_bytes())
    packed = pydicom.dcmread(dicom(path, photometric="MONOCHROME1"))
    packed.compress(pydicom.uid.RLELossless)
    packed.save_as(path)
    made.append(path.read_bytes())
    return [(data, [one.file_tell for one in pydicom.dcmread(io.BytesIO(data), defer_size=0)]) for data in made]


TEXTS = st.binary(min_size=1, max_size=4) | st.sampled_from([b"nan ", b"1e99", b"UN\0\0", b"SQ\0\0", b"\xff" * 4])


@pytest.mark.filterwarnings("error")
@settings(**FUZZED)
@given(st.data())
def test_any_dicom_file(good: list, tmp_path_factory: pytest.TempPathFactory, drawn: st.DataObject):
    data, places = drawn.draw(st.sampled_from(good))
    for place, shift, new in drawn.draw(
        st.lists(st.tuples(st.sampled_from(places), st.integers(-8, 3), TEXTS), min_size=1, max_size=2)
    ):
        data = data[: place + shift] + new + data[place + shift + len(new) :]
    data = data[: int(drawn.draw(st.just(1.0) | st.floats(0, 1)) * len(data))]
    check(lambda path: frames_of_dicom(path)[2], tmp_path_factory.getbasetemp() / "x.dcm", data)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 7z archive in a folder of its own; its header is not compressed."""
    py7zr = pytest.importorskip("py7zr")
    path = tmp_path_factory.mktemp("packed") / "x.7z"
    with py7zr.SevenZipFile(path, "w") as opened:
        opened.set_encoded_header_mode(False)
        opened.writestr(npz(pixel_array=CINE), "a/x.npz")
        opened.writestr(b"text", "a/y.txt")
    return path


@settings(**FUZZED)
@given(st.data())
def test_any_header_of_an_archive(archive: Path, drawn: st.DataObject):
    whole = archive.read_bytes()
    start = 32 + int.from_bytes(whole[12:20], "little")
    data = bytearray(edited(whole, drawn.draw(EDITS), start))
    data[28:32] = zlib.crc32(data[start:]).to_bytes(4, "little")
    data[8:12] = zlib.crc32(data[12:32]).to_bytes(4, "little")
    archive.write_bytes(data)
    try:
        with _unpacked(archive) as folder:
            assert folder.is_dir()
    except UserError as error:
        message = str(error)
        assert message.startswith(f"the archive {archive} ") and message.isprintable()
    finally:
        archive.write_bytes(whole)
    assert list(archive.parent.iterdir()) == [archive]
