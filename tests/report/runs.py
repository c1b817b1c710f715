"""Run folders written by hand, with numbers that are easy to find again."""

from collections.abc import Sequence
from pathlib import Path

from lsdc.config import dump_settings, load_settings
from lsdc.evaluate.metric import TERMS
from lsdc.files import file_hash, write_json, write_text
from lsdc.runs import RESULTS, RunFolder
from lsdc.tables import FOLDS
from lsdc.taxonomy import Condition, Level

FOLDS_OF = {0: (11, 14), 1: (12, 15), 2: (13, 16)}
MINUTES = {"train the detector": 4, "locate": 1, "train the classifier": 2, "predict": 0.1}


def write_run(
    root: Path, name: str, *, finished: Sequence[int] = (0, 1), located: Sequence[int] | None = None,
    evaluated: bool = True, fingerprint: str = "f" * 64, **figures,
) -> RunFolder:
    """A run of three folds of two studies; `figures` go to `evaluation`."""
    run = RunFolder(Path(root) / name)
    write_text(run.config, dump_settings(load_settings("configs/smoke.yaml")))
    write_json(run.environment, {
        "commit": "aaaabbbbcccc", "lsdc": "0.1", "python": "3.12.1", "system": "Linux", "processor": "x86_64",
        "cores": 2, "packages": {"torch": "2.4", "timm": None}, "command": "lsdc train --config configs/smoke.yaml",
        "data": {"folder": "/somewhere/phantom-9-2-seed1/competition", "fingerprint": fingerprint},
        "config": {"file": "configs/smoke.yaml", "set": ["seed=3"]}, "begun": "2024-10-08T07:06:05+00:00"})
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": fold} for fold, some in FOLDS_OF.items() for study in some]),
                run.folds)
    for fold in located if located is not None else finished:
        write_fold(run, fold, stages=tuple(RESULTS) if fold in finished else tuple(RESULTS)[:2])
    if evaluated:
        write_json(run.evaluation, evaluation(run, finished, **figures))
    return run


def write_fold(run: RunFolder, fold: int, *, stages: Sequence[str] = tuple(RESULTS)) -> None:
    """Results of the stages, MINUTES of each and, with a classifier, three epochs: fold 1 has no tuning loss."""
    here = run.fold(fold)
    for name in (name for stage in stages for name in RESULTS[stage]):
        path = getattr(here, name)
        path.mkdir(parents=True) if name in ("detector", "classifier") else path.write_text(f"{name} of fold {fold}\n")
    write_json(here.stages, {stage: {"seconds": 60 * MINUTES[stage], "peak_memory_gb": 1.5 + fold / 10,
                                     "commit": "ddddeeeeffff"} for stage in stages})
    if here.classifier.exists():
        tuning = [".9", ".5", ".6"] if fold != 1 else ["", "", ""]
        rows = [f"{epoch},{0.001 / epoch},{1 / epoch:.4f},{tuning[epoch - 1]}" for epoch in (1, 2, 3)]
        write_text(here.history, "\n".join(["epoch,learning_rate,train_loss,tuning_loss", *rows]) + "\n")


def evaluation(run: RunFolder, folds: Sequence[int], *, total: float = 0.5, floor: float | None = 0.4,
               causes: Sequence[str] = ("no sagittal_t1 series",), inside_noise: bool = False) -> dict:
    """As `evaluate_run` gives it: priors .8, kappas .7, .6, .5; the terms of a line are its total."""
    lines = {"model": total, "priors": 0.8} | ({} if floor is None else {"floor": floor}) | {"uniform": 1.0}
    names = [name for name in ("model", "priors", "floor") if name in lines]
    way = None if floor is None else {"value": (0.8 - total) / (0.8 - floor), "interval": [0.1, 0.9]}
    place = {"condition": "all", "n": 90, "missed": 3, "id_rate": 0.95, "interval": [0.9, 1.0], "mean_mm": 2.5,
             "median_mm": 2.25, "p95_mm": None}
    return {
        "studies": 2 * len(folds), "rows": 50 * len(folds), "interval": 0.95, "bootstrap": 200,
        "phantom": floor is not None, "folds": list(folds), "all_folds": False,
        "predictions": {f"fold{fold}": file_hash(run.fold(fold).predictions) for fold in folds},
        "scores": [{"name": name, "total": value, **dict.fromkeys(TERMS, value),
                    "intervals": {term: [value - 0.1, value + 0.1] for term in (*TERMS, "total")}}
                   for name, value in lines.items()],
        "share_of_way": way,
        "model_minus_priors": {"value": total - 0.8, "interval": [total - 0.9, total - 0.7], "p_better": 0.875,
                               "inside_noise": inside_noise},
        "cells": [{"condition": condition, "level": level, "rows": 4, **{name: lines[name] for name in names},
                   "interval": [None, None]} for condition in Condition for level in Level],
        "agreement": [{"condition": condition, "rows": 20, "accuracy": 0.75, "always_normal": 0.7,
                       "linear_kappa": 0.7 - number / 10, "interval": [0.4, 0.9]}
                      for number, condition in enumerate(Condition)],
        "fallback": {"rows": 5, "of": 100, "share": 0.05,
                     "causes": [{"cause": cause, "rows": 5, "studies": 1} for cause in causes]},
        "locations": [{"truth": "annotated points", "rows": [place]}],
    }
