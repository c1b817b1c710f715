"""mAP50 and mAP50-95 of a detector's boxes, by condition and of all classes, with intervals over studies."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lsdc.config import EvaluationSettings
from lsdc.evaluate.average_precision import average_precision, class_boxes
from lsdc.evaluate.bootstrap import interval, replicate_counts
from lsdc.evaluate.plain import plain
from lsdc.taxonomy import Condition

MOST_REPLICATES = 200  # of the bootstrap: an average precision is no ratio of sums, and takes longer


def box_figures(matches: pd.DataFrame, studies: Sequence[int], settings: EvaluationSettings) -> list[dict]:
    """For all classes and those of each condition: name, classes, truths, map50, map50_95, intervals of both.

    matches: BOX_MATCHES; studies, ascending: those that are evaluated. Classes without a true box are left out, of a
    replicate too. Empty where there is no true box at all.
    """
    settings = settings.model_copy(update={"bootstrap": min(settings.bootstrap, MOST_REPLICATES)})
    counts = np.concatenate([np.ones((1, len(studies)), int), *replicate_counts(len(studies), settings)])
    classes = class_boxes(matches, studies)
    values = {name: average_precision(boxes, counts) for name, boxes in classes.items()}  # (1 + B, thresholds)
    rows = []
    for name in ("all", *(condition.value for condition in Condition)):
        if not (mine := [one for one, boxes in classes.items() if name in ("all", boxes.condition)]):
            continue
        stack = np.stack([values[one] for one in mine])
        there = np.isfinite(stack)
        mean = np.where(there, stack, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)  # over classes
        figures = {"map50": mean[:, 0], "map50_95": mean.mean(axis=1)}
        rows.append({
            "name": name, "classes": len(mine), "truths": int(sum(classes[one].truths.sum() for one in mine)),
            **{figure: column[0] for figure, column in figures.items()},
            "intervals": {figure: [between.low, between.high] for figure, column in figures.items()
                          for between in [interval(column[1:], settings)]},
        })
    return plain(rows)
