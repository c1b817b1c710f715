"""The paper's way to a location: of each target's class the most confident box, and nothing else is asked."""

import numpy as np
import pandas as pd

from lsdc.detect.classes import TARGET_CLASSES
from lsdc.detect.evidence import Place
from lsdc.detect.levels import NO_LEVELS
from lsdc.detect.placing import Placement
from lsdc.detect.placing_notes import choices
from lsdc.taxonomy import Target


def best_boxes(candidates: pd.DataFrame) -> Placement:
    """Places of the targets that have a candidate of their class (in TARGET_CLASSES), on any slice of their plane.

    Ties go to the lower series_id, then the lower slice. No levels are decoded.
    """
    places = {}
    ranked = candidates.sort_values(["confidence", "series_id", "slice_index"], ascending=[False, True, True],
                                    kind="stable")
    for row in ranked.drop_duplicates("detector_class").itertuples():
        one = TARGET_CLASSES[row.detector_class]
        places[Target(one.condition, one.side, one.level)] = Place(
            int(row.series_id), int(row.slice_index), np.array([row.x_px, row.y_px]), float(row.confidence), "detector",
            np.array([row.x_mm, row.y_mm, row.z_mm]))
    return Placement(places, NO_LEVELS, tuple(choices(places, (), why_missing="without a box")))
