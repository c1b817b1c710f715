import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813

from lsdc.dicom import read_planes, read_series, series
from lsdc.errors import DataError, DicomError
from tests.builders import write_series, write_slice


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axes", ["sagittal", "axial", "coronal"])
def test_order_follows_positions_not_numbers(tmp_path, axes, reverse):
    series = read_series(write_series(tmp_path / "s", axes=axes, reverse=reverse, count=4, step_mm=5.5))
    assert [image[0, 0] for image in series.images] == [0, 100, 200, 300]
    assert series.spacing_mm == pytest.approx(5.5)
    assert series.orientation == axes
    assert series.instance_numbers == ((4, 3, 2, 1) if reverse else (1, 2, 3, 4))
    assert series.index_of_instance(4) == (0 if reverse else 3)
    assert not series.faults


@pytest.mark.parametrize("reverse", [False, True])
def test_planes_alone_are_those_of_the_series(tmp_path, reverse):
    write_series(tmp_path / "s", axes="axial", reverse=reverse, count=4, step_mm=5.5)
    write_slice(tmp_path / "s" / "9.dcm", np.zeros((8, 8), np.uint16), axes="coronal")  # left out of both
    (tmp_path / "s" / "10.dcm").write_bytes(b"nothing")
    planes, series = read_planes(tmp_path / "s"), read_series(tmp_path / "s")
    assert len(planes) == len(series) == 4
    for one, other in zip(planes, series.planes, strict=True):
        np.testing.assert_array_equal(one.origin_mm, other.origin_mm)
        assert one.size_hw == other.size_hw
    (tmp_path / "empty").mkdir()
    assert read_planes(tmp_path / "empty") == ()
    with pytest.raises(DicomError):
        read_planes(tmp_path / "nowhere")


def test_spacing_needs_no_tag(tmp_path):
    series = read_series(write_series(tmp_path / "s", step_mm=4.4))  # the builder writes no SliceThickness
    assert series.spacing_mm == pytest.approx(4.4)
    assert np.isnan(read_series(write_series(tmp_path / "one", count=1)).spacing_mm)


def test_stored_values_to_float(tmp_path):
    image = np.array([[0, 1], [2, 4095]], np.uint16)
    write_slice(tmp_path / "a" / "1.dcm", image, RescaleSlope=2, RescaleIntercept=-10)
    assert read_series(tmp_path / "a").images[0] == pytest.approx(image * 2.0 - 10)
    write_slice(tmp_path / "b" / "1.dcm", image, PhotometricInterpretation="MONOCHROME1")
    assert read_series(tmp_path / "b").images[0] == pytest.approx(4095.0 - image)
    signed = np.array([[-2048, -1], [0, 2047]], np.int16)
    write_slice(tmp_path / "c" / "1.dcm", signed, PhotometricInterpretation="MONOCHROME1")
    assert read_series(tmp_path / "c").images[0] == pytest.approx(-1.0 - signed)


def test_geometry_equals_simpleitk(tmp_path):
    tilt = ((0.1, 0.99, 0.05), (0.02, 0.05, -0.99))
    row = np.array(tilt[0]) / np.linalg.norm(tilt[0])
    column = np.array(tilt[1]) - row * (row @ tilt[1])
    column /= np.linalg.norm(column)
    path = write_slice(tmp_path / "s" / "1.dcm", np.zeros((9, 7), np.uint16), position=(3, -40, 200),
                       axes=(row, column), spacing=(0.6, 0.9))
    plane, other = read_series(tmp_path / "s").planes[0], sitk.ReadImage(str(path))
    for x, y in ((0, 0), (6, 0), (0, 8), (6, 8)):
        assert plane.to_patient([x, y]) == pytest.approx(other.TransformIndexToPhysicalPoint((x, y, 0)), abs=1e-4)


def test_what_cannot_be_read_is_named_and_left_out(tmp_path):
    folder = write_series(tmp_path / "s", count=3)
    (folder / "8.dcm").write_bytes(b"")
    (folder / "9.dcm").write_text("not an image")
    cut = (folder / "1.dcm").read_bytes()
    (folder / "7.dcm").write_bytes(cut[:-20])
    write_slice(folder / "6.dcm", np.zeros((4, 4), np.uint16), leave_out=["ImagePositionPatient"])
    write_slice(folder / "5.dcm", np.zeros((4, 4), np.uint16), axes="axial")
    series = read_series(folder)
    assert len(series) == 3
    assert sorted(fault.partition(":")[0] for fault in series.faults) == ["5.dcm", "6.dcm", "7.dcm", "8.dcm", "9.dcm"]
    assert any("ImagePositionPatient is missing" in fault for fault in series.faults)
    assert any("another orientation" in fault for fault in series.faults)


def test_a_series_has_a_bound(tmp_path, monkeypatch):
    write_series(tmp_path, count=5, size=(16, 12))
    write_slice(tmp_path / "3.dcm", np.zeros((40, 40), np.uint16), position=(8.0, 0, 0), number=3)
    monkeypatch.setattr(series, "MAX_PIXELS", 3 * 16 * 12 + 5)
    read = read_series(tmp_path)
    assert read.instance_numbers == (1, 2, 4)
    assert [plane.size_hw for plane in read_planes(tmp_path)] == [(16, 12)] * 3
    assert [fault.split(" (")[0] for fault in read.faults] == [
        f"{name}: beyond the pixels that a series can have" for name in ("3.dcm", "5.dcm")]


def test_duplicate_positions_are_kept_once(tmp_path):
    folder = write_series(tmp_path / "s", count=3)
    write_slice(folder / "9.dcm", np.full((16, 12), 7, np.uint16), position=(4, 0, 0), number=9)
    series = read_series(folder)
    assert [image[0, 0] for image in series.images] == [0, 100, 200]
    assert series.faults == ("9.dcm: same position as 2.dcm",)


def test_tilted_blocks_stay_one_series(tmp_path):
    for block, degrees in enumerate((-20, 0, 20)):
        angle = np.deg2rad(degrees)
        down = (0, np.cos(angle), np.sin(angle))
        for i in range(3):
            z = block * 40 + i * 4
            write_slice(tmp_path / "s" / f"{block * 3 + i + 1}.dcm", np.full((8, 8), z, np.uint16),
                        position=(0, 0, z), axes=((1, 0, 0), down), number=block * 3 + i + 1)
    series = read_series(tmp_path / "s")
    assert [image[0, 0] for image in series.images] == [0, 4, 8, 40, 44, 48, 80, 84, 88]


def test_nearest_slice(tmp_path):
    series = read_series(write_series(tmp_path / "s", count=5, step_mm=4))
    index, offset = series.nearest_slice(np.array([9.0, 3, -3]))
    assert index == 2
    assert abs(offset) == pytest.approx(1)


def test_clear_errors(tmp_path):
    with pytest.raises(DicomError, match="series folder cannot be read"):
        read_series(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DicomError, match="no readable slice"):
        read_series(tmp_path / "empty")
    with pytest.raises(DataError, match="no slice with this instance number"):
        read_series(write_series(tmp_path / "s")).index_of_instance(77)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"NumberOfFrames": 3}, "multi-frame"),
        ({"Rows": 65535, "Columns": 65535}, "absurd image size"),
        ({"PixelSpacing": [0.0, 1.0]}, "PixelSpacing is not positive"),
        ({"ImageOrientationPatient": [1.0, 0, 0, 1, 0, 0]}, "right angles"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path, tags, message):
    write_slice(tmp_path / "s" / "1.dcm", np.zeros((4, 4), np.uint16), **tags)
    with pytest.raises(DicomError, match=message):
        read_series(tmp_path / "s")


def test_a_point_names_a_file_before_a_tag(tmp_path):
    folder = write_series(tmp_path / "s", count=4)
    write_slice(folder / "3.dcm", np.full((16, 12), 200, np.uint16), position=(8.0, 0, 0), number=1)
    series = read_series(folder)
    assert series.instance_numbers == (1, 2, 1, 4)
    assert [series.index_of_instance(number) for number in (1, 3)] == [0, 2]


@pytest.mark.parametrize("kind", [np.uint16, np.int16])
@pytest.mark.parametrize("bits", [1, 8, 12, 15, 16])
def test_plain_files_read_as_pydicom_decodes_them(tmp_path, kind, bits):
    image = np.random.default_rng(bits).integers(0, 65536, (7, 9)).astype(np.uint16).view(kind)  # in all bits
    path = write_slice(tmp_path / "s" / "1.dcm", image, BitsStored=bits, HighBit=bits - 1)
    np.testing.assert_array_equal(read_series(tmp_path / "s").images[0], pydicom.dcmread(path).pixel_array)
