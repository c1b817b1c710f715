"""Average precision of boxes as ultralytics computes it, so that its mAP50 and mAP50-95 can be compared.

Source: the definitions of ultralytics 8.4 (its `match_predictions` and `ap_per_class`; tests ask it): at each IoU
threshold, boxes in order of falling confidence take the true box of their class and slice that they overlap most among
those not yet taken; precision is made falling, read at 101 recalls, and integrated. mAP is the mean over the classes
that have a true box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of IoU
RECALLS = np.linspace(0, 1, 101)
_SLICE = ["study_id", "series_id", "slice_index", "detector_class"]


@dataclass(frozen=True, eq=False)
class ClassBoxes:
    """Boxes of one detector class. study (p,) index into the studies and correct (p, thresholds) of the predicted
    boxes, most confident first; truths (n,) true boxes of each study.
    """

    condition: str
    study: np.ndarray
    correct: np.ndarray
    truths: np.ndarray


def class_boxes(matches: pd.DataFrame, studies: Sequence[int]) -> dict[str, ClassBoxes]:
    """The classes of a BOX_MATCHES table that have a true box in one of the (ascending) studies."""
    matches = matches[matches["study_id"].isin(list(studies))]
    found = {}
    for name, rows in matches.groupby("detector_class"):
        predicted = rows["prediction"].notna().to_numpy(bool)
        if predicted.all():
            continue
        boxes, correct = _matched(rows[predicted])
        order = np.argsort(-boxes["confidence"].to_numpy(np.float64), kind="stable")
        study = np.searchsorted(studies, boxes["study_id"].to_numpy())
        truths = np.searchsorted(studies, rows.loc[~predicted, "study_id"].to_numpy())
        found[str(name)] = ClassBoxes(rows["condition"].iloc[0], study[order], correct[order],
                                      np.bincount(truths, minlength=len(studies)))
    return found


def average_precision(boxes: ClassBoxes, counts: np.ndarray) -> np.ndarray:
    """Average precision (replicates, thresholds) of a class, each study taken counts (replicates, n) times.

    nan where the studies drawn have no true box. Only correct boxes can raise the falling precision, so all others
    are merely counted, by study, in the gap before the next correct one.
    """
    counts = counts.astype(np.float64)
    total = counts @ boxes.truths  # (B,)
    found = np.zeros((len(counts), len(THRESHOLDS)))
    for number in range(len(THRESHOLDS)):
        right = np.flatnonzero(boxes.correct[:, number])
        if len(right) == 0:
            continue
        gap = np.searchsorted(right, np.arange(right[-1] + 1))  # boxes up to and with each correct one
        ahead = np.zeros((len(right), counts.shape[1]))
        np.add.at(ahead, (gap, boxes.study[: right[-1] + 1]), 1)
        ahead = counts @ np.cumsum(ahead, axis=0).T  # (B, K) boxes so far, as often as drawn
        hits = np.cumsum(counts[:, boxes.study[right]], axis=1)  # (B, K)
        precision = np.divide(hits, ahead, out=np.zeros_like(hits), where=ahead > 0)
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        precision = np.hstack([precision, np.zeros((len(counts), 1))])
        for row in np.flatnonzero(total):
            at = np.searchsorted(hits[row] / total[row], RECALLS, side="right")
            found[row, number] = np.trapezoid(precision[row, at], RECALLS)
    return np.where(total[:, None] > 0, found, np.nan)


def _matched(pairs: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of predicted boxes of one class, once each, and whether each is correct at each of the THRESHOLDS."""
    boxes = pairs.drop_duplicates([*_SLICE, "prediction"]).reset_index(drop=True)
    correct = np.zeros((len(boxes), len(THRESHOLDS)), bool)
    touching = pairs[pairs["truth"].notna()]
    row_of = pd.Series(boxes.index, index=pd.MultiIndex.from_frame(boxes[[*_SLICE, "prediction"]]))
    row = row_of.reindex(pd.MultiIndex.from_frame(touching[[*_SLICE, "prediction"]])).to_numpy()
    truth = touching.groupby([*_SLICE, "truth"]).ngroup().to_numpy()
    taken = np.zeros((truth.max(initial=-1) + 1, len(THRESHOLDS)), bool)
    confidence, overlap = (touching[name].to_numpy(np.float64) for name in ("confidence", "iou"))
    order = np.lexsort([truth, row, -confidence])
    ends = np.flatnonzero(np.diff(row[order], append=-1)) + 1
    for pairs_of_box in np.split(order, ends[:-1]) if len(order) else []:
        free = np.where(taken[truth[pairs_of_box]], 0, overlap[pairs_of_box, None])  # (truths, thresholds)
        best = free.argmax(axis=0)
        hit = free.max(axis=0) >= THRESHOLDS
        correct[row[pairs_of_box[0]]] = hit
        taken[truth[pairs_of_box[best]][hit], np.flatnonzero(hit)] = True
    return boxes, correct
