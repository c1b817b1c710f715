"""Tiny DICOM series and competition folders, small enough to check by hand."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from lsdc.taxonomy import TARGETS, Severity, row_id

AXES = {  # row cosines, column cosines, normal as a scanner would write them
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
}


def write_slice(path: Path, image: np.ndarray, *, position=(0.0, 0.0, 0.0), axes="sagittal", spacing=(1.0, 1.0),
                number=1, leave_out=(), **tags) -> Path:
    """One MR slice; spacing is (between rows, between columns); `tags` set or replace elements by keyword."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.InstanceNumber, dataset.SeriesDescription = "MR", number, "T2"
    row, column = AXES[axes] if isinstance(axes, str) else axes
    dataset.ImagePositionPatient = [float(v) for v in position]
    dataset.ImageOrientationPatient = [float(v) for v in (*row, *column)]
    dataset.PixelSpacing = list(spacing)
    dataset.Rows, dataset.Columns = image.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = image.dtype.itemsize * 8, 12, 11
    dataset.PixelRepresentation = int(image.dtype.kind == "i")
    dataset.PixelData = image.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    for name in leave_out:
        delattr(dataset, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def write_series(folder: Path, *, count=5, step_mm=4.0, axes="sagittal", start=(0.0, 0.0, 0.0), size=(16, 12),
                 reverse=False, **keywords) -> Path:
    """A parallel stack; slice i lies i * step_mm along the axis of the orientation and holds the value 100 * i."""
    axis = np.eye(3)[{"sagittal": 0, "coronal": 1, "axial": 2}[axes]]
    for i in range(count):
        number = count - i if reverse else i + 1
        image = np.full(size, 100 * i, np.uint16)
        write_slice(folder / f"{number}.dcm", image, position=np.array(start) + i * step_mm * axis, axes=axes,
                    number=number, **keywords)
    return folder


def write_competition(root: Path, *, studies=(1001, 1002), test_studies=(2001,), severity=None) -> Path:
    """A folder with the five csv files and one small series of each plane for each study.

    severity: (study, target) -> Severity or None; by default all Normal/Mild.
    """
    severity = severity or (lambda study, target: Severity.NORMAL_MILD)
    planes = (("Sagittal T1", "sagittal"), ("Sagittal T2/STIR", "sagittal"), ("Axial T2", "axial"))
    root.mkdir(parents=True, exist_ok=True)
    lines = ["study_id," + ",".join(target.column for target in TARGETS)]
    points = ["study_id,series_id,instance_number,condition,level,x,y"]
    for study in studies:
        grades = [severity(study, target) for target in TARGETS]
        lines.append(f"{study}," + ",".join("" if grade is None else Severity(grade).title for grade in grades))
        points += [f"{study},{study}2,2,{target.condition_title},{target.level.title},{3 + i % 5}.5,{2 + i % 7}.25"
                   for i, target in enumerate(TARGETS) if target.condition == "canal"]
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    (root / "train_label_coordinates.csv").write_text("\n".join(points) + "\n")
    for part, ids in (("train", studies), ("test", test_studies)):
        rows = ["study_id,series_id,series_description"]
        for study in ids:
            for number, (description, axes) in enumerate(planes, start=1):
                rows.append(f"{study},{study}{number},{description}")
                write_series(root / f"{part}_images" / str(study) / f"{study}{number}", axes=axes, count=3)
        (root / f"{part}_series_descriptions.csv").write_text("\n".join(rows) + "\n")
    sample = ["row_id,normal_mild,moderate,severe"]
    sample += [f"{row_id(study, target)},0.333333,0.333333,0.333333"
               for study in test_studies for target in sorted(TARGETS, key=lambda target: target.column)]
    (root / "sample_submission.csv").write_text("\n".join(sample) + "\n")
    return root
