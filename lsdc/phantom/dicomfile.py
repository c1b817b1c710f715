"""Writing one slice as a DICOM MR image. The phantom's only use of pydicom."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.canvas import Contrast

TIMES_MS = {Contrast.T1: (600.0, 11.0), Contrast.T2: (3400.0, 102.0), Contrast.STIR: (4200.0, 48.0)}  # TR, TE


@dataclass(frozen=True)
class SeriesTags:
    """What all slices of a series share. left_out: quirks, of which two leave elements out."""

    study_id: int
    series_id: int
    series_number: int
    description: str
    contrast: Contrast
    scanner: str
    field_tesla: float
    thickness_mm: float
    spacing_mm: float
    body_part: str
    left_out: frozenset[str]


def uid(*words: object) -> str:
    """A DICOM UID under the 2.25 root: the same words give the same UID."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def slice_dataset(
    name: str, pixels: np.ndarray, plane: SlicePlane, number: int, header: Dataset
) -> Dataset:
    """One slice as MR Image Storage, Explicit VR Little Endian (PS3.3 A.4). pixels: (rows, columns) uint16, 12 bits.

    header: what `series_dataset` made for the series; the slice's own elements are set on it, and it is returned.
    """
    data = header
    data.SOPInstanceUID = uid("instance", data.SeriesInstanceUID, name)
    data.InstanceNumber = number
    data.ImagePositionPatient = _decimals(plane.origin_mm)
    right, down = (step / np.linalg.norm(step) for step in (plane.step_x_mm, plane.step_y_mm))
    data.ImageOrientationPatient = _decimals(np.concatenate([right, down]))
    across, along = plane.spacing_xy_mm
    data.PixelSpacing = _decimals(np.array([along, across]))  # row spacing first
    data.Rows, data.Columns = pixels.shape
    brightest = int(pixels.max())
    data.WindowCenter, data.WindowWidth = str(brightest * 9 // 20), str(max(brightest * 9 // 10, 1))
    data.PixelData = np.ascontiguousarray(pixels, dtype="<u2").tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = MRImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


def write_dataset(path: Path, data: Dataset) -> None:
    """Write a data set as a DICOM file, preamble and all."""
    dcmwrite(path, data, enforce_file_format=True)


def series_dataset(tags: SeriesTags) -> Dataset:
    """The elements that all slices of a series share."""
    data = Dataset()
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    data.SOPClassUID = MRImageStorage
    for empty in ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate",
                  "PatientSex", "PositionReferenceIndicator", "StudyID", "EchoTrainLength"):
        setattr(data, empty, None)
    data.Modality = "MR"
    data.Manufacturer = "lsdc phantom"
    data.ManufacturerModelName = tags.scanner
    data.SeriesDescription = tags.description
    data.PatientName = data.PatientID = str(tags.study_id)
    data.BodyPartExamined = tags.body_part
    data.PatientPosition = "HFS"
    data.StudyInstanceUID = uid("study", tags.study_id)
    data.SeriesInstanceUID = uid("series", tags.study_id, tags.series_id)
    data.FrameOfReferenceUID = uid("frame", tags.study_id, tags.body_part)
    data.SeriesNumber = tags.series_number
    data.ScanningSequence = "IR" if tags.contrast == Contrast.STIR else "SE"
    data.SequenceVariant, data.ScanOptions = "SK", None
    data.MRAcquisitionType = "2D"
    data.RepetitionTime, data.EchoTime = (str(value) for value in TIMES_MS[tags.contrast])
    if tags.contrast == Contrast.STIR:
        data.InversionTime = "160"
    data.MagneticFieldStrength = str(tags.field_tesla)
    thickness = None if "no_slice_thickness" in tags.left_out else _decimals([tags.thickness_mm])[0]
    data.SliceThickness = thickness  # type 2: empty where it is not known
    if "no_spacing_between_slices" not in tags.left_out:
        data.SpacingBetweenSlices = _decimals([tags.spacing_mm])[0]
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    return data


def _decimals(values: np.ndarray) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{value:.10f}"[:16].rstrip("0").rstrip(".") or "0" for value in np.asarray(values, float) + 0.0]
