"""Quirks of headers and files, done to the data set before and to the bytes after it is written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian

from lsdc.phantom.encode import compress

SLOPE, INTERCEPT = 0.5, -64.0
NOT_DICOM = b"Sorry, this image could not be exported. Please contact your administrator.\n"


def spoil_dataset(data: Dataset, pixels: np.ndarray, quirks: frozenset[str]) -> None:
    """Change elements and pixels of one slice in place. pixels: (rows, columns) uint16 of 12 bits, as in `data`."""
    for quirk in sorted(quirks & set(_DATASET)):
        _DATASET[quirk](data, pixels)
    for syntax in sorted(quirks & {"jpeg_lossless", "jpeg_2000", "rle"}):
        compress(data, syntax)


def spoil_file(path: Path, quirks: frozenset[str]) -> None:
    """Damage a written file."""
    if "truncated_file" in quirks:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 3 // 5])
    if "zero_byte_file" in quirks:
        path.write_bytes(b"")
    if "not_dicom" in quirks:
        path.write_bytes(NOT_DICOM)


def join_frames(folder: Path, paths: list[Path]) -> None:
    """Make the slices of a series one multi-frame file, 1.dcm (Enhanced MR Image Storage, PS3.3 A.36)."""
    slices = [pydicom.dcmread(path) for path in paths]
    data = slices[0]
    data.SOPClassUID = EnhancedMRImageStorage
    data.NumberOfFrames = str(len(slices))
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = data.PixelSpacing
    for name in ("SliceThickness", "SpacingBetweenSlices"):
        if data.get(name) is not None:
            setattr(measures, name, data[name].value)
    orientation.ImageOrientationPatient = data.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for one in slices:
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = one.ImagePositionPatient
        frame.PlanePositionSequence = Sequence([position])
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    data.PixelData = b"".join(one.PixelData for one in slices)
    data.InstanceNumber = 1
    for name in ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "ImageOrientationPatient",
                 "ImagePositionPatient"):
        if name in data:
            delattr(data, name)
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for path in paths:
        path.unlink()
    dcmwrite(folder / "1.dcm", data, enforce_file_format=True)


def _without(name: str) -> Callable[[Dataset, np.ndarray], None]:
    def remove(data: Dataset, pixels: np.ndarray) -> None:
        delattr(data, name)

    return remove


def _store(data: Dataset, pixels: np.ndarray, bits: int) -> None:
    data.BitsAllocated = 8 if bits == 8 else 16
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OB" if bits == 8 else "OW"


def _monochrome1(data: Dataset, pixels: np.ndarray) -> None:
    data.PhotometricInterpretation = "MONOCHROME1"
    data.PixelData = (4095 - pixels).astype("<u2").tobytes()


def _eight_bit(data: Dataset, pixels: np.ndarray) -> None:
    brightest = max(int(pixels.max()), 1)
    _store(data, np.round(pixels * (255 / brightest)).astype(np.uint8), 8)
    data.WindowCenter, data.WindowWidth = "115", "230"


def _signed(data: Dataset, pixels: np.ndarray) -> None:
    data.PixelRepresentation = 1
    _store(data, (pixels.astype(np.int32) - int(pixels.max()) // 2).astype("<i2"), 16)


def _rescaled(data: Dataset, pixels: np.ndarray) -> None:
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = str(SLOPE), str(INTERCEPT), "US"


def _constant(data: Dataset, pixels: np.ndarray) -> None:
    data.PixelData = np.full_like(pixels, 100).tobytes()


def _same_number(data: Dataset, pixels: np.ndarray) -> None:
    data.InstanceNumber = 1


_DATASET: dict[str, Callable[[Dataset, np.ndarray], None]] = {
    "no_pixel_spacing": _without("PixelSpacing"), "no_position": _without("ImagePositionPatient"),
    "monochrome1": _monochrome1, "eight_bit": _eight_bit, "signed": _signed, "rescaled": _rescaled,
    "constant_image": _constant, "duplicated_numbers": _same_number,
}
