import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from lsdc.dicom import FileFault, pixel_range, read_facts, series_files
from lsdc.errors import DicomError
from tests.builders import write_slice

IMAGE = np.arange(12, dtype=np.uint16).reshape(3, 4)


@pytest.fixture
def path(tmp_path):
    return write_slice(tmp_path / "1.dcm", IMAGE, position=(1, 2, 3), spacing=(0.5, 0.25), number=7, SliceThickness=4,
                       SpacingBetweenSlices=5, BodyPartExamined="LSPINE", FrameOfReferenceUID="1.2")


def rewrite(path, syntax, **changes):
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    for name, value in changes.items():
        setattr(dataset, name, value)
    little = syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little)


def test_a_whole_header(path):
    facts = read_facts(path)
    assert facts.fault is None
    assert not facts.unusable
    assert facts.plane.to_patient([2, 1]) == pytest.approx([1, 2.5, 2.5])
    assert (facts.instance_number, facts.frames, facts.samples, facts.bits_allocated) == (7, 1, 1, 16)
    assert (facts.body_part, facts.frame_of_reference) == ("LSPINE", "1.2")
    assert (facts.compressed, facts.decodable, facts.signed, facts.inverted) == (False, True, False, False)


def test_what_is_missing_is_told_together(tmp_path):
    facts = read_facts(write_slice(tmp_path / "1.dcm", IMAGE, PixelSpacing=[1, -1],
                                   leave_out=["ImagePositionPatient", "InstanceNumber"]))
    assert facts.plane is None
    assert facts.unusable == {
        "ImagePositionPatient": "ImagePositionPatient is missing", "PixelSpacing": "PixelSpacing is not positive",
        "InstanceNumber": "InstanceNumber is missing", "SliceThickness": "SliceThickness is missing",
        "SpacingBetweenSlices": "SpacingBetweenSlices is missing"}


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_cut_anywhere_is_seen(path, syntax):
    rewrite(path, pydicom.uid.UID(syntax))
    whole = path.read_bytes()
    assert read_facts(path).fault is None
    for length in (len(whole) - 1, len(whole) - 30, 420, 200):
        path.write_bytes(whole[:length])
        assert read_facts(path).fault == FileFault.TRUNCATED, length
    path.write_bytes(whole[:100])
    assert read_facts(path).fault == FileFault.NOT_DICOM
    path.write_bytes(b"")
    assert read_facts(path).fault == FileFault.ZERO_BYTES


def test_compressed(path):
    rewrite(path, RLELossless, PixelData=encapsulate([b"abcd" * 4, b"efgh"]))
    facts = read_facts(path)
    assert (facts.fault, facts.compressed, facts.decodable, facts.syntax) == (None, True, True, "RLE Lossless")
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) - 9, len(whole) - 14):
        path.write_bytes(whole[:length])
        assert read_facts(path).fault == FileFault.TRUNCATED
    path.write_bytes(whole)
    rewrite(path, MPEG2MPML)
    assert not read_facts(path).decodable


def test_pixels_that_do_not_fit_the_header(tmp_path):
    path = write_slice(tmp_path / "1.dcm", IMAGE, PixelData=IMAGE.tobytes()[:-4])
    assert read_facts(path).fault == FileFault.TRUNCATED
    with pytest.raises(DicomError, match="pixels that cannot be decoded"):
        pixel_range(path)


def test_absurd_headers(tmp_path):
    facts = read_facts(write_slice(tmp_path / "1.dcm", IMAGE, Rows=0))
    assert (facts.fault, facts.problem) == (FileFault.UNREADABLE, "absurd image size 0 x 4")
    facts = read_facts(tmp_path)
    assert facts.fault == FileFault.UNREADABLE
    assert facts.problem == "not a DICOM file"


def test_pixel_range(path):
    assert pixel_range(path) == (0, 11)


def test_who_a_file_says_it_is(tmp_path):
    facts = read_facts(write_slice(tmp_path / "1.dcm", IMAGE, StudyInstanceUID="1.2", SeriesInstanceUID="1.2.3",
                                   SOPInstanceUID="1.2.3.4", Modality="CT"))
    assert (facts.study_uid, facts.series_uid, facts.instance_uid, facts.modality) == ("1.2", "1.2.3", "1.2.3.4", "CT")
    facts = read_facts(write_slice(tmp_path / "2.dcm", IMAGE, leave_out=["SOPInstanceUID", "Modality"]))
    assert (facts.study_uid, facts.series_uid, facts.instance_uid, facts.modality) == ("", "", "", "")


def test_links_that_lead_nowhere_are_looked_at(path):
    folder = path.parent / "series"
    folder.mkdir()
    for name, target in (("2.dcm", "nowhere"), ("1.dcm", path), ("3.dcm", path.parent), (".4.dcm", "nowhere")):
        (folder / name).symlink_to(target)
    assert [one.name for one in series_files(folder)] == ["1.dcm", "2.dcm"]
    facts = read_facts(folder / "2.dcm")
    assert (facts.fault, facts.problem) == (FileFault.UNREADABLE, "the file is missing")


def test_range_has_the_bits_beyond_those_stored(tmp_path):
    image = np.array([[3, 0x1005]], dtype=np.uint16)
    assert pixel_range(write_slice(tmp_path / "1.dcm", image)) == (3, 0x1005)  # BitsStored is 12
