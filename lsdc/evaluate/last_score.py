"""The score that a run's last evaluation left, where that is of the predictions that are there now."""

from typing import NamedTuple

from lsdc.errors import StorageError
from lsdc.files import file_hash, read_json
from lsdc.runs import RunFolder


class LastScore(NamedTuple):
    """score: total with interval, beside priors and floor. fresh: whether it is of the predictions that are there."""

    score: dict
    fresh: bool


def read_last_score(run: RunFolder) -> LastScore | None:
    """None if the run was never evaluated; StorageError when the file of its evaluation is damaged."""
    if not run.evaluation.exists():
        return None
    try:
        figures = read_json(run.evaluation)
        score = _summary(figures)
        there = {f"fold{fold.number}": file_hash(fold.predictions) for fold in run.folds_with("predictions.csv")}
        if (scored := figures.get("predictions")) is None:  # of an older version: only which folds is known
            return LastScore(score, score["folds"] == [int(name.removeprefix("fold")) for name in there])
        return LastScore(score, scored == there)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise StorageError("this is no evaluation of a run", got=repr(error), where=run.evaluation,
                           remedy="make it again with `make evaluate`, or remove it") from error


def _summary(figures: dict) -> dict:
    totals = {row["name"]: row["total"] for row in figures["scores"]}
    return {
        "total": totals["model"], "interval": figures["scores"][0]["intervals"]["total"],
        "priors": totals.get("priors"), "floor": totals.get("floor"), "share_of_way": figures.get("share_of_way"),
        "folds": figures["folds"], "studies": figures["studies"], "phantom": figures["phantom"],
    }
