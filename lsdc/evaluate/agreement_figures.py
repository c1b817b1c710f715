"""Agreement by condition, level and side with intervals over studies, as plain dicts."""

from collections.abc import Sequence

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.agreement import CUTS, Decision, decided, rates, target_confusions, why_not
from lsdc.evaluate.auroc import auroc_replicates, ranking
from lsdc.evaluate.bootstrap import replicate_sums
from lsdc.evaluate.figure import figure
from lsdc.evaluate.graded import Graded
from lsdc.evaluate.groups import GROUPS, Group


def agreement_figures(
    rows: Graded, values: np.ndarray, settings: EvaluationSettings, *, decision: Decision = Decision.WEIGHTED,
    groups: Sequence[Group] = GROUPS,
) -> list[dict]:
    """For each group: condition, level, side, rows, labels of each grade, confusion (read by predicted), figures.

    values (all rows, 3); figures: name -> value, interval (studies drawn, so clustered by study), why. Groups without
    any row that was asked for are left out. AUROC is of 1 - normal_mild and of severe, of the probabilities that the
    decision looks at.
    """
    values = decided(values, decision)
    member = np.array([group.targets for group in groups])  # (groups, 25)
    there = member[:, rows.target].any(axis=1)
    groups, member = [group for group, some in zip(groups, there, strict=True) if some], member[there]
    confusion = target_confusions(rows, values)  # (n, 25, 3, 3)
    drawn = replicate_sums(confusion.reshape(len(confusion), -1), settings).reshape(-1, *confusion.shape[1:])
    whole, drawn = (np.einsum("gt,...tij->...gij", member.astype(float), part) for part in (confusion.sum(0), drawn))
    exact, replicates = rates(whole), rates(drawn)
    areas = _areas(rows, values[rows.labelled], member, settings)
    return [
        {**group.keys, "rows": int(whole[g].sum()), "labels": whole[g].sum(axis=1).astype(int).tolist(),
         "confusion": whole[g].astype(int).tolist(),
         "figures": {
             name: figure(value[g], drawings[:, g], settings, why=why_not(whole[g], name))
             for name, value, drawings in (*((name, exact[name], replicates[name]) for name in exact), *areas)}}
        for g, group in enumerate(groups)
    ]


def _areas(
    rows: Graded, values: np.ndarray, member: np.ndarray, settings: EvaluationSettings
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """auroc_moderate and auroc_severe: name, values (groups,), replicates (B, groups); values (m, 3) of labelled rows.

    P(this grade or worse) is one minus P(better), so that ties of exact numbers stay ties.
    """
    scores = {"moderate": 1 - values[:, 0], "severe": values[:, 2]}
    of = [member[g, rows.target] for g in range(len(member))]  # (m,) each
    ranked = [ranking(scores[name][part], rows.severity[part] >= cut, rows.study[part])
              for name, cut in CUTS.items() for part in of]
    exact, drawn = auroc_replicates(ranked, len(rows.studies), settings)
    split = len(member)
    return [(f"auroc_{name}", exact[i * split:(i + 1) * split], drawn[i * split:(i + 1) * split].T)
            for i, name in enumerate(CUTS)]
