"""Every quirk of the phantom on the way from candidates to locations: nothing raises, nothing is lost in silence.

A detector that sees the true points stands in for a trained one: what is asked here is the geometry behind it.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lsdc.bench.locations import point_candidates
from lsdc.competition import open_folder, read_study
from lsdc.detect import locate_from_candidates
from lsdc.detect.projecting import OUTSIDE_MM
from lsdc.detect.shape import fit_shape
from lsdc.evaluate.landmarks import keypoint_truths, location_errors
from lsdc.tables import KEYPOINTS
from lsdc.taxonomy import TARGETS, Target

NO_SPINE = ("other_body_part", "constant_image")  # series on which no detector sees a spine


@pytest.fixture(scope="module")
def truth(dirty_phantom):
    keypoints = keypoint_truths(KEYPOINTS.read(dirty_phantom / "truth" / "keypoints.csv"))
    return {int(study_id): {Target(row.condition, row.side, row.level): np.array([row.x_mm, row.y_mm, row.z_mm])
                            for row in rows.itertuples()} for study_id, rows in keypoints.groupby("study_id")}


@pytest.fixture(scope="module")
def planted(dirty_phantom):
    return pd.read_csv(dirty_phantom / "truth" / "quirks.csv")


@pytest.fixture(scope="module")
def located(dirty_phantom, truth, planted):
    """For each study: the study, what was located in it, and what its series hold."""
    folder, found = open_folder(dirty_phantom / "competition"), {}
    blank = set(planted[planted.quirk.isin(NO_SPINE)].series_id)
    for part in ("train", "test"):
        for study_id in folder.study_ids(part):
            others = [np.array([places[target] for target in TARGETS])
                      for other, places in truth.items() if other != study_id]
            study = read_study(folder, study_id, part)
            candidates = point_candidates(study, truth[study_id])
            candidates = candidates[~candidates.series_id.isin(blank)]
            detector = SimpleNamespace(shape=fit_shape(others), settings=SimpleNamespace(classes="image"))
            in_view = [target for target, place in truth[study_id].items()
                       if any(one.slice_at(place, within_mm=OUTSIDE_MM) for one in study.series)]
            found[study_id] = study, locate_from_candidates(study, candidates, detector, fold=0), in_view
    return found


def test_every_quirk_is_here(planted):
    assert {"missing_plane", "several_axial", "single_slice", "two_orientations", "constant_image", "other_body_part",
            "no_pixel_spacing", "multi_frame", "rotated_axes", "flipped_axes"} <= set(planted.quirk)


def test_whatever_is_in_view_is_located_and_identified(located, truth):
    for study_id, (_, found, in_view) in located.items():
        assert len(found.locations) == 25
        rows = pd.DataFrame([{"study_id": study_id, **target._asdict(),
                              **dict(zip(("x_mm", "y_mm", "z_mm"), truth[study_id][target], strict=True))}
                             for target in in_view])
        errors = location_errors(found.locations, rows)
        assert errors.identified.all(), (study_id, errors[~errors.identified])
        assert errors.distance_mm.median() < 3


def test_what_has_no_place_is_a_prior_with_zero_confidence_and_is_told(located):
    missing = 0
    for study, found, in_view in located.values():
        priors = found.locations[found.locations.found_by == "prior"]
        assert (priors.confidence == 0).all()
        assert priors[["series_id", "slice_index", "x_px", "y_px", "x_mm", "y_mm", "z_mm"]].isna().all(axis=None)
        told = found.notes[found.notes.note == "targets outside of every series"]["count"].sum()
        assert told == len(priors) <= 25 - len(in_view), study.study_id
        missing += len(priors)
    assert missing < 25  # of one study at most


def test_a_series_without_a_spine_holds_no_location(located, planted):
    blank = planted[planted.quirk.isin(NO_SPINE)]
    held = 0
    for quirk in blank.itertuples():
        study, found, _ = located[quirk.study_id]
        held += any(one.series_id == quirk.series_id for one in study.series)
        assert quirk.series_id not in set(found.locations.series_id.dropna())
    assert held > 0


def test_a_missing_plane_is_projected(located, planted):
    for quirk in planted[planted.quirk == "missing_plane"].itertuples():
        _, found, _ = located[quirk.study_id]
        assert (found.locations.found_by == "projected").any()
