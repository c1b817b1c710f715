"""The order of slices follows their places, whatever files, names and numbers say."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lsdc.dicom import read_planes, read_series
from tests.builders import AXES, write_slice

COUNT = 4


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(AXES)), st.permutations(range(COUNT)),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=COUNT, max_size=COUNT),
    st.lists(st.text("abc0123456789", min_size=1, max_size=6), min_size=COUNT, max_size=COUNT, unique=True),
    st.booleans(), st.floats(0.5, 9),
)
def test_order_follows_places(axes, written, numbers, names, flipped, step_mm):
    right, down = AXES[axes]
    along = np.eye(3)[{"sagittal": 0, "coronal": 1, "axial": 2}[axes]]
    with tempfile.TemporaryDirectory() as folder:
        for place in written:
            write_slice(Path(folder) / f"{names[place]}.dcm", np.full((3, 3), place, np.uint16),
                        position=place * step_mm * along, number=numbers[place],
                        axes=(tuple(-np.array(right)), down) if flipped else (right, down))
        series, planes = read_series(folder), read_planes(folder)
    assert [image[0, 0] for image in series.images] == list(range(COUNT))
    assert series.instance_numbers == tuple(numbers)
    assert [path.stem for path in series.paths] == names
    assert abs(series.spacing_mm - step_mm) < 1e-6
    for one, other in zip(series.planes, planes, strict=True):
        np.testing.assert_array_equal(one.origin_mm, other.origin_mm)
