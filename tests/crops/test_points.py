import pandas as pd
import pytest

from lsdc.crops import point_locations
from tests.crops.studies import stack, study_of, waves


def test_a_point_becomes_slice_and_millimetres():
    study = study_of(sagittal_t2=stack(waves, "sagittal"), axial_t2=stack(waves, "axial"))
    point = {"study_id": 7, "series_id": 1, "instance_number": 6, "condition": "canal", "side": "midline",
             "level": "l1_l2", "x_px": 69.5, "y_px": 59.5}
    rows = [point, point | {"series_id": 2, "level": "l2_l3"}, point | {"series_id": 3, "level": "l3_l4"},
            point | {"instance_number": 60, "level": "l4_l5"}]
    found, faults = point_locations(study, pd.DataFrame(rows))
    assert found == [{"condition": "canal", "side": "midline", "level": "l1_l2", "series_id": 1, "slice_index": 5,
                      "x_mm": pytest.approx(4.0), "y_mm": pytest.approx(0.0), "z_mm": pytest.approx(0.0)}]
    assert faults == [
        "study 7, canal midline l2_l3: annotated on another plane",
        "study 7, canal midline l3_l4: a series that this study does not have",
        "study 7, canal midline l4_l5: no slice with this instance number",
    ]
