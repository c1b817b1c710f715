"""Faults of series and files, each alone in a folder that is otherwise clean: it is found, and nothing else."""

import shutil

import numpy as np
import pytest

from lsdc.dicom import read_series
from lsdc.taxonomy import Plane
from tests.audit.folders import PX_MM, SIZE, edit, found, write_clean, write_plane
from tests.builders import write_slice

T1, T2, AXIAL = Plane
LOCATED = {"spacing": (PX_MM, PX_MM), "SliceThickness": 4, "SpacingBetweenSlices": 5, "BodyPartExamined": "LSPINE",
           "FrameOfReferenceUID": "1.2.1002"}
IMAGE = np.arange(np.prod(SIZE), dtype=np.uint16).reshape(SIZE)


@pytest.fixture
def root(tmp_path):
    return write_clean(tmp_path, studies=(1001, 1002))


@pytest.fixture
def t2(root):
    """The sagittal T2 of study 1002, whose five canal points lie on slice 3."""
    return root / "train_images" / "1002" / "10022"


@pytest.mark.parametrize(("tags", "kind"), [
    ({"leave_out": ["SliceThickness"]}, "no_slice_thickness"),
    ({"SliceThickness": None}, "no_slice_thickness"),
    ({"leave_out": ["SpacingBetweenSlices"]}, "no_spacing_between_slices"),
    ({"leave_out": ["PixelSpacing"]}, "no_pixel_spacing"),
    ({"PixelSpacing": [0, 4]}, "no_pixel_spacing"),
    ({"leave_out": ["ImagePositionPatient"]}, "no_position"),
    ({"ImagePositionPatient": None}, "no_position"),
    ({"leave_out": ["ImageOrientationPatient"]}, "no_orientation"),
    ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "no_orientation"),
    ({"leave_out": ["InstanceNumber"]}, "no_instance_number"),
    ({"PhotometricInterpretation": "MONOCHROME1"}, "monochrome1"),
    ({"RescaleSlope": 2, "RescaleIntercept": -4}, "rescaled"),
    ({"dtype": np.uint8}, "bit_depth"),
    ({"dtype": np.int16}, "signed"),
    ({"FrameOfReferenceUID": "1.2.3"}, "other_frame"),
    ({"BodyPartExamined": "KNEE"}, "other_body_part"),
    ({"BodyPartExamined": "C SPINE"}, "other_body_part"),
])
def test_headers(root, t2, tags, kind):
    write_plane(t2, T2, **tags)
    expected = [(kind, 1002, 10022, 5)]
    if kind == "other_body_part":  # then the study has no sagittal T2
        expected.insert(0, ("missing_plane", 1002, None, 1))
    assert found(root) == expected


@pytest.mark.parametrize("part", ["", "LSPINE", "L-SPINE", "LUMBAR SPINE", "SPINE", "TL SPINE", "LSSPINE"])
def test_names_of_the_lumbar_spine(root, t2, part):
    write_plane(t2, T2, BodyPartExamined=part)
    assert found(root) == []


@pytest.mark.parametrize(("axes", "kind"), [
    (((0, 0, -1), (0, -1, 0)), "rotated_axes"),  # turned by 90 degrees
    (((0, -1, 0), (0, 0, 1)), "rotated_axes"),  # by 180
    (((0, -1, 0), (0, 0, -1)), "flipped_axes"),
    (((0, 1, 0), (0, 0, 1)), "flipped_axes"),
])
def test_axes(root, axes, kind):
    write_plane(root / "test_images" / "2001" / "20012", T2, axes=axes)
    assert found(root) == [(kind, 2001, 20012, 5)]


def test_files(root, t2):
    whole = (t2 / "1.dcm").read_bytes()
    (t2 / "1.dcm").write_bytes(b"")
    (t2 / "2.dcm").write_bytes(b"this is text, and long enough to hold a preamble" * 9)
    (t2 / "4.dcm").write_bytes(whole[:-2])
    (t2 / "5.dcm").write_bytes(whole[:400])
    assert found(root) == [("not_dicom", 1002, 10022, 1), ("truncated_file", 1002, 10022, 2),
                           ("zero_byte_file", 1002, 10022, 1)]  # and no gap in the numbers


def test_multi_frame_and_colour(root, t2):
    for path in t2.iterdir():
        path.unlink()
    write_slice(t2 / "1.dcm", IMAGE, NumberOfFrames=2, PixelData=IMAGE.tobytes() * 2)
    assert found(root) == [("multi_frame", 1002, 10022, 1)]
    write_plane(t2, T2, SamplesPerPixel=3, PixelData=IMAGE.tobytes() * 3)
    assert found(root) == [("colour", 1002, 10022, 5)]


def test_folders(root):
    shutil.rmtree(root / "train_images" / "1001" / "10011")
    for path in (root / "test_images" / "2001" / "20013").iterdir():
        path.unlink()
    write_plane(root / "test_images" / "2001" / "20019", T2)
    assert found(root) == [("empty_series", 2001, 20013, 1), ("series_not_in_table", 2001, 20019, 1),
                           ("series_not_on_disk", 1001, 10011, 1)]


@pytest.mark.parametrize(("plane", "kind"), [(T1, "repeated_sagittal"), (AXIAL, "several_axial")])
def test_several_series_of_a_plane(root, plane, kind):
    edit(root / "test_series_descriptions.csv", ("2001,20011", f"2001,20019,{plane.description}\n2001,20011"))
    write_plane(root / "test_images" / "2001" / "20019", plane)
    assert found(root) == [(kind, 2001, None, 2)]


def test_mixed_sizes_and_contradicting_orientation(root):
    study = root / "test_images" / "2001"
    write_plane(study / "20012", T2, only={2}, size=(32, 32))
    shutil.rmtree(study / "20011")
    write_plane(study / "20011", AXIAL)
    assert found(root) == [("contradicts_description", 2001, 20011, 5), ("mixed_sizes", 2001, 20012, 1)]


def test_another_orientation_in_a_series(root, t2):
    write_slice(t2 / "6.dcm", IMAGE, axes="coronal", position=(-96, 0, 128), number=6, **LOCATED)
    assert found(root) == [("several_orientations", 1002, 10022, 1)]


def test_single_slice(root):
    for number in (1, 2, 4, 5):
        (root / "test_images" / "2001" / "20012" / f"{number}.dcm").unlink()
    assert found(root) == [("single_slice", 2001, 20012, 1)]


def test_positions_and_numbers(root, t2):
    write_slice(t2 / "6.dcm", IMAGE, position=(20, -96, 128), number=5, **LOCATED)
    assert found(root) == [("duplicate_number", 1002, 10022, 2), ("duplicate_position", 1002, 10022, 1)]
    write_slice(t2 / "6.dcm", IMAGE, position=(30, -96, 128), number=6, **LOCATED)
    (t2 / "6.dcm").rename(t2 / "9.dcm")
    write_slice(t2 / "9.dcm", IMAGE, position=(30, -96, 128), number=9, **LOCATED)
    assert found(root) == [("gapped_numbers", 1002, 10022, 3)]


def test_sagittal_series_in_opposite_order(root):
    write_plane(root / "test_images" / "2001" / "20012", T2, reverse=True)
    assert found(root) == [("opposite_order", 2001, None, 1)]


def test_pixels(root, t2):
    assert found(root, pixels=True) == []
    write_plane(t2, T2, only={1, 2}, PixelData=np.full(SIZE, 7, np.uint16).tobytes())
    assert found(root) == []
    assert found(root, pixels=True) == [("constant_image", 1002, 10022, 2)]


def test_a_plane_that_no_training_study_shows(root):
    for study in (1001, 1002):
        write_plane(root / "train_images" / str(study) / f"{study}3", AXIAL, leave_out=["PixelSpacing"])
    assert found(root) == [("no_pixel_spacing", 1001, 10013, 5), ("no_pixel_spacing", 1002, 10023, 5),
                           ("plane_absent", None, None, 1)]
    for path in (root / "test_images").rglob("*.dcm"):
        path.write_bytes(b"")
    assert ("nothing_readable", None, None, 1) in found(root, parts=("test",))


def with_uids(folder, study="1.2.1", series="1.2.1.2", **words):
    return write_plane(folder, T2, StudyInstanceUID=study, SeriesInstanceUID=series, **words)


@pytest.mark.parametrize("uids", [{"study": "1.2.7"}, {"series": "1.2.1.7"}, {"study": "1.2.7", "series": "1.2.7.7"}])
def test_a_file_of_another_study_or_series(root, t2, uids):
    with_uids(t2)
    assert found(root) == []
    with_uids(t2, only={2}, **uids)
    assert found(root) == [("foreign_file", 1002, 10022, 1)]


def test_files_that_all_differ_in_their_uids_and_absent_ones_are_not_foreign(root, t2):
    for number in range(1, 6):
        with_uids(t2, only={number}, series=f"1.2.1.{number}")
    assert found(root) == []
    with_uids(t2, only={1, 2, 3})
    write_plane(t2, T2, only={4, 5})
    assert found(root) == []


def test_shared_sop_instance_uid(root, t2):
    write_plane(t2, T2, only={1, 2, 4}, SOPInstanceUID="1.2.3.9")
    assert found(root) == [("duplicate_uid", 1002, 10022, 3)]
    write_plane(t2, T2, leave_out=["SOPInstanceUID"])
    assert found(root) == []


def test_modality(root, t2):
    write_plane(t2, T2, only={1, 2}, Modality="CT")
    assert found(root) == [("not_mr", 1002, 10022, 2)]
    write_plane(t2, T2, leave_out=["Modality"])
    assert found(root) == []


@pytest.mark.parametrize(("words", "expected"), [
    ({"spacing": (0.4, 0.4)}, [("mixed_spacing", 1002, 10022, 1)]),  # a tenth: the field of view too
    ({"spacing": (4, 3)}, [("mixed_spacing", 1002, 10022, 1)]),
    ({"spacing": (4.01, 4.01)}, []),
    ({"spacing": (2, 2), "size": (128, 96)}, [("mixed_sizes", 1002, 10022, 1)]),  # the same field of view
    ({"size": (128, 96)}, [("mixed_sizes", 1002, 10022, 1)]),  # the same pixels
    ({"spacing": (3, 3), "size": (128, 96)}, [("mixed_sizes", 1002, 10022, 1), ("mixed_spacing", 1002, 10022, 1)]),
])
def test_spacing_that_the_field_of_view_does_not_explain(root, t2, words, expected):
    write_plane(t2, T2, only={2}, **words)
    assert found(root) == expected


def test_slope_of_zero(root, t2):
    write_plane(t2, T2, RescaleSlope=0, RescaleIntercept=0)
    assert found(root) == [("zero_slope", 1002, 10022, 5)]
    assert read_series(t2).images[0].std() > 0  # as the kind's text says


def test_files_named_by_other_numbers(root, t2):
    (t2 / "1.dcm").rename(t2 / "spare")
    (t2 / "2.dcm").rename(t2 / "1.dcm")
    (t2 / "spare").rename(t2 / "2.dcm")
    assert found(root) == [("number_differs_from_name", 1002, 10022, 2)]
    write_plane(t2, T2, number=7)  # one number for all is another fault
    assert found(root) == [("duplicate_number", 1002, 10022, 5)]
    write_plane(t2, T2)
    for number in range(1, 6):
        (t2 / f"{number}.dcm").rename(t2 / f"{10 * number}.dcm")
    assert ("number_differs_from_name", 1002, 10022, 5) in found(root)
    for number in range(1, 6):
        (t2 / f"{10 * number}.dcm").rename(t2 / f"slice{number}.dcm")
    assert found(root) == []


def test_a_link_to_nothing(root, t2):
    (t2 / "2.dcm").unlink()
    (t2 / "2.dcm").symlink_to(root / "nowhere.dcm")
    (t2 / "4.dcm").rename(root / "real.dcm")
    (t2 / "4.dcm").symlink_to(root / "real.dcm")
    assert found(root) == [("unreadable_file", 1002, 10022, 1)]


def test_values_beyond_their_bits(root, t2):
    write_plane(t2, T2, only={1, 2, 3}, BitsStored=8, HighBit=7)  # of values up to 3071
    assert found(root) == []
    assert found(root, pixels=True) == [("values_beyond_bits", 1002, 10022, 3)]
    assert read_series(t2).images[0].max() == 255  # as the kind's text says
    low = np.full(SIZE, -2048, np.int16)
    low[0, 0] = 0x0FFF  # -1 without its sign above the 12 bits
    write_plane(t2, T2, dtype=np.int16, PixelData=low.tobytes())
    assert found(root, pixels=True) == [("signed", 1002, 10022, 5)]
    write_plane(t2, T2, dtype=np.int16, PixelData=(low - np.int16(1)).tobytes())
    assert ("values_beyond_bits", 1002, 10022, 5) in found(root, pixels=True)
