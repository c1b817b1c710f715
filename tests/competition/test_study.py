import shutil

from lsdc.competition import open_folder, read_study
from lsdc.taxonomy import Plane
from tests.builders import write_competition


def test_a_study_with_what_went_wrong_beside_it(tmp_path):
    root = write_competition(tmp_path)
    folder = open_folder(root)
    whole = read_study(folder, 1001)
    assert [one.plane for one in whole.series] == list(Plane)
    assert whole.by_id(10013).series.orientation == "axial"
    assert whole.faults == ()
    shutil.rmtree(root / "train_images" / "1001" / "10011")
    (root / "train_images" / "1001" / "10012" / "2.dcm").write_bytes(b"")
    broken = read_study(folder, 1001)
    assert broken.of(Plane.SAGITTAL_T1) == ()
    assert len(broken.of(Plane.SAGITTAL_T2)[0].series) == 2
    assert broken.faults[0].startswith("series 10011 (sagittal_t1): a series folder cannot be read")
    assert broken.faults[1].startswith("series 10012 (sagittal_t2): 2.dcm: not a DICOM file")
