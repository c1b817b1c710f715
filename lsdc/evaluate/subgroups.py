"""Scores by kind of study: planes that are there, scanner, size. Of whole studies, so a group has its own total."""

from collections.abc import Mapping

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import difference, interval, score_replicates
from lsdc.evaluate.graded import Graded
from lsdc.evaluate.metric import TERMS, StudySums, study_sums, terms_and_total
from lsdc.evaluate.plain import plain


def subgroup_figures(
    rows: Graded, model: np.ndarray, priors: np.ndarray, groups: Mapping[int, str], settings: EvaluationSettings
) -> list[dict]:
    """For each group of studies, largest first: name, studies, rows, priors, model and minus_priors.

    model, priors (all rows, 3); groups: study_id to name, studies that are not in it are left out. model has total and
    interval (studies of the group drawn); minus_priors is paired: value, interval, p_better, inside_noise. `why` tells
    where there is no total; intervals of one study are None.
    """
    name_of = np.array([groups.get(int(study), "") for study in rows.studies], dtype=object)
    labelled = np.bincount(rows.study, minlength=len(rows.studies))
    names = sorted(set(name_of) - {""}, key=lambda name: (-int((name_of == name).sum()), name))
    whole = [study_sums(rows, values) for values in (model, priors)]
    return plain([{"name": name, "studies": int((name_of == name).sum()), "rows": int(labelled[name_of == name].sum()),
                   **_figures([_part(sums, name_of == name) for sums in whole], settings)} for name in names])


def _part(sums: StudySums, of: np.ndarray) -> StudySums:
    return StudySums(sums.studies[of], sums.loss[of], sums.weight[of])


def _figures(tables: list[StudySums], settings: EvaluationSettings) -> dict:
    exact = [terms_and_total(one.loss.sum(axis=0), one.weight.sum(axis=0)) for one in tables]
    totals = [one[-1] for one in exact]
    absent = [term.replace("_", "-") for term, value in zip(TERMS, exact[0], strict=False) if not np.isfinite(value)]
    drawn = score_replicates(tables, settings)[..., -1]  # (2, B)
    if len(tables[0].studies) < 2:
        drawn = np.full_like(drawn, np.nan)
    ends, gap = interval(drawn[0], settings), difference(totals[0] - totals[1], drawn[0] - drawn[1], settings)
    known = np.isfinite(drawn[0]).any()
    return {"model": totals[0], "interval": [ends.low, ends.high], "priors": totals[1],
            "why": f"no labelled row for {', '.join(absent)}" if absent else "",
            "minus_priors": {"value": gap.value, "interval": [gap.interval.low, gap.interval.high],
                             "p_better": gap.p_better, "inside_noise": gap.inside_noise if known else None}}
