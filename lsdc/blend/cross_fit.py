"""The nested choice: no study is ever predicted by what was fitted, or chosen, with it.

With folds f, g: a candidate's out-of-fold table predicts fold f by what was fitted on all folds but f. Which
candidate predicts fold f in the nested table is chosen without f: by scores on each other fold g of what was fitted on
all folds but f and g. The final blend is chosen by the candidates' out-of-fold tables and fitted on all studies.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lsdc.blend.candidates import candidates_for, fit_chains
from lsdc.blend.chain import Chain
from lsdc.blend.layout import CONDITION
from lsdc.blend.objective import influence, study_sums, total
from lsdc.blend.stack import Stack
from lsdc.errors import FoldError, TableError
from lsdc.progress import track
from lsdc.taxonomy import Condition

FEWEST_FOLDS = 3  # one to score on, one to choose on, one to fit on


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """tables: each candidate's out-of-fold probabilities (n, 25, 3), with the metric's weights; nested: those of the
    nested choice; chosen_without: the candidate that predicts each fold in it; chosen, final: the blend to be used.
    """

    stack: Stack
    tables: dict[str, np.ndarray]
    nested: np.ndarray
    chosen_without: dict[int, str]
    chosen: str
    final: Chain


def cross_fit(stack: Stack) -> CrossFitted:
    """Fit, choose and cross-predict every candidate; FoldError with fewer than three folds, TableError without grades
    of a condition."""
    folds = sorted(set(stack.fold.tolist()))
    if len(folds) < FEWEST_FOLDS:
        raise FoldError("too few folds for a nested choice", wanted=f"at least {FEWEST_FOLDS}", got=len(folds),
                        remedy="blend predictions of more folds: train them, or divide the studies in more")
    candidates = candidates_for(stack.models)
    left_out = [frozenset(some) for count in (0, 1, 2) for some in combinations(folds, count)]
    for some in left_out:
        _need_grades(stack, some)
    fits = {some: fit_chains(candidates, stack.of(~np.isin(stack.fold, list(some))))
            for some in track(left_out, "fit blends")}
    tables = {name: _predicted(stack, {fold: fits[frozenset({fold})][name] for fold in folds}) for name in candidates}
    chosen_without = {}
    for fold in folds:
        others = [other for other in folds if other != fold]
        inner = {name: _predicted(stack, {other: fits[frozenset({fold, other})][name] for other in others})
                 for name in candidates}
        chosen_without[fold] = choose(inner, stack.severity, stack.fold != fold)
    nested = _predicted(stack, {fold: fits[frozenset({fold})][chosen_without[fold]] for fold in folds})
    chosen = choose(tables, stack.severity)
    return CrossFitted(stack, tables, nested, chosen_without, chosen, fits[frozenset()][chosen])


def choose(tables: dict[str, np.ndarray], severity: np.ndarray, among: np.ndarray | slice = slice(None)) -> str:
    """The simplest (first) candidate that is not worse than the best by more than one standard error.

    The standard error is of the difference of the two on the same studies (`objective.influence`). The rule of one
    standard error: Breiman et al., Classification and Regression Trees, 1984, section 3.4.3.
    """
    sums = {name: study_sums(table[among], severity[among]) for name, table in tables.items()}
    scores = {name: total(*both) for name, both in sums.items()}
    moves = {name: influence(*both) for name, both in sums.items()}
    best = min(scores, key=scores.get)
    for name in tables:
        apart = moves[name] - moves[best]
        if scores[name] - scores[best] <= np.sqrt(len(apart) * apart.var(ddof=1)):
            return name
    return best


def _predicted(stack: Stack, chains: dict[int, Chain]) -> np.ndarray:
    """(n, 25, 3): each study by its fold's chain; nan for folds without one."""
    values = np.full((*stack.severity.shape, 3), np.nan)
    for fold, chain in chains.items():
        own = stack.fold == fold
        values[own] = chain(stack.answers.of(own))
    return values


def _need_grades(stack: Stack, left_out: frozenset[int]) -> None:
    kept = stack.severity[~np.isin(stack.fold, list(left_out))]
    for number, condition in enumerate(Condition):
        if not (kept[:, number == CONDITION] >= 0).any():
            raise TableError("there is nothing to fit a blend on", wanted=f"grades of {condition.value}",
                             got="none", where=f"studies outside of fold {', '.join(map(str, sorted(left_out)))}"
                             if left_out else "all studies", remedy="blend more studies, or graded ones")
