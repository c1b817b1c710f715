"""Locations of hand-made runs: two folds of four studies, located and not yet graded, beside each other."""

import json

import numpy as np
import pytest

from lsdc.competition import open_folder
from lsdc.errors import FoldError
from lsdc.evaluate import evaluate_locations
from lsdc.runs import RunFolder
from lsdc.tables import BOX_MATCHES, FOLDS, KEYPOINTS, LATENTS, LEVELS, LOCATION_NOTES, LOCATIONS
from lsdc.taxonomy import TARGETS, Level
from tests.builders import write_competition

STUDIES = (11, 12, 13, 14)
CANALS = TARGETS[:5]


@pytest.fixture
def folder(tmp_path):
    """Canal keypoints 30 mm apart in y, on the middle one of three slices 4 mm apart in x; studies 13 and 14 differ."""
    folder = open_folder(write_competition(tmp_path / "competition", studies=STUDIES))
    LATENTS.write(LATENTS.empty(), tmp_path / "truth" / "latents.csv")
    keypoints = [{"study_id": study, "structure": "canal", "level": t.level, "side": "midline",
                  "x_mm": 4.0, "y_mm": 30.0 * i, "z_mm": -3.0} for study in STUDIES for i, t in enumerate(CANALS)]
    KEYPOINTS.write(KEYPOINTS.frame(keypoints), tmp_path / "truth" / "keypoints.csv")
    (tmp_path / "truth" / "studies.csv").write_text(
        "study_id,variant\n" + "".join(f"{s},{'usual' if s < 13 else 'six_lumbar'}\n" for s in STUDIES))
    return folder


@pytest.fixture
def make_run(tmp_path):
    def make(name: str, *, off_mm=(0.0, 3.0, 0.0), folds=(0, 1), fold_of=lambda study: study % 2, lost=()) -> RunFolder:
        """A run whose canals lie off the keypoints by off_mm; `lost` studies have no place at all."""
        run = RunFolder(tmp_path / name)
        FOLDS.write(FOLDS.frame([{"study_id": study, "fold": fold_of(study)} for study in STUDIES]), run.folds)
        for fold in folds:
            rows = []
            for study in (study for study in STUDIES if fold_of(study) == fold):
                for t in TARGETS:
                    row = {"study_id": study, "condition": t.condition, "side": t.side, "level": t.level, "fold": fold,
                           "confidence": 0.0, "found_by": "prior",
                           **dict.fromkeys(["series_id", "slice_index", "x_px", "y_px", "x_mm", "y_mm", "z_mm"])}
                    if t in CANALS and study not in lost:
                        place = np.array([4.0, 30.0 * CANALS.index(t), -3.0]) + off_mm
                        row |= {"series_id": study * 10 + 2, "slice_index": 1, "x_px": 0.0, "y_px": 0.0,
                                **dict(zip(("x_mm", "y_mm", "z_mm"), place, strict=True)), "confidence": 0.9,
                                "found_by": "detector"}
                    rows.append(row)
            LOCATIONS.write(LOCATIONS.frame(rows), run.fold(fold).locations)
            matches = [{"study_id": study, "series_id": study * 10 + 2, "slice_index": 1, "condition": "canal",
                        "detector_class": "canal_l1_l2", "prediction": prediction, "confidence": confidence, "truth": 0,
                        "iou": iou} for study in STUDIES if fold_of(study) == fold
                       for prediction, confidence, iou in ((None, None, None), (0, 0.8, 0.77))]
            BOX_MATCHES.write(BOX_MATCHES.frame(matches), run.fold(fold).box_matches)
            own = [study for study in STUDIES if fold_of(study) == fold]
            LEVELS.write(LEVELS.frame([{
                "study_id": study, "level": level, "y_mm": None if study in lost else 1.0, "z_mm": 2.0,
                "posterior": 0.9, "margin": None if study in lost else 0.5 + (study - min(STUDIES)) + number,
                "fold": fold} for study in own for number, level in enumerate(Level)]), run.fold(fold).levels)
            LOCATION_NOTES.write(LOCATION_NOTES.frame([{
                "study_id": study, "series_id": series, "note": note, "count": count, "fold": fold} for study in own
                for series, note, count in ((study * 10 + 2, "targets placed by detector", 5), (None, "lost", 2))
                if note != "lost" or study in lost]), run.fold(fold).location_notes)
        return run
    return make


def against(figures: dict, truth: str) -> dict:
    return next(one for one in figures["against"] if one["truth"] == truth)


def test_located_folds_are_measured_without_predictions(make_run, folder, settings):
    result = evaluate_locations(make_run("mine", off_mm=(4.0, 3.0, 0.0), lost=(14,)), folder, settings)
    figures = result.figures
    assert (figures["run"], figures["folds"], figures["studies"], figures["phantom"]) == ("mine", [0, 1], 4, True)
    assert figures["found_by"] == [{"run": "mine", "targets": {"prior": 85, "detector": 15}}]
    rows = {(row["by"], row["name"]): row for row in against(figures, "true keypoints")["runs"][0]["rows"]}
    whole = rows["all", "all"]
    assert (whole["n"], whole["placed"], whole["identified"], whole["missed"]) == (20, 15, 0.75, 0.25)
    assert (whole["d_mean_mm"], whole["pck_2mm"], whole["pck_5mm"], whole["median_mm"]) == (5, 0, 0.75, 5)
    assert (whole["slice_exact"], whole["slice_within_1"], whole["median_slices"]) == (0, 1, 1)  # 4 mm are one slice
    assert rows["variant", "usual"]["identified"] == 1
    assert rows["variant", "six_lumbar"]["studies_exact"] == 0.5
    assert against(figures, "annotated points")["runs"][0]["rows"][0]["n"] == 20
    assert figures["boxes"][0]["rows"][0] | {"intervals": None} == {
        "name": "all", "classes": 1, "truths": 4, "map50": pytest.approx(0.995), "map50_95": pytest.approx(0.995 * 0.6),
        "intervals": None}
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert result.truth == "true keypoints"
    assert result.errors["identified"].sum() == 15
    for words in ("mine: locations of fold 0, 1, 4 studies", "against annotated points", "By the phantom's variant",
                  "100 targets, located: 85 not at all, 15 by detector", "mAP50-95"):
        assert words in result.text


def test_a_perfect_run_says_how_little_a_few_studies_prove(make_run, folder, settings):
    """None wrong of 4: at a rate of 52.7 % that would be seen in (1 - .527)^4 = 5 % of draws."""
    assert "mine: none of 4 studies has a wrong target, so that fewer than 52.7 % of studies have one (95 % bound)" in \
        evaluate_locations(make_run("mine"), folder, settings).text
    assert "wrong target" not in evaluate_locations(make_run("lost", lost=(14,)), folder, settings).text


def test_without_truth_the_annotated_points_are_what_there_is(make_run, folder, settings, tmp_path):
    for name in ("latents.csv", "keypoints.csv", "studies.csv"):
        (tmp_path / "truth" / name).unlink()
    result = evaluate_locations(make_run("mine"), folder, settings)
    assert [one["truth"] for one in result.figures["against"]] == ["annotated points"]
    assert (result.truth, result.figures["phantom"]) == ("annotated points", False)
    assert "variant" not in result.text


def test_runs_beside_each_other_on_the_studies_that_both_have(make_run, folder, settings):
    """The other run located fold 0 only, and there study 14 is lost to it."""
    mine, other = make_run("mine"), make_run("other", off_mm=(0, 1.0, 0), folds=(0,), lost=(14,))
    result = evaluate_locations(mine, folder, settings, beside=[other])
    figures = result.figures
    assert (figures["studies"], figures["of_studies"], figures["beside"]) == (2, 4, ["other"])
    keypoints = against(figures, "true keypoints")
    assert [run["rows"][0]["identified"] for run in keypoints["runs"]] == [1, 0.5]
    assert [run["rows"][0]["d_mean_mm"] for run in keypoints["runs"]] == [3, 1]
    difference = keypoints["differences"][0]
    assert (difference["run"], difference["minus"]) == ("mine", "other")
    half = {"value": 0.5, "interval": [0, 1], "inside_noise": True}
    assert difference["rows"][0] == {"by": "all", "name": "all", "identified": half, "exact": half}
    assert "mine minus other, paired, against true keypoints" in result.text
    assert "2 studies (of 4) that other located too" in result.text


def test_runs_that_share_no_study_or_no_folds_are_refused(make_run, folder, settings):
    mine = make_run("mine", folds=(1,))
    with pytest.raises(FoldError, match=r"no located study in common(.|\n)*mine: fold 1; other: fold 0"):
        evaluate_locations(mine, folder, settings, beside=[make_run("other", folds=(0,))])
    strange = make_run("strange", fold_of=lambda study: int(study > 12))
    with pytest.raises(FoldError, match=r"other folds(.|\n)*2 studies differ(.|\n)*study 11: fold 1 and fold 0"):
        evaluate_locations(mine, folder, settings, beside=[strange])


def test_a_table_of_another_fold_is_refused(make_run, folder, settings):
    run = make_run("mine")
    locations = LOCATIONS.read(run.fold(1).locations)
    LOCATIONS.write(locations.assign(fold=0), run.fold(1).locations)
    with pytest.raises(FoldError, match="study 11 is located by fold 0 but held out by fold 1"):
        evaluate_locations(run, folder, settings)


def test_what_was_told_on_the_way_is_counted(make_run, folder, settings):
    first = min(STUDIES)
    lost = STUDIES[-1]
    result = evaluate_locations(make_run("mine", lost=(lost,)), folder, settings)
    told, = result.figures["way"]
    assert told["notes"] == [{"note": "targets placed by detector", "studies": len(STUDIES), "count": 5 * len(STUDIES)},
                             {"note": "lost", "studies": 1, "count": 2}]
    levels = told["levels"]
    assert (levels["found"], levels["of"]) == (5 * (len(STUDIES) - 1), 5 * len(STUDIES))
    assert (levels["least_margin"], levels["doubtful_studies"]) == (0.5, [first])
    assert f"by less than 1 in 1 studies: {first}" in result.text
    assert "targets placed by detector" in result.text


def test_some_folds_alone_can_be_measured(folder, make_run, settings):
    run = make_run("mine", lost=(11,))  # study 11 is of fold 1
    figures = evaluate_locations(run, folder, settings, folds=(0,)).figures
    assert (figures["folds"], figures["studies"], figures["of_studies"]) == ([0], 2, 2)
    assert figures["against"][-1]["runs"][0]["rows"][0]["missed"] == 0
    assert evaluate_locations(run, folder, settings).figures["against"][-1]["runs"][0]["rows"][0]["missed"] > 0
