"""Figures of locations against true points: by condition, level, side, how they were found, and all together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import difference, interval, replicate_quantiles, replicate_sums
from lsdc.evaluate.landmarks import MM, TRUE_MM
from lsdc.evaluate.metric import ratio
from lsdc.evaluate.plain import plain
from lsdc.taxonomy import Condition, Level, Side

PCK_MM = (2, 5, 10)
QUANTILES = {"median_mm": 0.5, "p95_mm": 0.95}
RATES = {  # numerator and denominator, both sums over targets (of studies_exact: over studies)
    "identified": ("identified", "true"),  # VerSe's identification rate, which is also its recall
    "precision": ("identified", "placed"),  # of all places, those of targets without a true point too
    "exact": ("exact", "true"),
    "studies_exact": ("study_exact", "study"),
    "missed": ("missed", "true"),
    "d_mean_mm": ("identified_mm", "identified"),  # of the identified ones
    "mean_mm": ("found_mm", "found"),  # of all that have a place and a true point
    **{f"pck_{most}mm": (f"within_{most}mm", "true") for most in PCK_MM},  # a miss is outside
    "slice_exact": ("same_slice", "slice_known"),
    "slice_within_1": ("next_slice", "slice_known"),
}
COMPARED = ("identified", "exact")
_ORDER = {"condition": [one.value for one in Condition], "level": [one.value for one in Level],
          "side": [one.value for one in Side], "found_by": ["detector", "geometry", "projected"],
          "variant": ["usual"]}  # what is not listed follows in the order of the alphabet


@dataclass(frozen=True, eq=False)
class Group:
    """Targets that are measured together: `by` a column (or all), its value, and which rows (m,) of the errors."""

    by: str
    name: str
    rows: np.ndarray


def location_figures(errors: pd.DataFrame, studies: Sequence[int], settings: EvaluationSettings) -> list[dict]:
    """Figures of a table of `target_errors` (with `slices`, and `variant` where known), one dict for each group.

    Keys: by, name, n (targets with a true point), placed (targets with a place), studies, then each of RATES and
    QUANTILES, median_slices, and `intervals` with a bootstrap over `studies` of each but median_slices. What cannot be
    computed is None, and so are intervals of a single study. A miss counts as neither identified nor exact and as
    outside of every PCK; distances and slice errors are of the locations there are.
    """
    groups = list(groups_of(errors))
    counted = [sums(errors, group, studies) for group in groups]
    drawn = replicate_sums(np.hstack([np.column_stack(list(one.values())) for one in counted]), settings)
    return plain([_row(errors, group, one, replicates, studies, settings)
                  for group, one, replicates in zip(groups, counted, np.hsplit(drawn, len(groups)), strict=True)])


def _row(errors: pd.DataFrame, group: Group, counted: dict[str, np.ndarray], replicates: np.ndarray,
         studies: Sequence[int], settings: EvaluationSettings) -> dict:
    """Figures of one group from its `sums` and their replicates (B, columns)."""
    totals = {name: column.sum() for name, column in counted.items()}
    columns = dict(zip(counted, replicates.T, strict=True))
    part = errors[group.rows]
    known = part[part["distance_mm"].notna()]
    distance, slices = known["distance_mm"].to_numpy(np.float64), known["slices"].dropna()
    quantiles = replicate_quantiles(distance, np.searchsorted(studies, known["study_id"].to_numpy()), len(studies),
                                    list(QUANTILES.values()), settings)
    drawn = {**{name: ratio(columns[over], columns[under]) for name, (over, under) in RATES.items()},
             **dict(zip(QUANTILES, quantiles.T, strict=True))}
    return {
        "by": group.by, "name": group.name, "n": int(totals["true"]), "placed": int(totals["placed"]),
        "studies": int(totals["study"]),
        **{name: ratio(totals[over], totals[under]) for name, (over, under) in RATES.items()},
        **{name: np.quantile(distance, share) if len(distance) else np.nan for name, share in QUANTILES.items()},
        "median_slices": slices.median(),
        "intervals": {name: _pair(column, settings) if totals["study"] > 1 else [np.nan, np.nan]
                      for name, column in drawn.items()},
    }


def location_differences(
    first: pd.DataFrame, second: pd.DataFrame, studies: Sequence[int], settings: EvaluationSettings
) -> list[dict]:
    """First minus second of identified and exact, paired on the same studies and true points: all and by condition.

    Keys: by, name, and for each of COMPARED value, interval and inside_noise (the interval holds 0). Above 0 the
    first is better.
    """
    rows = []
    ones, others = ({(group.by, group.name): group for group in groups_of(errors) if group.by in ("all", "condition")}
                    for errors in (first, second))
    for one, other in ((ones[key], others[key]) for key in ones if key in others):
        counted = [sums(errors, group, studies) for errors, group in ((first, one), (second, other))]
        row = {"by": one.by, "name": one.name}
        for name in COMPARED:
            over, under = RATES[name]
            table = np.column_stack([part[column] for part in counted for column in (over, under)])
            total, drawn = table.sum(axis=0), replicate_sums(table, settings).T
            value = ratio(total[0], total[1]) - ratio(total[2], total[3])
            found = difference(value, ratio(drawn[0], drawn[1]) - ratio(drawn[2], drawn[3]), settings)
            row[name] = {"value": value, "interval": [found.interval.low, found.interval.high],
                         "inside_noise": found.inside_noise}
        rows.append(row)
    return plain(rows)


def groups_of(errors: pd.DataFrame) -> Iterator[Group]:
    """All targets, then those of each condition, level, side, way of being found and, where known, variant."""
    yield Group("all", "all", np.ones(len(errors), bool))
    for by, order in _ORDER.items():
        if by not in errors.columns:
            continue
        values = errors[by].astype("string").fillna("no row")
        there = sorted(values.unique(), key=lambda name: (order.index(name) if name in order else len(order), name))
        for name in there:
            yield Group(by, name, (values == name).to_numpy(bool))


def sums(errors: pd.DataFrame, group: Group, studies: Sequence[int]) -> dict[str, np.ndarray]:
    """By study (n,): every numerator and denominator of RATES for a group of targets."""
    part = errors[group.rows]
    study = np.searchsorted(studies, part["study_id"].to_numpy())
    true = part[TRUE_MM[0]].notna().to_numpy(bool)
    placed = part[MM[0]].notna().to_numpy(bool)
    distance = part["distance_mm"].to_numpy(np.float64)
    identified, exact = (part[name].to_numpy(bool) for name in ("identified", "exact"))
    slices = part["slices"].to_numpy(np.float64)
    found = true & placed
    columns = {
        "true": true, "placed": placed, "found": found, "missed": true & ~placed, "identified": identified,
        "exact": exact, "identified_mm": np.where(identified, distance, 0), "found_mm": np.where(found, distance, 0),
        **{f"within_{most}mm": found & (distance <= most) for most in PCK_MM},
        "slice_known": np.isfinite(slices), "same_slice": slices == 0, "next_slice": slices <= 1,
    }
    by_study = {name: np.bincount(study, column, minlength=len(studies)) for name, column in columns.items()}
    there = by_study["true"] > 0
    return by_study | {"study": there.astype(float),
                       "study_exact": (there & (by_study["exact"] == by_study["true"])).astype(float)}


def _pair(replicates: np.ndarray, settings: EvaluationSettings) -> list[float]:
    between = interval(replicates, settings)
    return [between.low, between.high]
