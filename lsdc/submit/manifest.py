"""What a submission is made of, written beside it, so that it can be traced and made again."""

import logging
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from lsdc.errors import StorageError
from lsdc.files import file_hash, read_json, write_json
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
    if not run.evaluation.exists():
        return None
    try:
        figures = read_json(run.evaluation)
        score = _summary(figures)
        if (scored := figures.get("predictions")) is None:  # of an older version: only which folds is known
            fresh = score["folds"] == [fold.number for fold in run.folds_with("predictions.csv")]
        else:
            fresh = scored == {f"fold{fold.number}": file_hash(fold.predictions)
                               for fold in run.folds_with("predictions.csv")}
        if not fresh:
            log.warning("the score of the last evaluation is not written into the manifest: it is of other "
                        "predictions than those that are there (make evaluate)")
        return score if fresh else None
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise StorageError("this is no evaluation of a run", got=repr(error), where=run.evaluation,
                           remedy="make it again with `make evaluate`, or remove it") from error


def _summary(figures: dict) -> dict:
    totals = {row["name"]: row["total"] for row in figures["scores"]}
    return {
        "total": totals["model"], "interval": figures["scores"][0]["intervals"]["total"],
        "priors": totals["priors"], "floor": totals.get("floor"), "share_of_way": figures["share_of_way"],
        "folds": figures["folds"], "studies": figures["studies"], "phantom": figures["phantom"],
    }
