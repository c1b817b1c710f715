"""Training a fold's classifier: which targets, their crops, the fit, and the network it leaves behind."""

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.config import Settings
from lsdc.config.paths import cache_root
from lsdc.crops import CropStore, open_store, widened
from lsdc.errors import ConfigError
from lsdc.files import file_hash, read_json, write_json
from lsdc.grade.artefact import DESCRIPTION_FILE, Classifier, save_classifier
from lsdc.grade.samples import TARGET_KEY, graded_points
from lsdc.ranks import rank
from lsdc.tables import LOCATION_ERRORS, POINTS
from lsdc.taxonomy import Condition

INPUTS_FILE = "inputs.json"

log = logging.getLogger(__name__)


def train_classifier(
    folder: CompetitionFolder,
    *,
    fit_studies: Iterable[int],
    tuning_studies: Iterable[int],
    location_errors: pd.DataFrame,
    settings: Settings,
    fold: int,
    seed: int,
    out: Path,
) -> None:
    """Train on the annotated points of fit_studies, jittered by location_errors, and leave a classifier in `out`.

    `out` (classifier.safetensors, classifier.json, history.csv, tensorboard/, checkpoints) appears whole when all is
    done; until then everything is in a sibling named `<out>.training`, from which an interrupted training goes on.
    With early_stop_patience 0 the last (averaged) weights are kept and tuning_studies, which may then be empty, only
    give a loss to look at; otherwise those of the best tuning loss, of each condition's own where nothing is shared.
    Crops are kept in the cache.

    ConfigError when either folder holds a training of other settings or inputs; DeviceError for an absent GPU.
    """
    out, fit_studies, tuning_studies = Path(out), sorted(fit_studies), sorted(tuning_studies)
    errors = LOCATION_ERRORS.check(location_errors, "location_errors")
    work = out.with_name(f"{out.name}.training")
    inputs = _inputs(folder, fit_studies, tuning_studies, errors, settings, fold, seed)
    if _same(out, inputs) and (out / DESCRIPTION_FILE).exists():
        log.info("this classifier is already trained: %s", out)
        return
    if not rank() and not _same(work, inputs):
        write_json(work / INPUTS_FILE, inputs)
    if settings.training.early_stop_patience and not tuning_studies:
        raise ConfigError("early stopping needs tuning studies", where="training.early_stop_patience",
                          wanted="0, or a fold with tuning studies", got=settings.training.early_stop_patience)
    if settings.augment.location_jitter and (lacking := set(map(str, Condition)) - set(errors["condition"])):
        log.warning("no location error was measured, so no jitter: %s", ", ".join(sorted(lacking)))
    started = time.perf_counter()
    store = graded_crops(folder, fit_studies, settings)
    tuning = graded_crops(folder, tuning_studies, settings) if tuning_studies else None
    from lsdc.grade.fit import fit  # Lightning and albumentations: not for those who only predict

    fitted = fit(store, tuning, errors, settings, seed, work)
    if fitted is None:  # the first process of this training does the rest
        return
    save_classifier(
        Classifier(fitted.model, settings.classifier, settings.crops, fold), work, samples=len(store),
        epochs=fitted.epochs, losses=fitted.losses, seed=seed, seconds=round(time.perf_counter() - started, 1),
    )
    shutil.rmtree(out, ignore_errors=True)  # left by a copy or removal that was not whole
    os.replace(work, out)


def graded_crops(folder: CompetitionFolder, studies: list[int], settings: Settings) -> CropStore:
    """Crops of the graded, annotated targets, with room for the augmentations; its rows have severity too."""
    from lsdc.grade.augment import room

    samples = graded_points(folder, studies)
    wide = widened(settings.crops, **room(settings.augment, settings.crops, balance=settings.training.balance))
    store = open_store(folder, samples[list(POINTS.columns)], wide, cache_root() / "crops",
                       shown=settings.crops, workers=settings.compute.workers)
    rows = store.rows.merge(samples[[*TARGET_KEY, "severity"]], on=TARGET_KEY, how="left")
    log.info("%d crops of %d studies, %d graded targets without one", len(rows), rows["study_id"].nunique(),
             int(folder.grades[folder.grades["study_id"].isin(studies)]["severity"].notna().sum()) - len(rows))
    if beyond := sum(any(share is not None and share < 1 for share in shares) for shares in rows["covered"]):
        log.info("%d of these crops reach beyond their image", beyond)
    if hidden := sum(not all(seen) for seen in rows["seen"]):
        log.info("%d of these crops have one of their two views alone", hidden)
    return CropStore(store.folder, rows, store.settings)


def _inputs(folder, fit_studies, tuning_studies, errors, settings: Settings, fold: int, seed: int) -> dict:
    """What a training depends on; the device it runs on is not part of it."""
    studies = [*fit_studies, *tuning_studies]
    tables = [folder.grades[folder.grades["study_id"].isin(studies)],
              folder.points[folder.points["study_id"].isin(studies)], errors]
    digests = [hashlib.sha256(table.to_csv(index=False).encode()).hexdigest() for table in tables]
    sections = ("crops", "classifier", "training", "augment")
    return {
        **{name: getattr(settings, name).model_dump(mode="json") for name in sections},
        "starting_weights": file_hash(weights) if (weights := settings.classifier.weights) else None,
        "fold": fold, "seed": seed, "fit_studies": fit_studies, "tuning_studies": tuning_studies,
        **dict(zip(("grades", "points", "location_errors"), digests, strict=True)),
    }


def _same(place: Path, inputs: dict) -> bool:
    """Whether a folder holds this very training; ConfigError when it holds another."""
    if not (place / INPUTS_FILE).exists():
        return False
    there = read_json(place / INPUTS_FILE)
    if changed := sorted(key for key in {**inputs, **there} if inputs.get(key) != there.get(key)):
        raise ConfigError("this folder holds a training of other settings or inputs", got=f"differing: {changed}",
                          where=place, remedy="remove this folder to train anew, or choose another run")
    return True
