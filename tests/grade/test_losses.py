from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import score
from lsdc.grade import losses
from lsdc.grade.losses import (
    UNWEIGHTED,
    any_severe_loss,
    focal_class_weights,
    focal_loss,
    slice_loss,
    weighted_cross_entropy,
)
from lsdc.tables import GRADES
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Condition, row_id

P = torch.tensor([0.2, 0.3, 0.5])
BALANCED = torch.tensor([[12284, 6142, 4094]])  # the paper's foramina, fold 0, after balancing


def call(logits, severity, condition, known=None, **keywords):
    severity, condition = torch.tensor(severity), torch.tensor(condition)
    known = torch.ones(len(severity), dtype=torch.bool) if known is None else torch.tensor(known)
    return weighted_cross_entropy(logits, severity, known, condition, **keywords)


def test_weights_are_normalised_in_each_condition_then_conditions_are_averaged():
    logits = P.log().expand(3, 3)
    canal = (1 * -np.log(0.2) + 4 * -np.log(0.5)) / 5
    assert call(logits, [0, 2, 1], [0, 0, 2]).item() == pytest.approx((canal - np.log(0.3)) / 2, abs=1e-6)


def test_it_equals_the_metric_on_one_condition():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(0)
    logits, severity = torch.randn(50, 3), torch.randint(0, 3, (50,))
    expected = sklearn_metrics.log_loss(severity, logits.double().softmax(1), sample_weight=2**severity,
                                        labels=[0, 1, 2])
    assert call(logits, severity.tolist(), [1] * 50).item() == pytest.approx(expected, abs=1e-6)


def test_missing_grades_do_not_count():
    logits = torch.randn(4, 3, requires_grad=True)
    masked = call(logits, [0, 2, 1, 0], [0, 0, 1, 2], [True, False, True, False])
    assert masked.item() == pytest.approx(call(logits[[0, 2]], [0, 1], [0, 1]).item(), abs=1e-6)
    masked.backward()
    assert logits.grad[[1, 3]].abs().max() == 0
    assert call(logits, [0, 0, 0, 0], [0, 0, 1, 2], [False] * 4).item() == 0


def test_label_smoothing_mixes_in_the_uniform_answer():
    plain, smooth = call(P.log()[None], [0], [0]), call(P.log()[None], [0], [0], label_smoothing=0.3)
    assert smooth.item() == pytest.approx(0.7 * plain.item() - 0.3 * P.log().mean().item(), abs=1e-6)


def focal(class_weights):
    return [focal_loss(P.double().log()[None], torch.tensor([severity]), torch.tensor([True]), torch.tensor([0]),
                       gamma=3.0, class_weights=class_weights).item() for severity in range(3)]


ALPHA = (1 - torch.tensor([0.54547, 0.27273, 0.18180], dtype=torch.float64)) / 2  # of the balanced frequencies


@pytest.mark.parametrize(("weighting", "weights", "expected"), [
    ("as_run", [1, 2, 3], (0.187273, 0.300336, 0.106337)),
    ("as_intended", [0.611, 1.222, 1.834], (0.114424, 0.183506, 0.065007)),  # rounded as the paper's values were
])
def test_focal_loss_has_the_papers_values(weighting, weights, expected):
    assert focal((ALPHA * torch.tensor(weights))[None]) == pytest.approx(expected, abs=2e-6)
    assert focal(focal_class_weights(BALANCED, weighting)) == pytest.approx(expected, rel=3e-4)


def test_focal_loss_of_a_certain_wrong_answer_is_finite():
    logits = torch.tensor([[1e4, 0.0, 0.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([2]), torch.tensor([True]), torch.tensor([0]), gamma=3.0,
                      class_weights=torch.ones(1, 3))
    assert loss.item() == pytest.approx(-np.log(1e-7), rel=1e-3)


def test_a_class_without_labels_weighs_nothing():
    assert focal_class_weights(torch.tensor([[8, 2, 0]]), "as_intended")[0, 2] == 0
    assert torch.isfinite(focal_class_weights(torch.tensor([[8, 0, 0]]), "as_run")).all()


@pytest.mark.parametrize("loss", [
    partial(weighted_cross_entropy, label_smoothing=0.1),
    partial(focal_loss, gamma=2.0, class_weights=torch.arange(1, 10).reshape(3, 3) / 10),
])
def test_the_mean_over_processes_is_the_whole_batch(loss, monkeypatch):
    torch.manual_seed(0)
    logits, severity, condition = torch.randn(9, 3, requires_grad=True), torch.randint(0, 3, (9,)), torch.arange(9) % 2
    known = torch.arange(9) != 4
    sums = []
    monkeypatch.setattr(losses, "summed", lambda own: sums.append(own) or own)
    whole = loss(logits, severity, known, condition)
    gradient, = torch.autograd.grad(whole, logits)
    monkeypatch.setattr(losses, "summed", lambda own: sums[0])
    monkeypatch.setattr(losses, "place", lambda: (0, 3))
    parts = [loss(logits[part], severity[part], known[part], condition[part])
             for part in (torch.arange(7), torch.tensor([7]), torch.tensor([8]))]
    assert torch.allclose(sum(parts) / 3, whole)
    assert torch.allclose(torch.autograd.grad(sum(parts) / 3, logits)[0], gradient, atol=1e-7)


def test_shares_of_labels_count_as_much():
    logits = torch.randn(2, 3)
    both = call(torch.cat([logits, logits]), [0, 1, 2, 2], [0, 0, 0, 0], share=torch.tensor([0.75, 1.0, 0.25, 0.0]))
    log = logits.log_softmax(dim=1)
    by_hand = -(0.75 * log[0, 0] + 2 * log[1, 1] + 0.25 * 4 * log[0, 2]) / (0.75 + 2 + 1)
    assert both.item() == pytest.approx(by_hand.item(), abs=1e-6)


def test_without_weights_it_is_the_plain_cross_entropy():
    logits = torch.randn(5, 3)
    plain = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 2, 0])).item()
    assert call(logits, [0, 1, 2, 2, 0], [1] * 5, weights=UNWEIGHTED).item() == pytest.approx(plain, abs=1e-6)


def test_the_any_severe_term_is_the_metrics_where_one_level_stands_out():
    """The soft maximum is the maximum where the other levels are far below it."""
    rng = np.random.default_rng(0)
    studies, columns = (3, 8, 11), list(SEVERITY_COLUMNS)
    severity = rng.integers(0, 3, (3, 25))
    severity[1, :5] = [0, 1, 0, 0, 1]
    values = np.tile([0.96, 0.02, 0.02], (3, 25, 1))
    values[0, 2], values[1, 4], values[2, 0] = (0.1, 0.2, 0.7), (0.3, 0.3, 0.4), (0.05, 0.05, 0.9)
    grades = GRADES.frame([{"study_id": study, **target._asdict(), "severity": columns[severity[s, t]]}
                           for s, study in enumerate(studies) for t, target in enumerate(TARGETS)])
    rows = graded(grades)
    predictions = pd.DataFrame(values.reshape(-1, 3), columns=columns)
    predictions.insert(0, "row_id", [row_id(study, target) for study in studies for target in TARGETS])
    assert set(rows.row_ids) == set(predictions.row_id)
    logits = torch.from_numpy(values.reshape(-1, 3)).log()
    condition = torch.tensor([list(Condition).index(target.condition) for _ in studies for target in TARGETS])
    found = any_severe_loss(logits, torch.from_numpy(severity.ravel()), torch.ones(75, dtype=torch.bool), condition,
                            torch.tensor(studies).repeat_interleave(25))
    assert found.item() == pytest.approx(score(grades, predictions).any_severe, abs=1e-3)


def test_the_any_severe_term_without_a_labelled_canal_is_zero():
    logits = torch.randn(4, 3, requires_grad=True)
    found = any_severe_loss(logits, torch.zeros(4, dtype=torch.long), torch.tensor([False, True, True, True]),
                            torch.tensor([0, 1, 2, 1]), torch.tensor([1, 1, 2, 2]))
    assert found.item() == 0
    found.backward()
    assert not logits.grad.any()


def test_the_slice_loss_asks_for_the_annotated_slice():
    scores = torch.tensor([[0.0, 2.0, float("-inf")], [1.0, 1.0, 1.0], [float("-inf")] * 3], requires_grad=True)
    known = torch.tensor([True, True, True])
    found = slice_loss(scores, torch.tensor([1, 2, 0]), known)
    assert found.item() == pytest.approx((np.log(1 + np.exp(-2)) + np.log(3)) / 2, abs=1e-6)
    found.backward()
    assert torch.isfinite(scores.grad).all()
    assert slice_loss(scores, torch.tensor([1, 2, 0]), ~known).item() == 0


def test_any_severe_is_computed_in_full_precision_under_autocast(monkeypatch):
    """On a GPU autocast refuses this loss outright; on a CPU it only looks as if all were well."""
    seen = []
    loss = losses.F.binary_cross_entropy
    monkeypatch.setattr(losses.F, "binary_cross_entropy", lambda given, *args, **kw: (
        seen.append((given.dtype, torch.is_autocast_enabled("cpu"))), loss(given, *args, **kw))[1])
    logits = torch.randn(4, 3)
    labels = (torch.tensor([0, 1, 2, 0]), torch.ones(4, dtype=torch.bool), torch.zeros(4, dtype=torch.long),
              torch.tensor([7, 7, 8, 8]))
    plain = any_severe_loss(logits, *labels)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = any_severe_loss(logits.bfloat16(), *labels)
    assert seen == [(torch.float32, False)] * 2
    assert float(mixed) == pytest.approx(float(plain), rel=0.02)
