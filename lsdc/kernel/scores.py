"""What a bundle can be expected to score: the last out-of-fold evaluation of its run, where it is of its folds."""

from lsdc.errors import StorageError
from lsdc.files import file_hash, read_json
from lsdc.runs import FoldFolder, RunFolder


def expected_score(run: RunFolder, folds: list[FoldFolder]) -> dict | None:
    """Total with interval, its folds and studies; None when the run was not evaluated since its folds were predicted.

    One fold's model is expected to score what it scored; the mean of several folds a little better than each.
    """
    if not run.evaluation.exists():
        return None
    try:
        figures = read_json(run.evaluation)
        score = figures["scores"][0]
        told = {"total": score["total"], "interval": score["intervals"]["total"], "folds": figures["folds"],
                "studies": figures["studies"], "phantom": figures["phantom"]}
        predicted = figures.get("predictions", {})
    except (KeyError, IndexError, TypeError) as error:
        raise StorageError("this is no evaluation of a run", got=repr(error), where=run.evaluation,
                           remedy="make it again with `make evaluate`, or remove it") from error
    there = {f"fold{fold.number}": file_hash(fold.predictions) for fold in run.folds_with("predictions.csv")}
    of_these = predicted == there and {fold.number for fold in folds} <= set(told["folds"])
    return told if of_these else None
