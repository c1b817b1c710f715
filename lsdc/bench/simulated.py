"""A run that nobody trained: places and answers of a phantom's studies are its truth with noise. To look at, or time,
what comes after training; its score says nothing of any network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.competition.priors import prior_predictions, prior_table, write_priors
from lsdc.config import Settings, dump_settings
from lsdc.errors import DataError
from lsdc.evaluate.floor import truth_folder
from lsdc.evaluate.landmarks import MM, TARGET_KEYS, keypoint_truths
from lsdc.evaluate.slice_errors import nearest_slices, planes_of
from lsdc.files import write_json, write_text
from lsdc.record import data_fingerprint, environment
from lsdc.runs import RunFolder
from lsdc.seeding import generator
from lsdc.tables import BOX_MATCHES, FOLDS, KEYPOINTS, LATENTS, LEVELS, LOCATION_NOTES, LOCATIONS, PREDICTIONS
from lsdc.taxonomy import ANNOTATED_PLANE, SEVERITY_COLUMNS, TARGETS, Condition, Level, row_id
from lsdc.weighting import weighted

PLACE_SD_MM, LOGIT_SD = 1.5, 0.7
FOLDS_FINISHED = 2  # the chosen studies; the others are a fold that is not predicted


def simulate_run(
    path: Path, folder: CompetitionFolder, settings: Settings, *, studies: Sequence[int] | None = None, seed: int = 0
) -> RunFolder:
    """Write a run with two predicted folds of these training studies (all, by default) of a phantom.

    A target whose plane has no readable series is not located and answered by priors. DataError without a truth.
    """
    if (truth := truth_folder(folder.root)) is None:
        raise DataError("only a phantom's run can be simulated", wanted="truth/latents.csv beside the folder",
                        where=folder.root, remedy="leave the data out to use the phantom")
    chosen = folder.study_ids("train") if studies is None else list(studies)
    places = _places(folder, KEYPOINTS.read(truth / "keypoints.csv"), chosen, seed)
    latents = LATENTS.read(truth / "latents.csv").set_index("row_id")[list(SEVERITY_COLUMNS)]
    return write_run(path, folder, settings, chosen, places, latents, seed)


def write_run(path: Path, folder: CompetitionFolder, settings: Settings, chosen: Sequence[int], places: pd.DataFrame,
              latents: pd.DataFrame, seed: int) -> RunFolder:
    """The files of a run of two predicted folds of the `chosen` studies, answered by their exact rates with noise.

    places: LOCATIONS of these without their fold, in order; latents: the rates by row_id.
    """
    run, every = RunFolder(Path(path)), folder.study_ids("train")
    fold_of = {study: number % FOLDS_FINISHED for number, study in enumerate(chosen)}
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": fold_of.get(study, FOLDS_FINISHED)} for study in every]),
                run.folds)
    write_json(run.environment, environment() | {"data": {
        "folder": str(folder.root.absolute()), "fingerprint": data_fingerprint(folder.root)}})
    write_text(run.config, dump_settings(settings))
    for fold in sorted(set(fold_of.values())):
        own = [study for study in chosen if fold_of[study] == fold]
        _write_fold(run, fold, folder, own, places[places["study_id"].isin(own)], latents, seed)
    return run


def _places(folder: CompetitionFolder, keypoints: pd.DataFrame, studies: Sequence[int], seed: int) -> pd.DataFrame:
    """LOCATIONS without their fold: the true places with noise, each on the nearest slice of its own plane."""
    draw = generator(seed, "simulated places")
    true = keypoint_truths(keypoints).set_index(TARGET_KEYS)
    series = folder.series["train"]
    series = series[series["study_id"].isin(list(studies))]
    planes = planes_of(folder, set(zip(series["study_id"], series["series_id"], strict=True)))
    by_plane = {(study, plane): [int(one) for one in rows["series_id"] if planes[study, int(one)]]
                for (study, plane), rows in series.groupby(["study_id", "plane"])}
    return pd.DataFrame([
        {"study_id": study, **target._asdict(),
         **_place(np.array(true.loc[(study, *target)], float), by_plane.get((study, ANNOTATED_PLANE[target.condition])),
                  {one: planes[study, one] for one in by_plane.get((study, ANNOTATED_PLANE[target.condition]), ())},
                  draw)} for study in studies for target in TARGETS])


def _place(true_mm: np.ndarray, series: Sequence[int] | None, planes: dict, draw: np.random.Generator) -> dict:
    if not series:
        return {**dict.fromkeys(("series_id", "slice_index", "x_px", "y_px", *MM)), "confidence": 0.0,
                "found_by": "prior"}
    place = true_mm + draw.normal(0, PLACE_SD_MM, 3)
    near = {one: int(nearest_slices(planes[one], place[None])[0]) for one in series}
    best = min(series, key=lambda one: abs(planes[one][near[one]].to_pixel(place)[1]))
    x_px, y_px = planes[best][near[best]].to_pixel(place)[0]
    return {"series_id": best, "slice_index": near[best], "x_px": x_px, "y_px": y_px,
            **dict(zip(MM, place, strict=True)), "confidence": draw.uniform(0.4, 0.98),
            "found_by": "geometry" if draw.random() < 0.05 else "detector"}


def _write_fold(run: RunFolder, fold: int, folder: CompetitionFolder, studies: Sequence[int], places: pd.DataFrame,
                latents: pd.DataFrame, seed: int) -> None:
    here, priors = run.fold(fold), prior_table(folder.grades[~folder.grades["study_id"].isin(list(studies))])
    write_priors(priors, here.priors)
    LOCATIONS.write(LOCATIONS.frame(places.assign(fold=fold)), here.locations)
    ids = [row_id(study, target) for study in studies for target in TARGETS]
    noise = generator(seed, "simulated answers", fold).normal(0, LOGIT_SD, (len(ids), len(SEVERITY_COLUMNS)))
    logits = np.log(np.maximum(latents.loc[ids].to_numpy(), 1e-4)) + noise
    answers = weighted(np.exp(logits - logits.max(axis=1, keepdims=True)))
    lost = (places["found_by"] == "prior").to_numpy()
    answers[lost] = prior_predictions(priors, studies)[list(SEVERITY_COLUMNS)].to_numpy()[lost]
    why = [f"no {ANNOTATED_PLANE[Condition(one)]} series" for one in places["condition"]]
    PREDICTIONS.write(PREDICTIONS.frame(pd.DataFrame(answers, columns=list(SEVERITY_COLUMNS)).assign(
        row_id=ids, fold=fold, model="simulated", fallback=np.where(lost, why, None))), here.predictions)
    LEVELS.write(LEVELS.frame([{"study_id": study, "level": level, "y_mm": 0.0, "z_mm": 0.0, "posterior": 1.0,
                                "margin": 9.0, "fold": fold} for study in studies for level in Level]), here.levels)
    LOCATION_NOTES.write(LOCATION_NOTES.empty(), here.location_notes)
    BOX_MATCHES.write(BOX_MATCHES.empty(), here.box_matches)
