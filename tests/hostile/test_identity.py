"""What damaged files make pydicom say never repeats what names a person, whatever the damage."""

import re
import warnings

import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from lsdc.audit.series import look_at
from lsdc.dicom import read_facts, read_scanner, read_series
from lsdc.errors import DicomError
from tests.builders import write_series
from tests.faults.test_private import BIRTH_DATE, PLANTED, SECRETS, plant

READ = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "ImagePositionPatient", "ImageOrientationPatient",
        "PixelSpacing", "RescaleSlope", "RescaleIntercept", "BitsStored", "BitsAllocated", "PixelRepresentation",
        "InstanceNumber", "SliceThickness", "SpacingBetweenSlices", "PhotometricInterpretation", "Modality",
        "BodyPartExamined", "FrameOfReferenceUID", "SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID")
TAKEN = ("RescaleIntercept", "RescaleSlope", "InstanceNumber", "SliceThickness", "SpacingBetweenSlices")
KINDS = (b"IS", b"DS", b"DA", b"TM", b"AT", b"US", b"FD", b"UI", b"AS", b"PN", b"SQ", b"OB", b"UN", b"??")


def said(folder) -> str:
    """All that is told of a series: results as text, errors with their causes' own messages, warnings."""
    path = folder / "1.dcm"
    told = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.filterwarnings("ignore", module=r"pydicom\.")  # as the kit has it, and pytest not
        for ask in (lambda: read_facts(path), lambda: read_scanner(folder), lambda: read_series(folder),
                    lambda: look_at(folder, 1, None, pixels=True)):
            try:
                told.append(repr(ask()))
            except DicomError as error:
                told.append(str(error))
    assert told
    return "\n".join([*told, *(str(one.message) for one in heard)])


@pytest.fixture
def series(tmp_path):
    plant(write_series(tmp_path / "series", count=2))
    folder = tmp_path / "one"
    folder.mkdir()
    whole = (tmp_path / "series" / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(whole)
    assert [secret for secret in SECRETS if secret.encode() not in whole] == []
    return folder


def leaks(folder) -> set[str]:
    text = said(folder)
    return {secret for secret in SECRETS if secret in text}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.decode())
def test_elements_of_another_kind(series, kind, capfd):
    """Every planted element at once says that it is a number, a date, a sequence."""
    whole, changed = (series / "1.dcm").read_bytes(), 0
    for secret in (*PLANTED.values(), BIRTH_DATE):
        place = whole.index(secret.encode())
        for back in (4, 8):  # short and long form of the length
            if whole[place - back:place - back + 2].isalpha():
                whole = whole[:place - back] + kind + whole[place - back + 2:]
                changed += 1
                break
    assert changed == len(PLANTED) + 1
    (series / "1.dcm").write_bytes(whole)
    assert leaks(series) == set()
    assert not any(secret in text for text in capfd.readouterr() for secret in SECRETS)


def test_files_that_end_within_a_name(series, capfd):
    whole = (series / "1.dcm").read_bytes()
    for secret in SECRETS:
        end = whole.index(secret.encode()) + len(secret)
        (series / "1.dcm").write_bytes(whole[:end])
        assert leaks(series) == set(), secret
    assert not any(secret in text for text in capfd.readouterr() for secret in SECRETS)


def test_names_too_long_or_in_unknown_letters(series, capfd):
    header = pydicom.dcmread(series / "1.dcm")
    with pydicom.config.disable_value_validation():
        header.SpecificCharacterSet = "ISO_IR 999"
        for keyword, text in PLANTED.items():
            setattr(header, keyword, text + "\\" + text * 20)
        header.PatientBirthDate = f"{BIRTH_DATE}x"
        header.save_as(series / "1.dcm")
    assert leaks(series) == set()
    assert not any(secret in text for text in capfd.readouterr() for secret in SECRETS)


@pytest.mark.parametrize("own_kind", [True, False], ids=["with the tag's kind", "with its own"])
@pytest.mark.parametrize("keyword", READ)
def test_a_name_whose_tag_became_one_that_is_read(series, keyword, own_kind, capfd):
    tag, whole = pydicom.tag.Tag(keyword), (series / "1.dcm").read_bytes()
    for secret in (PLANTED["PatientName"], PLANTED["PatientID"]):
        place = whole.index(secret.encode()) - 8
        kind = dictionary_VR(tag)[:2].encode() if own_kind else whole[place + 4:place + 6]
        there = tag.group.to_bytes(2, "little") + tag.elem.to_bytes(2, "little") + kind
        for name in (secret, "O'Neil Zoe", "Ab'Zoe Bo"):  # as long, with what ends a quotation
            value = name.encode()[:len(secret)].ljust(len(secret))
            (series / "1.dcm").write_bytes(whole[:place] + there + whole[place + 6:place + 8] + value
                                           + whole[place + 8 + len(secret):])
            assert leaks(series) == set()
            assert "Zoe" not in said(series)
    assert not any(secret in text for text in capfd.readouterr() for secret in SECRETS)


@pytest.mark.parametrize("keyword", [one for one in READ if dictionary_VR(one) in ("IS", "DS", "US")])
def test_a_birth_date_where_a_number_is_read(series, keyword):
    """Alone, and as a date with separators; a number that can be one of the element is taken for it."""
    header = pydicom.dcmread(series / "1.dcm")
    for text in (f"{BIRTH_DATE}x", f"{BIRTH_DATE[:4]}-{BIRTH_DATE[4:6]}-{BIRTH_DATE[6:]}", BIRTH_DATE):
        with pydicom.config.disable_value_validation():
            header.add(DataElement(keyword, "LO", text))
            header.save_as(series / "1.dcm")
        told = said(series)
        taken = text == BIRTH_DATE and keyword in TAKEN
        assert taken or not {text, BIRTH_DATE, "1847"} & set(re.findall(r"[\w-]+", told))
