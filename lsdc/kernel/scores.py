"""What a bundle can be expected to score: the last out-of-fold evaluation of its run, where it is of its folds."""

from lsdc.evaluate.last_score import read_last_score
from lsdc.runs import FoldFolder, RunFolder

TOLD = ("total", "interval", "folds", "studies", "phantom")


def expected_score(run: RunFolder, folds: list[FoldFolder]) -> dict | None:
    """Total with interval, its folds and studies; None when the run was not evaluated since its folds were predicted.

    One fold's model is expected to score what it scored; the mean of several folds a little better than each.
    StorageError when the file of the evaluation is damaged.
    """
    last = read_last_score(run)
    if last is None or not last.fresh or not {fold.number for fold in folds} <= set(last.score["folds"]):
        return None
    return {name: last.score[name] for name in TOLD}
