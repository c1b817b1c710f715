import pandas as pd
import pytest

from lsdc.audit import Kind, Severity, audit_folder, text_of
from lsdc.errors import DataError
from lsdc.taxonomy import Plane
from tests.audit.folders import POINTS, edit, write_clean, write_plane


@pytest.fixture
def spoiled(tmp_path):
    """A fatal finding, a warning in three series and a note."""
    root = write_clean(tmp_path / "folder")
    edit(root / POINTS, ("1002,10022,3,Spinal Canal Stenosis,L5/S1", "1002,10022,3,Spinal Canal Stenosis,L5/L6"))
    for series in (20011, 20012, 20013):
        (root / "test_images" / "2001" / str(series) / "2.dcm").write_bytes(b"")
    write_plane(root / "train_images" / "1001" / "10011", Plane.SAGITTAL_T1, PhotometricInterpretation="MONOCHROME1")
    return root


def test_table_is_ordered_and_whole(spoiled, tmp_path):
    audit = audit_folder(spoiled, workers=1)
    assert audit.fatal
    assert audit.sizes == {"train": (2, 6, 30), "test": (1, 3, 15)}
    table = audit.table()
    assert table.kind.tolist() == ["unknown_level", "missing_coordinates", *["zero_byte_file"] * 3, "monochrome1"]
    assert table.severity.tolist() == ["fatal", *["warning"] * 4, "note"]
    assert table.series_id[2:5].tolist() == [20011, 20012, 20013]
    assert table.detail.iloc[2] == "1 of 5 files: 2.dcm"
    audit.write_table(tmp_path / "deep" / "faults.csv", only=[Kind.ZERO_BYTE_FILE])
    written = pd.read_csv(tmp_path / "deep" / "faults.csv", dtype="string")
    assert written.study_id.tolist() == ["2001"] * 3
    assert list(written) == list(table)


def test_text_counts_all_and_lists_some(spoiled):
    audit = audit_folder(spoiled, workers=1)
    text = text_of(audit, limit=2)
    assert "train: 2 studies, 6 series, 30 files\ntest: 1 studies, 3 series, 15 files" in text
    assert "findings: 1 fatal, 4 warnings, 1 note" in text
    assert ("warning: zero_byte_file\n  test study 2001 series 20011: 1 of 5 files: 2.dcm\n"
            "  test study 2001 series 20012: 1 of 5 files: 2.dcm\n  and 1 more (--limit, --table)") in text
    assert "fatal: unknown_level\n  train study 1002 series 10022: 'L5/L6'" in text
    assert "images were not decoded" in text
    assert "images were not decoded" not in text_of(audit_folder(spoiled, workers=1, pixels=True))
    only = text_of(audit, only=[Kind.MONOCHROME1])
    assert "note: monochrome1\n" in only
    assert "warning: zero_byte_file" not in only
    assert "zero_byte_file" in only  # counted all the same
    assert "sagittal_t1  left              3" in only


def test_many_processes_find_the_same(tmp_path):
    root = write_clean(tmp_path, studies=tuple(range(1001, 1011)))
    write_plane(root / "train_images" / "1004" / "10041", Plane.SAGITTAL_T1, PhotometricInterpretation="MONOCHROME1")
    one, two = (audit_folder(root, workers=workers) for workers in (1, 2))
    assert one.findings == two.findings != []
    assert (one.sizes, one.order) == (two.sizes, two.order)


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="the competition folder does not exist"):
        audit_folder(tmp_path / "nowhere")


def test_every_kind_is_explained():
    assert all(kind.text and kind.severity in Severity and kind.value == kind.name.lower() for kind in Kind)
    assert all(len(kind.text) < 80 for kind in Kind)
