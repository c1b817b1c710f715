"""What a submission is made of, written beside it, so that it can be traced and made again."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from lsdc.files import file_hash, read_json, write_json
from lsdc.runs import FoldFolder, RunFolder


def write_manifest(path: Path, *, run: RunFolder, folds: list[FoldFolder], data: Path, predictions: pd.DataFrame,
                   submission: Path, commit: str | None) -> dict:
    """Write and return the manifest: run, folds, out-of-fold score with interval, fallbacks, hashes, commit."""
    fallbacks = Counter(predictions.fallback.dropna())
    manifest = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run.path.name,
        "folds": [fold.number for fold in folds],
        "data": data.name,
        "studies": int(predictions.row_id.str.partition("_")[0].nunique()),
        "rows": len(predictions),
        "fallback_rows": int(sum(fallbacks.values())),
        "fallbacks": dict(fallbacks.most_common()),
        "out_of_fold": _score(run),
        "submission_sha256": file_hash(submission),
        "config_sha256": file_hash(run.config),
        "commit": commit,
    }
    write_json(path, manifest)
    return manifest


def _score(run: RunFolder) -> dict | None:
    """The last evaluation of the run: total with interval, beside priors and floor; None if it was never asked."""
    if not run.evaluation.exists():
        return None
    figures = read_json(run.evaluation)
    totals = {row["name"]: row["total"] for row in figures["scores"]}
    return {
        "total": totals["model"], "interval": figures["scores"][0]["intervals"]["total"],
        "priors": totals["priors"], "floor": totals.get("floor"), "share_of_way": figures["share_of_way"],
        "folds": figures["folds"], "studies": figures["studies"], "phantom": figures["phantom"],
    }
