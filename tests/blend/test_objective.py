import numpy as np
import pandas as pd
import pytest
import torch

from lsdc.blend.objective import influence, study_sums, total
from lsdc.blend.stack import rows_of, severity_of
from lsdc.evaluate import score
from lsdc.evaluate.metric import TERMS
from lsdc.seeding import generator
from lsdc.tables import GRADES
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS


def drawn(seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """GRADES of 12 studies, some without a label, their severities and random probabilities."""
    draw = generator(seed, "objective")
    studies = 40 + 3 * np.arange(12)
    grades = GRADES.frame([
        {"study_id": study, **target._asdict(),
         "severity": draw.choice([*SEVERITY_COLUMNS, None], p=(0.6, 0.2, 0.15, 0.05))}
        for study in studies for target in TARGETS])
    return grades, severity_of(grades, studies.tolist()), draw.dirichlet([1.0, 0.7, 0.5], (12, 25))


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_metric(seed):
    grades, severity, values = drawn(seed)
    assert (severity < 0).any()
    wanted = score(grades, rows_of(np.unique(grades["study_id"]), values))
    loss, weight = study_sums(values, severity)
    assert loss.sum(0) / weight.sum(0) == pytest.approx([getattr(wanted, term) for term in TERMS], abs=1e-12)
    assert total(loss, weight) == pytest.approx(wanted.total, abs=1e-12)
    loss, weight = study_sums(torch.asarray(values), severity, torch)
    assert total(loss, weight).item() == pytest.approx(wanted.total, abs=1e-12)


def test_influence_is_the_change_when_a_study_is_left_out():
    _, severity, values = drawn(0)
    many = np.concatenate([values] * 40), np.concatenate([severity] * 40)
    loss, weight = study_sums(*many)
    left_out = total(loss, weight) - total(loss[1:], weight[1:])
    assert influence(loss, weight)[0] == pytest.approx(left_out, rel=0.02)
    assert influence(loss, weight).sum() == pytest.approx(0, abs=1e-12)
