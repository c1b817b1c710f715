"""DICOM MR series: headers, slice planes, order along the normal, pixels to float. Knows nothing of the competition."""

from lsdc.dicom.plane import Orientation, SlicePlane, canonical_axes, covering_plane, orientation_of, patch_plane
from lsdc.dicom.resample import pixel_map, resample
from lsdc.dicom.series import Series, read_series, series_files

__all__ = [
    "Orientation", "Series", "SlicePlane", "canonical_axes", "covering_plane", "orientation_of", "patch_plane",
    "pixel_map", "read_series", "resample", "series_files",
]
