"""From a run to `submissions/<name>/`: submission.csv and its manifest."""

from pathlib import Path

import torch

from lsdc.competition import CompetitionFolder
from lsdc.record import commit
from lsdc.runs import RunFolder
from lsdc.submit.manifest import write_manifest
from lsdc.submit.pipeline import FoldModel, predict_test_part
from lsdc.submit.writer import write_submission


def make_submission(folder: CompetitionFolder, run: RunFolder, device: torch.device, out: Path) -> dict:
    """Predict the test part with every finished fold of a run; write the csv and the manifest; return the manifest."""
    folds = run.finished_folds()
    predictions = predict_test_part(folder, [FoldModel.load(fold, device) for fold in folds])
    submission = Path(out) / "submission.csv"
    write_submission(predictions, folder.sample, submission)
    return write_manifest(submission.with_name("manifest.json"), run=run, folds=folds, data=folder.root,
                          predictions=predictions, submission=submission, commit=commit())
