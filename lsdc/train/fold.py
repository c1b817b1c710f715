"""The story of one fold: from a competition folder to honest out-of-fold predictions.

Every stage ends in files; a stage whose files are there is not done again, so the same command goes on after a stop.
A stage that is done anew takes the results of all later ones with it.
"""

import logging
from contextlib import nullcontext

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.competition.priors import prior_table, write_priors
from lsdc.config import Settings
from lsdc.detect import train_detector
from lsdc.files import locked
from lsdc.folds import held_out_studies, split_tuning, training_studies, write_or_read_folds
from lsdc.grade import train_classifier
from lsdc.ranks import rank, wait_until
from lsdc.runs import FoldFolder, RunFolder
from lsdc.tables import BOX_MATCHES, LEVELS, LOCATION_ERRORS, LOCATION_NOTES, LOCATIONS, PREDICTIONS
from lsdc.train.stages import stage
from lsdc.train.studies import grade_studies, locate_studies

log = logging.getLogger(__name__)


def train_fold(
    folder: CompetitionFolder, settings: Settings, fold: int, run: RunFolder, *, locate_only: bool = False
) -> FoldFolder:
    """Train fold `fold` and predict its held-out studies; with `locate_only` stop when they are located.

    FoldError for a fold that does not exist, StorageError while another process trains this one.
    """
    if rank():  # of several processes, not the first
        wait_until(run.folds.exists)
    folds = write_or_read_folds(run.folds, folder.grades, settings.folds)
    training, held_out = training_studies(folds, fold), held_out_studies(folds, fold)
    fit, tuning = split_tuning(training, settings.folds.tuning_share, settings.folds.seed, fold)
    here = run.fold(fold)
    log.info("fold %d: %d studies to fit, %d to tune on, %d held out", fold, len(fit), len(tuning), len(held_out))

    with nullcontext() if rank() else locked(here.path, busy="another process is training this fold"):
        _stages(folder, settings, here, training, fit, tuning, held_out, locate_only=locate_only)
    return here


def _stages(
    folder: CompetitionFolder, settings: Settings, here: FoldFolder, training: list[int], fit: list[int],
    tuning: list[int], held_out: list[int], *, locate_only: bool,
) -> None:
    if not here.priors.exists() and not rank():
        write_priors(prior_table(folder.grades[folder.grades.study_id.isin(training)]), here.priors)
    with stage(here, "train the detector") as missing:
        if missing:
            train_detector(folder, fit, settings.detector, seed=settings.seed, fold=here.number,
                           compute=settings.compute, out=here.detector)
    with stage(here, "locate") as missing:
        if missing:
            _locate(folder, settings, here, held_out, tuning)
    if locate_only:
        return
    with stage(here, "train the classifier") as missing:
        if missing:
            early_stop = settings.training.early_stop_patience > 0  # without it nothing is chosen on tuning studies
            train_classifier(folder, fit_studies=fit if early_stop else training,
                             tuning_studies=tuning if early_stop else [],
                             location_errors=LOCATION_ERRORS.read(here.location_errors), settings=settings,
                             fold=here.number, seed=settings.seed, out=here.classifier)
    if rank():  # the classifier's training was all that it took part in
        return
    with stage(here, "predict") as missing:
        if missing:
            _predict(folder, settings, here, held_out)


def _locate(folder: CompetitionFolder, settings: Settings, here: FoldFolder, held_out: list[int], tuning: list[int]):
    """Locations of the held-out studies, and the detector's error where it may honestly be measured."""
    found = {one.study_id: one for one in locate_studies(folder, here, settings.compute, held_out, tuning)}
    errors = [found[study_id].errors for study_id in tuning]
    matches = [BOX_MATCHES.empty(), *(found[study_id].matches for study_id in held_out)]
    LOCATIONS.write(pd.concat([found[study_id].locations for study_id in tuning]), here.tuning_locations)
    LOCATION_ERRORS.write(pd.concat(errors), here.location_errors)
    BOX_MATCHES.write(pd.concat(matches), here.box_matches)
    LEVELS.write(pd.concat([found[study_id].levels for study_id in held_out]), here.levels)
    LOCATION_NOTES.write(pd.concat([found[study_id].notes for study_id in held_out]), here.location_notes)
    LOCATIONS.write(pd.concat([found[study_id].locations for study_id in held_out]), here.locations)


def _predict(folder: CompetitionFolder, settings: Settings, here: FoldFolder, held_out: list[int]):
    """Probabilities of the held-out studies at their own detector's locations; priors where there is no place."""
    PREDICTIONS.write(pd.concat(list(grade_studies(folder, here, settings.compute, held_out))), here.predictions)
