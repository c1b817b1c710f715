"""The curved frame there and back."""

import numpy as np
import pytest

from lsdc.phantom.anatomy import FIRST, GRADED, canal_mm, draw_anatomy, foramen_openness, recess_mm
from lsdc.phantom.frame import make_frame
from lsdc.phantom.latents import draw_labels


@pytest.mark.parametrize("index", range(4))
def test_spine_to_patient_and_back(index):
    anatomy = draw_anatomy(np.random.default_rng(index), draw_labels(1, "train", index).z)
    frame = make_frame(anatomy)
    s = np.linspace(anatomy.disc_s[FIRST] - 20, anatomy.disc_s[GRADED.stop], 30)
    grid = np.meshgrid(s, np.linspace(-25, 25, 11), np.linspace(-20, 35, 12), indexing="ij")
    points = frame.to_patient(*grid).reshape(-1, 1, 3).astype(np.float32)
    for back, there in zip(frame.from_patient(*np.moveaxis(points, -1, 0)), grid, strict=True):
        assert np.abs(back.ravel() - there.ravel()).max() < 0.25  # mm; a pixel is .6


def test_axes_are_left_back_and_head_to_foot():
    anatomy = draw_anatomy(np.random.default_rng(0), np.zeros(25))
    frame, middle = make_frame(anatomy), anatomy.disc_s[FIRST + 2]
    origin, left, back, foot = frame.to_patient(
        middle + np.array([0, 0, 0, 1.0]), np.array([0, 1.0, 0, 0]), np.array([0, 0, 1.0, 0]))
    assert (left - origin)[0] > 0.99
    assert (back - origin)[1] > 0.95
    assert (foot - origin)[2] < -0.95
    assert np.abs(origin).max() < 0.5


def test_discs_stand_as_in_people():
    for index in range(20):
        anatomy = draw_anatomy(np.random.default_rng(index), draw_labels(1, "train", index).z)
        assert np.all((np.diff(anatomy.disc_s)[GRADED][:4] > 30) & (np.diff(anatomy.disc_s)[GRADED][:4] < 40))
        assert 15 < np.rad2deg(anatomy.angles[GRADED].sum()) < 75


@pytest.mark.parametrize(("measure", "widest", "narrowest"), [(canal_mm, 16, 4), (recess_mm, 6, 1),
                                                              (foramen_openness, 1, 0.1)])
def test_narrowing_falls_with_the_latent(measure, widest, narrowest):
    values = measure(np.linspace(-4, 4, 81))
    assert np.all(np.diff(values) <= 0)
    assert np.all(np.diff(measure(np.linspace(-1, 2.3, 50))) < 0)
    assert values[0] >= widest
    assert values[-1] <= narrowest
