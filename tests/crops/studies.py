"""Studies in memory whose images are a function of the patient's space, so that any crop has a known answer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lsdc.competition import Study, StudySeries
from lsdc.dicom import Series, SlicePlane
from lsdc.taxonomy import Plane

Field = Callable[[np.ndarray], np.ndarray]  # (..., 3) patient mm -> (...) intensity
AXES = {"sagittal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)), "axial": ((1, 0, 0), (0, 1, 0), (0, 0, 1))}


def grid(plane: SlicePlane) -> np.ndarray:
    """(h, w, 3) patient mm of a plane's pixels."""
    height, width = plane.size_hw
    return plane.to_patient(np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1))


def stack(field: Field, orientation: str, *, count=9, step_mm=4.0, mm_per_px=0.8, size_hw=(120, 140), axes=None,
          middle=(0.0, 0.0, 0.0)) -> Series:
    """A parallel stack around a patient point."""
    right, down, along = (np.array(axis, float) for axis in (axes or AXES[orientation]))
    planes = []
    for place in (np.arange(count) - (count - 1) / 2) * step_mm:
        corner = -right * (size_hw[1] - 1) / 2 * mm_per_px - down * (size_hw[0] - 1) / 2 * mm_per_px
        planes.append(SlicePlane(np.array(middle) + place * along + corner, right * mm_per_px, down * mm_per_px,
                                 size_hw))
    return series_of(field, planes)


def series_of(field: Field, planes: list[SlicePlane]) -> Series:
    images = tuple(field(grid(plane)).astype(np.float32) for plane in planes)
    paths = tuple(Path(f"series/{i + 1}.dcm") for i in range(len(planes)))
    return Series(tuple(planes), images, tuple(range(1, len(planes) + 1)), paths, ())


def study_of(**series: Series) -> Study:
    """A study 7 with series 1, 2, ... of the planes named by the keywords."""
    return Study(7, tuple(StudySeries(number, Plane(name), one) for number, (name, one) in
                          enumerate(series.items(), start=1)), ())


def location(study: Study, point_mm, *, condition="subarticular", side="left", series_id=1) -> dict:
    index, _ = study.by_id(series_id).series.nearest_slice(np.array(point_mm, float))
    x_mm, y_mm, z_mm = map(float, point_mm)
    return {"condition": condition, "side": side, "level": "l4_l5", "series_id": series_id, "slice_index": index,
            "x_mm": x_mm, "y_mm": y_mm, "z_mm": z_mm}


def waves(points_mm: np.ndarray) -> np.ndarray:
    """A smooth texture without any symmetry, between 0 and 1."""
    x, y, z = np.moveaxis(points_mm, -1, 0)
    return 0.5 + 0.2 * np.sin(x / 9 + 0.3) + 0.15 * np.sin(y / 7 + x / 15) + 0.15 * np.cos(z / 8 - y / 20)


def dot(centre_mm, width_mm=3.0) -> Field:
    return lambda points: np.exp(-((points - np.array(centre_mm)) ** 2).sum(axis=-1) / (2 * width_mm**2))


def mirrored(field: Field) -> Field:
    """The same patient seen in a mirror."""
    return lambda points: field(points * np.array([-1, 1, 1]))
