"""A series as one reads it without the kit: pydicom file by file, or SimpleITK. Measured beside ours, used nowhere."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom

from lsdc.errors import LsdcError


class Volume(NamedTuple):
    """images: (slices, h, w) float32, ordered along the normal; positions: (slices, 3) mm; cosines: (6,); spacing."""

    images: np.ndarray
    positions: np.ndarray
    cosines: np.ndarray
    spacing: np.ndarray


def plain_headers(paths: Sequence[Path]) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]


def plain_slice(path: Path) -> np.ndarray:
    """(h, w) float32 of one file."""
    return _values(pydicom.dcmread(path))


def plain_volume(folder: Path) -> Volume:
    """Every file read, ordered by its place along the first one's normal, stacked; slices of one size only."""
    datasets = [pydicom.dcmread(path) for path in folder.glob("*.dcm")]
    cosines = np.array(datasets[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(cosines[:3], cosines[3:])
    datasets.sort(key=lambda one: np.dot(np.array(one.ImagePositionPatient, dtype=float), normal))
    return Volume(np.stack([_values(one) for one in datasets]),
                  np.array([one.ImagePositionPatient for one in datasets], dtype=float), cosines,
                  np.array(datasets[0].PixelSpacing, dtype=float))


def itk_volume(folder: Path):
    """The float image of SimpleITK's series reader; what it stacks has one direction, tilted blocks are bent straight.

    LsdcError where SimpleITK is not installed.
    """
    if importlib.util.find_spec("SimpleITK") is None:
        raise LsdcError("SimpleITK is not installed", remedy="pip install 'lsdc[dev]'")
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # of uneven distances
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(SimpleITK.sitkFloat32)
    return reader.Execute()


def itk_values(image) -> np.ndarray:
    """(slices, h, w) of what `itk_volume` gives."""
    import SimpleITK

    return SimpleITK.GetArrayViewFromImage(image)


def _values(dataset: pydicom.Dataset) -> np.ndarray:
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    return dataset.pixel_array.astype(np.float32) * np.float32(slope) + np.float32(intercept)
