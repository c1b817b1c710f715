"""Stored values to float: rescale slope and intercept, MONOCHROME1 inverted."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lsdc.dicom.header import SliceHeader, value_of
from lsdc.errors import DicomError

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def read_pixels(dataset: Dataset, header: SliceHeader) -> np.ndarray:
    """(h, w) of the values that are stored, bits beyond BitsStored aside; DicomError when they cannot be decoded."""
    stored = _plain(dataset, header)
    if stored is None:
        stored = stored_values(dataset, header.path)
    if stored.shape != header.plane.size_hw:
        raise DicomError("pixels do not fit the header", wanted=header.plane.size_hw, got=stored.shape,
                         where=header.path)
    return stored


def modality_values(stored: np.ndarray, header: SliceHeader, into: np.ndarray | None = None) -> np.ndarray:
    """(h, w) of stored values -> (h, w) float32 of modality values, high is bright; written `into` an array if given.

    MONOCHROME1 is mirrored in the range of stored values, so all slices of a series stay comparable
    (PS3.3 C.7.6.3.1.2); then value = stored * slope + intercept (PS3.3 C.11.1.1.2).
    """
    values = np.empty(stored.shape, np.float32) if into is None else into
    values[:] = stored
    if header.inverted:
        lowest = -(2 ** (header.bits_stored - 1)) if header.signed else 0
        np.subtract(np.float32(2 * lowest + 2**header.bits_stored - 1), values, out=values)
    if (header.slope, header.intercept) != (1, 0):
        values *= np.float32(header.slope)
        values += np.float32(header.intercept)
    return values


def stored_values(dataset: Dataset, path: Path) -> np.ndarray:
    """The array of stored values as the file has them; DicomError when the pixels cannot be decoded."""
    try:
        return dataset.pixel_array
    except Exception as error:  # decoders raise what the bytes lead them to
        raise DicomError("pixels that cannot be decoded", got=f"{type(error).__name__}: {str(error).splitlines()[0]}",
                         where=path, remedy="for JPEG lossless and JPEG-LS install python-gdcm") from error


def _plain(dataset: Dataset, header: SliceHeader) -> np.ndarray | None:
    """The array of an image as most files hold it, 16 bits little endian without compression; None for any other.

    It is what `stored_values` says of such a file, without the half of a millisecond that preparing a decoder takes.
    """
    if (dataset.file_meta.get("TransferSyntaxUID") not in _PLAIN or value_of(dataset, "BitsAllocated") != 16
            or not 1 <= header.bits_stored <= 16):
        return None
    data = value_of(dataset, "PixelData")
    if not isinstance(data, bytes) or len(data) != 2 * np.prod(header.plane.size_hw):
        return None
    stored = np.frombuffer(data, "<i2" if header.signed else "<u2").reshape(header.plane.size_hw)
    if (unused := 16 - header.bits_stored) > 0:
        stored = (stored << unused) >> unused  # keeps the sign
    return stored
