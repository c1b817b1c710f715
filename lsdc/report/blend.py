"""What a blend gains, paired and with intervals over studies, and the file that it leaves."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.blend.cross_fit import CrossFitted
from lsdc.blend.formulas import pool
from lsdc.blend.layout import CONDITION, LEVEL_GROUP
from lsdc.blend.saved import Blend, fallbacks
from lsdc.blend.sources import Source
from lsdc.blend.stack import rows_of
from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import difference, interval, score_replicates
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import TERMS, study_sums, terms_and_total
from lsdc.evaluate.plain import plain
from lsdc.evaluate.probabilities import probabilities
from lsdc.tables import PREDICTIONS
from lsdc.taxonomy import Condition

NESTED = "nested choice"
GROUPS = ("L1/L2, L2/L3", "L3/L4 to L5/S1")


@dataclass(frozen=True, eq=False)
class Blending:
    """figures: plain, ready for json; blend: what is saved; predictions: PREDICTIONS of the nested choice."""

    figures: dict
    blend: Blend
    predictions: pd.DataFrame


def blending(
    fitted: CrossFitted, sources: list[Source], grades: pd.DataFrame, settings: EvaluationSettings, *,
    commit: str | None, folds_sha256: str,
) -> Blending:
    """Score every candidate's out-of-fold table and the nested choice against the simplest candidate.

    grades: GRADES of exactly the studies of the stack.
    """
    stack = fitted.stack
    first = next(iter(fitted.tables))
    tables = {**fitted.tables, NESTED: fitted.nested}
    scores = _scores(tables, first, stack.answers.studies, grades, settings)
    nested = scores[-1]
    figures = plain({
        "studies": len(stack.severity), "folds": sorted(set(stack.fold.tolist())),
        "interval": settings.interval, "bootstrap": settings.bootstrap,
        "models": [{"name": source.member.name, "run": source.member.run,
                    "missing": int((stack.answers.present[:, number] == 0).sum()),
                    "of": stack.severity.size} for number, source in enumerate(sources)],
        "reference": first, "scores": scores, "chosen": fitted.chosen,
        "chosen_without": {str(fold): name for fold, name in fitted.chosen_without.items()},
        "weights": _weights(fitted),
    })
    record = {"chosen": fitted.chosen, "studies": figures["studies"], "folds": figures["folds"],
              "folds_sha256": folds_sha256, "commit": commit, "reference": first,
              "out_of_fold": plain({"total": nested["total"], "interval": nested["interval"],
                                    "minus_reference": nested["minus_reference"]})}
    blend = Blend(tuple(source.member for source in sources), fitted.final, record)
    return Blending(figures, blend, _predictions(fitted, sources))


def _scores(tables: dict, first: str, studies: np.ndarray, grades: pd.DataFrame, settings: EvaluationSettings
            ) -> list[dict]:
    rows = graded(grades)
    sums = [study_sums(rows, probabilities(rows_of(studies, table), rows.order, where=name))
            for name, table in tables.items()]
    replicates = score_replicates(sums, settings)  # (tables, replicates, 5)
    values = np.stack([terms_and_total(one.loss.sum(0), one.weight.sum(0)) for one in sums])  # (tables, 5)
    number = list(tables).index(first)
    told = []
    for name, value, draws in zip(tables, values, replicates, strict=True):
        ends, against = interval(draws[:, -1], settings), None
        if name != first:
            gain = difference(value[-1] - values[number, -1], draws[:, -1] - replicates[number, :, -1], settings)
            against = {"value": gain.value, "interval": [gain.interval.low, gain.interval.high],
                       "p_better": gain.p_better, "inside_noise": gain.inside_noise}
        told.append({"name": name, **dict(zip((*TERMS, "total"), value, strict=True)),
                     "interval": [ends.low, ends.high], "minus_reference": against})
    return told


def _weights(fitted: CrossFitted) -> list[dict]:
    """The final pool's share of each model by condition and level group, where all of them answer."""
    models = len(fitted.stack.models)
    parameters = fitted.final.steps[0].parameters
    one_hot = np.broadcast_to(np.eye(models)[None, :, None], (1, models, len(CONDITION), models))
    shares = pool({**parameters, "priors": np.zeros(models)}, one_hot, np.ones((1, models, len(CONDITION))))[0]
    return [{"condition": condition.value, "levels": name,
             "shares": dict(zip(fitted.stack.models,
                                shares[(number == CONDITION) & (group == LEVEL_GROUP)][0], strict=True))}
            for number, condition in enumerate(Condition) for group, name in enumerate(GROUPS)]


def _predictions(fitted: CrossFitted, sources: list[Source]) -> pd.DataFrame:
    stack = fitted.stack
    table = rows_of(stack.answers.studies, fitted.nested)
    frames = {source.member.name: source.predictions for source in sources}
    return PREDICTIONS.frame(table.assign(
        fold=np.repeat(stack.fold, stack.severity.shape[1]), model="+".join(stack.models),
        fallback=fallbacks(frames, stack.answers, table["row_id"])))
