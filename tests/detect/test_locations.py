"""Candidates that no sane detector gives, studies that could not be read whole: 25 rows, and a line for the report."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lsdc.competition import Study
from lsdc.detect import locate_from_candidates
from lsdc.detect.classes import CLASSES, TARGET_CLASSES
from lsdc.detect.shape import fit_shape
from lsdc.dicom import OTHER_ORIENTATION
from lsdc.taxonomy import TARGETS, Plane
from tests.detect.toy import toy_candidates, toy_positions, toy_study

TRUTH = toy_positions(np.random.default_rng(77))
STUDY = toy_study(TRUTH)
CANDIDATES = toy_candidates(STUDY, TRUTH)


@pytest.fixture(scope="module")
def detector():
    generator = np.random.default_rng(5)
    spines = [toy_positions(generator) for _ in range(40)]
    return SimpleNamespace(shape=fit_shape([np.array([one[target] for target in TARGETS]) for one in spines]),
                           settings=SimpleNamespace(classes="image"))


def notes_of(found) -> set[tuple]:
    return {(None if pd.isna(series_id) else series_id, note, count) for series_id, note, count in
            found.notes[["series_id", "note", "count"]].itertuples(index=False)}


def random_candidates(seed: int) -> pd.DataFrame:
    generator, rows = np.random.default_rng(seed), CANDIDATES.sample(200, replace=True, random_state=seed)
    rows[["x_px", "y_px"]] = generator.uniform(0, 79, (200, 2))
    rows["confidence"] = generator.uniform(0.02, 0.95, 200)
    rows["detector_class"] = [generator.choice(CLASSES.of(STUDY.by_id(one).plane)) for one in rows.series_id]
    rows[["x_mm", "y_mm", "z_mm"]] = [
        STUDY.by_id(row.series_id).series.planes[row.slice_index].to_patient(np.array([row.x_px, row.y_px]))
        for row in rows.itertuples()]
    return rows


STRANGE = {
    "none": CANDIDATES.iloc[:0],
    "one": CANDIDATES.iloc[:1],
    "all in one point": CANDIDATES.assign(x_px=40.0, y_px=40.0, x_mm=0.0, y_mm=0.0, z_mm=0.0),
    "all nan": CANDIDATES.assign(confidence=np.nan, x_mm=np.nan),
    "no confidence": CANDIDATES.assign(confidence=0.0),
    "infinite": CANDIDATES.assign(z_mm=np.inf),
    "axial alone": CANDIDATES[CANDIDATES.series_id == 3],
    "one recess": CANDIDATES[CANDIDATES.detector_class == 10],
    "feet up": CANDIDATES.assign(z_mm=-CANDIDATES.z_mm),
    "left is right": CANDIDATES.assign(x_mm=-CANDIDATES.x_mm),
    "random": random_candidates(0),
    "random again": random_candidates(1),
}


@pytest.mark.parametrize("how", STRANGE)
@pytest.mark.parametrize("planes", [tuple(Plane), (Plane.SAGITTAL_T1,), (Plane.AXIAL_T2,)], ids=len)
def test_whatever_is_seen_gives_25_rows_that_are_whole_and_told(detector, how, planes):
    study = Study(7, tuple(one for one in STUDY.series if one.plane in planes), ())
    candidates = STRANGE[how][STRANGE[how].series_id.isin([one.series_id for one in study.series])]
    found = locate_from_candidates(study, candidates, detector, fold=0)
    rows, prior = found.locations, found.locations.found_by == "prior"
    assert len(rows) == 25
    assert rows.confidence.between(0, 1).all()
    assert ((rows.confidence == 0) == prior).all()
    assert rows[prior][["series_id", "x_px", "x_mm"]].isna().all(axis=None)
    for row in rows[~prior].itertuples():
        plane = study.by_id(row.series_id).series.planes[row.slice_index]
        assert plane.holds(np.array([row.x_px, row.y_px]))
        assert plane.to_patient(np.array([row.x_px, row.y_px])) == pytest.approx([row.x_mm, row.y_mm, row.z_mm])
    assert len(found.notes)
    again = locate_from_candidates(study, candidates.sample(frac=1, random_state=3), detector, fold=0)
    pd.testing.assert_frame_equal(rows, again.locations)


@pytest.mark.parametrize("classes", ["image", "side_and_level"])
def test_candidates_outside_of_the_image_or_without_a_number_are_dropped_and_told(detector, classes):
    """A canvas is larger than its image: what the network sees on the black rim is no place."""
    asked = SimpleNamespace(shape=detector.shape, settings=SimpleNamespace(classes=classes))
    candidates = CANDIDATES
    if classes == "side_and_level":
        candidates = candidates.assign(detector_class=TARGET_CLASSES.number(*TARGETS[0]))
    outside = candidates.iloc[:2].assign(x_px=[-0.6, 79.6], confidence=0.99)
    broken = candidates.iloc[:1].assign(y_mm=np.nan, confidence=0.99)
    weak = outside.assign(confidence=0.1)
    found = locate_from_candidates(STUDY, pd.concat([candidates, outside, broken, weak]), asked, fold=0)
    clean = locate_from_candidates(STUDY, candidates, asked, fold=0)
    pd.testing.assert_frame_equal(found.locations, clean.locations)
    series_id = int(candidates.series_id.iloc[0])
    assert notes_of(found) - notes_of(clean) == {(series_id, "candidates dropped: outside of the image", 2),
                                                 (series_id, "candidates dropped: not a number", 1)}


def test_what_was_left_out_while_reading_is_told(detector):
    faults = (f"3.dcm: {OTHER_ORIENTATION}", f"4.dcm: {OTHER_ORIENTATION}", "9.dcm: no pixels")
    first = replace(STUDY.series[0], series=replace(STUDY.series[0].series, faults=faults))
    study = Study(7, (first, *STUDY.series[1:]), (*faults, "series 8 (axial_t2): no readable slice in this series"))
    assert notes_of(locate_from_candidates(study, CANDIDATES, detector, fold=0)) >= {
        (1, f"files left out: {OTHER_ORIENTATION}", 2), (1, "files left out or repaired", 1),
        (None, "series that cannot be read", 1)}
