"""DICOM MR series: headers, slice planes, order along the normal, pixels to float. Knows nothing of the competition."""

from lsdc.dicom.facts import FileFault, SliceFacts, pixel_range, read_facts
from lsdc.dicom.plane import Orientation, SlicePlane, canonical_axes, covering_plane, orientation_of, patch_plane
from lsdc.dicom.resample import pixel_map, resample
from lsdc.dicom.scanner import Scanner, read_scanner
from lsdc.dicom.series import (
    OTHER_ORIENTATION,
    SAME_POSITION_MM,
    Series,
    along_normal,
    main_orientation,
    read_planes,
    read_series,
    series_files,
)
from lsdc.dicom.store import SeriesStore

__all__ = [
    "FileFault", "OTHER_ORIENTATION", "Orientation", "SAME_POSITION_MM", "Scanner", "Series", "SeriesStore",
    "SliceFacts", "SlicePlane", "along_normal", "canonical_axes", "covering_plane",
    "main_orientation", "orientation_of", "patch_plane", "pixel_map", "pixel_range", "read_facts", "read_planes",
    "read_scanner", "read_series", "resample", "series_files",
]
