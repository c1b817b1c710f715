"""From a run to `submissions/<name>/`: submission.csv and its manifest."""

import shutil
from pathlib import Path

import pandas as pd
import torch

from lsdc.competition import CompetitionFolder
from lsdc.errors import DataError
from lsdc.files import written_aside
from lsdc.record import commit
from lsdc.runs import RunFolder
from lsdc.submit.manifest import last_score, of_run, write_manifest
from lsdc.submit.pipeline import FoldModel, in_sample, predict_test_part
from lsdc.submit.writer import write_submission


def make_submission(
    folder: CompetitionFolder, run: RunFolder, device: torch.device, out: Path, *, replace: bool = False
) -> dict:
    """Predict the test part with every finished fold of a run; leave csv and manifest in `out`; return the manifest.

    The folder `out` appears whole. DataError, before anything is predicted, when it is there already and may not be
    replaced.
    """
    need_free(out, replace=replace)
    folds, score, made_by = run.finished_folds(), last_score(run), commit()
    predictions = predict_test_part(folder, [FoldModel.load(fold, device) for fold in folds])
    return leave(out, folder, predictions, made_of=of_run(run, folds), out_of_fold=score, commit=made_by)


def need_free(out: Path, *, replace: bool) -> None:
    """DataError when there is a submission in `out` that may not be replaced."""
    if Path(out).exists() and not replace:
        raise DataError("there is a submission of this name", where=out,
                        remedy="choose another with NAME=... (--name), or replace it with REPLACE=1 (--replace)")


def leave(out: Path, folder: CompetitionFolder, predictions: pd.DataFrame, **manifest: object) -> dict:
    """Write submission.csv and manifest.json (with the words of `write_manifest`) as the folder `out`, whole."""
    predictions = in_sample(predictions, folder)
    with written_aside(out) as aside:
        submission = aside / "submission.csv"
        write_submission(predictions, folder.sample, submission)
        told = write_manifest(aside / "manifest.json", data=folder.root, predictions=predictions,
                              submission=submission, **manifest)
        shutil.rmtree(out, ignore_errors=True)
    return told
