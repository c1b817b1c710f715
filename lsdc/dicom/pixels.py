"""Stored values to float: rescale slope and intercept, MONOCHROME1 inverted."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from lsdc.dicom.header import SliceHeader
from lsdc.errors import DicomError


def decode(dataset: Dataset, header: SliceHeader) -> np.ndarray:
    """(h, w) float32 of modality values, high is bright. DicomError when the pixels cannot be decoded.

    MONOCHROME1 is mirrored in the range of stored values, so all slices of a series stay comparable
    (PS3.3 C.7.6.3.1.2); then value = stored * slope + intercept (PS3.3 C.11.1.1.2).
    """
    stored = stored_values(dataset, header.path)
    if stored.shape != header.plane.size_hw:
        raise DicomError("pixels do not fit the header", wanted=header.plane.size_hw, got=stored.shape,
                         where=header.path)
    values = stored.astype(np.float32)
    if header.inverted:
        lowest = -(2 ** (header.bits_stored - 1)) if header.signed else 0
        values = (2 * lowest + 2**header.bits_stored - 1) - values
    if (header.slope, header.intercept) != (1, 0):
        values = values * np.float32(header.slope) + np.float32(header.intercept)
    return values


def stored_values(dataset: Dataset, path: Path) -> np.ndarray:
    """The array of stored values as the file has them; DicomError when the pixels cannot be decoded."""
    try:
        return dataset.pixel_array
    except Exception as error:  # decoders raise what the bytes lead them to
        raise DicomError("pixels that cannot be decoded", got=f"{type(error).__name__}: {str(error).splitlines()[0]}",
                         where=path, remedy="for JPEG lossless and JPEG-LS install python-gdcm") from error
