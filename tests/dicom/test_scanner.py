"""The scanner of a series, and nothing of the patient."""

import numpy as np

from lsdc.dicom import read_scanner
from tests.builders import write_slice

IMAGE = np.zeros((4, 4), np.uint16)


def test_maker_model_and_field(tmp_path):
    write_slice(tmp_path / "1.dcm", IMAGE, Manufacturer="Acme", ManufacturerModelName=" One\x07 ",
                MagneticFieldStrength="1.50", PatientName="Doe^Jane")
    scanner = read_scanner(tmp_path)
    assert scanner == ("Acme", "One", "1.5")
    assert scanner.name == "Acme One 1.5 T"


def test_what_is_missing_strange_or_unreadable_is_unknown(tmp_path):
    assert read_scanner(tmp_path / "nowhere").name == "unknown"
    (tmp_path / "1.dcm").write_bytes(b"no dicom")
    assert read_scanner(tmp_path).name == "unknown"
    write_slice(tmp_path / "2.dcm", IMAGE, ManufacturerModelName="x" * 64)
    assert read_scanner(tmp_path).name == "x" * 64
