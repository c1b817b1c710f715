"""A detector's boxes against those of annotated points, slice by slice: what average precision is computed from."""

from dataclasses import replace

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.detect.canvas import Canvases
from lsdc.detect.detector import Detector
from lsdc.detect.landmarks import Landmark, landmarks
from lsdc.dicom import SlicePlane
from lsdc.tables import BOX_MATCHES

CONFIDENCE, OVERLAP = 0.001, 0.7  # of ultralytics' validation: weakest box looked at, suppression of doubles
LEAST_IOU = 0.5  # of a pair that is kept


def match_boxes(study: Study, detector: Detector, points: pd.DataFrame) -> pd.DataFrame:
    """BOX_MATCHES of a study: every slice that an annotated point of its plane's condition names (POINTS rows).

    True boxes are those of the points set on that very slice, as in the paper; what the detector rightly sees of a
    structure that is annotated on the next slice counts against it.
    """
    wide = replace(detector, settings=detector.settings.model_copy(
        update={"confidence": CONFIDENCE, "overlap": OVERLAP}))
    marks, tables = landmarks(study, points), []
    for one in study.series:
        own = [mark for mark in marks if mark.series_id == one.series_id]
        canvases = Canvases.for_inference(one.series, wide.settings)
        for index, plane, found in wide.seen(one, sorted({mark.slice_index for mark in own})):
            true = [_true_box(mark, plane, canvases.box_wh(index, mark.target.condition), wide)
                    for mark in own if mark.slice_index == index]
            rows = paired(*found, np.array([box for _, box in true]), np.array([number for number, _ in true]))
            tables.append(rows.assign(
                study_id=study.study_id, series_id=one.series_id, slice_index=index,
                condition=[wide.classes[number].condition for number in rows["detector_class"]],
                detector_class=[wide.classes[number].name for number in rows["detector_class"]]))
    return BOX_MATCHES.frame(pd.concat(tables)) if tables else BOX_MATCHES.empty()


def _true_box(mark: Landmark, plane: SlicePlane, box_wh: np.ndarray, detector: Detector) -> tuple[int, np.ndarray]:
    """Class and box (4,) of a point on a canvas, in the pixels of `Detector.boxes`."""
    (x, y), _ = plane.to_pixel(mark.position_mm)
    middle = np.array([x, y]) + 0.5
    return detector.classes.number(*mark.target), np.concatenate([middle - box_wh / 2, middle + box_wh / 2])


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4): x1, y1, x2, y2."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared)


def paired(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, true_boxes: np.ndarray,
           true_classes: np.ndarray) -> pd.DataFrame:
    """Predicted (p, 4) and true boxes (t, 4) of one slice as rows of BOX_MATCHES: detector_class (a number) and on."""
    rows, overlap = [], box_iou(boxes, true_boxes)
    for name in np.union1d(classes, true_classes):
        truths, mine = np.flatnonzero(true_classes == name), np.flatnonzero(classes == name)
        rows += [(name, pd.NA, np.nan, number, np.nan) for number in range(len(truths))]
        for number, box in enumerate(mine):
            touched = np.flatnonzero(overlap[box, truths] >= LEAST_IOU)
            rows += [(name, number, scores[box], truth, overlap[box, truths[truth]]) for truth in touched]
            rows += [(name, number, scores[box], pd.NA, np.nan)] if len(touched) == 0 else []
    return pd.DataFrame(rows, columns=["detector_class", "prediction", "confidence", "truth", "iou"])
