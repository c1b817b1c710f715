"""The folds of one model beside each other: do they differ by more than the draw of their studies?"""

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import replicate_sums
from lsdc.evaluate.figure import figure, gap
from lsdc.evaluate.metric import StudySums, terms_and_total


def between_folds(sums: StudySums, fold: np.ndarray, settings: EvaluationSettings) -> dict | None:
    """Totals of folds from `study_sums` and each study's fold (n,), nan where unknown; None with fewer than two folds.

    folds: fold, studies, total (value, interval, why), minus_others (value, interval, p_better, inside_noise, why):
    this fold's total minus that of all others, which are other studies, so unpaired. sd: of the folds' totals;
    sd_by_chance: what the draw of studies alone makes of it, the root mean square of the folds' bootstrap SDs.
    """
    known = np.unique(fold[np.isfinite(fold)]).astype(int)
    if len(known) < 2:
        return None
    rows, exact, spread = [], [], []
    for number in known.tolist():
        value, drawn = _total(sums, fold == number, settings, 2 * number + 1)
        rest, other = _total(sums, np.isfinite(fold) & (fold != number), settings, 2 * number + 2)
        why = "a term of it has no labelled row"
        rows.append({"fold": number, "studies": int((fold == number).sum()),
                     "total": figure(value, drawn, settings, why=why),
                     "minus_others": gap(value - rest, drawn - other, settings, why=why)})
        exact.append(value)
        spread.append(np.nanvar(drawn) if np.isfinite(drawn).any() else np.nan)
    return {"folds": rows, "sd": float(np.std(exact, ddof=1)), "sd_by_chance": float(np.sqrt(np.mean(spread)))}


def _total(sums: StudySums, of: np.ndarray, settings: EvaluationSettings, stream: int) -> tuple[float, np.ndarray]:
    """Total of some studies and its replicates (B,); each stream of draws is its own."""
    own = settings.model_copy(update={"seed": settings.seed + stream})
    both = np.hstack([sums.loss[of], sums.weight[of]])
    drawn = replicate_sums(both, own)
    return (float(terms_and_total(*np.split(both.sum(axis=0), 2))[-1]),
            terms_and_total(*np.split(drawn, 2, axis=1))[:, -1])
