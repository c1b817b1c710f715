"""What a submission is made of, written beside it, so that it can be traced and made again."""

import logging
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from lsdc.evaluate.last_score import read_last_score
from lsdc.files import file_hash, write_json
from lsdc.runs import FoldFolder, RunFolder

log = logging.getLogger(__name__)


def of_run(run: RunFolder, folds: list[FoldFolder]) -> dict:
    """What says in a manifest which run and folds predicted, and with which config."""
    return {"run": run.path.name, "folds": [fold.number for fold in folds], "config_sha256": file_hash(run.config)}


def write_manifest(path: Path, *, made_of: dict, data: Path, predictions: pd.DataFrame, submission: Path,
                   out_of_fold: dict | None, commit: str | None) -> dict:
    """Write and return the manifest: what it is made of (`of_run`, or a blend of several), out-of-fold score with
    interval, fallbacks, hashes, commit."""
    answered = predictions[predictions.fallback.notna()]
    answered = answered.assign(study=answered.row_id.str.split("_").str[0])
    fallbacks = Counter(answered.fallback)
    manifest = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        **made_of,
        "data": data.name,
        "studies": int(predictions.row_id.str.split("_").str[0].nunique()),
        "rows": len(predictions),
        "fallback_rows": int(sum(fallbacks.values())),
        "fallbacks": dict(fallbacks.most_common()),
        "fallback_studies": {cause: sorted(set(rows.study)) for cause, rows in answered.groupby("fallback")},
        "out_of_fold": out_of_fold,
        "submission_sha256": file_hash(submission),
        "commit": commit,
    }
    write_json(path, manifest)
    return manifest


def last_score(run: RunFolder) -> dict | None:
    """The last evaluation of the run: total with interval, beside priors and floor.

    None if it was never asked, or is not of the predictions that are there. StorageError when its file is damaged.
    """
    if (last := read_last_score(run)) is None:
        return None
    if not last.fresh:
        log.warning("the score of the last evaluation is not written into the manifest: it is of other predictions "
                    "than those that are there (make evaluate)")
    return last.score if last.fresh else None
