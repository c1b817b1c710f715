"""What a run's detector told on the way to its locations: choices, what was dropped, and how sure the levels are."""

from collections.abc import Sequence

import pandas as pd

from lsdc.runs import FoldFolder
from lsdc.tables import LEVELS, LOCATION_NOTES

DOUBTFUL_NATS = 1.0  # a level that beats its rival by less
SHOWN = 5  # doubtful studies that are named


def note_figures(folds: Sequence[FoldFolder], studies: Sequence[int]) -> dict:
    """notes: rows of note, studies, count, commonest first; levels: found, of, least margin's quantiles, doubtful.

    Of the held-out studies named. The margin of a study is its least sure level's.
    """
    notes = pd.concat([LOCATION_NOTES.read(fold.location_notes) for fold in folds], ignore_index=True)
    levels = pd.concat([LEVELS.read(fold.levels) for fold in folds], ignore_index=True)
    notes, levels = (table[table["study_id"].isin(studies)] for table in (notes, levels))
    told = notes.groupby("note").agg(studies=("study_id", "nunique"), count=("count", "sum"))
    told = told.sort_values(["studies", "count"], ascending=False)
    least = levels.groupby("study_id")["margin"].min().dropna()
    doubtful = least[least < DOUBTFUL_NATS].sort_values()
    return {
        "notes": [{"note": note, **counts} for note, counts in told.to_dict("index").items()],
        "levels": {"found": int(levels["y_mm"].notna().sum()), "of": len(levels),
                   "median_margin": float(least.median()) if len(least) else None,
                   "least_margin": float(least.min()) if len(least) else None,
                   "doubtful": len(doubtful), "doubtful_studies": [int(one) for one in doubtful.index[:SHOWN]]},
    }
