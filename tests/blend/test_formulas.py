import numpy as np
import pytest

from lsdc.blend import formulas
from lsdc.blend.layout import LEVEL_GROUP, ROLES, mirrored_targets, neighbours
from lsdc.blend.stack import Answers
from lsdc.seeding import generator
from lsdc.taxonomy import TARGETS

COLUMNS = [target.column for target in TARGETS]


def some(n: int = 4, models: int = 2) -> np.ndarray:
    return generator(3, "formulas").dirichlet([1, 1, 1], (n, models, 25))


def test_the_pool_by_hand():
    """Shares 3:1 at the upper levels of the canal, all of the second model below them, equal elsewhere."""
    logits = np.zeros((3, 2, 2))
    logits[0, 0], logits[0, 1] = (np.log(3), 0), (-1000, 0)
    plain = np.zeros((3, 2, 25, 3))
    plain[:, 0], plain[:, 1] = (1.0, 0.0, 0.0), (0.2, 0.2, 0.6)
    present = np.ones((3, 2, 25))
    present[1, 0], present[2] = 0, 0  # the second study knows only the second model, the third none
    plain *= present[..., None]
    p = formulas.pool({"logits": logits, "priors": np.full((25, 3), 1 / 3)}, plain, present)
    assert p[0, 0] == pytest.approx([0.8, 0.05, 0.15])
    assert p[0, 4] == pytest.approx([0.2, 0.2, 0.6])
    assert p[0, 24] == pytest.approx([0.6, 0.1, 0.3])
    assert p[1] == pytest.approx(np.tile([0.2, 0.2, 0.6], (25, 1)))
    assert p[2] == pytest.approx(1 / 3)


def test_weights_temperature_and_vector_by_hand():
    p = np.tile([0.5, 0.3, 0.2], (1, 25, 1))
    assert formulas.with_weights(p)[0, 0] == pytest.approx(np.array([0.5, 0.6, 0.8]) / 1.9)
    halved = formulas.temperature({"log_temperature": np.log([0.5, 1.0, 1.0])}, p)
    assert halved[0, 0] == pytest.approx(np.array([0.25, 0.09, 0.04]) / 0.38)
    assert halved[0, 10] == pytest.approx([0.5, 0.3, 0.2])
    moved = formulas.vector({"scale": np.ones((3, 3)), "bias": np.tile(np.log([1.0, 5.0]), (3, 1))}, p)
    assert moved[0, 0] == pytest.approx(np.array([0.5, 0.3, 1.0]) / 1.8)


def test_what_changes_nothing():
    p = some(models=1)[:, 0]
    answers = Answers(np.arange(4), p[:, None], np.ones((4, 1, 25)))
    fixed = {"centre": np.zeros((25, 1, 2)), "spread": np.ones((25, 1, 2))}
    seen = formulas.seen_by_targets(fixed, answers, p)
    assert seen.shape == (4, 25, 2 * len(ROLES))
    nothing = {"weights": np.zeros((3, 2 * len(ROLES), 2)), "bias": np.zeros((3, 5, 2))}
    for q in (formulas.temperature({"log_temperature": np.zeros(3)}, p),
              formulas.vector({"scale": np.ones((3, 3)), "bias": np.zeros((3, 2))}, p),
              formulas.any_severe({"line": np.zeros(3)}, p), formulas.second_level(nothing, p, seen)):
        assert q == pytest.approx(p, abs=1e-12)


def test_any_severe_moves_the_worst_canal_level_only():
    p = np.tile([0.9, 0.08, 0.02], (1, 25, 1))
    p[0, 3] = 0.5, 0.3, 0.2
    q = formulas.any_severe({"line": np.array([np.log(2), 0, 0])}, p)
    assert q[0, 3] == pytest.approx(np.array([0.5, 0.3, 0.4]) / 1.2)  # twice the odds of severe
    others = np.arange(25) != 3
    assert q[:, others] == pytest.approx(p[:, others])
    weighted = formulas.with_weights(p)[0, :5, 2]
    wanted = 1 - np.prod(1 - weighted)
    assert formulas.with_weights(formulas.any_severe({"line": np.array([0, 0, 1.0])}, p))[0, 3, 2] == (
        pytest.approx(wanted))


def seen_by(column: str) -> list[dict[str, float]]:
    rows = neighbours()[:, COLUMNS.index(column)]
    return [{COLUMNS[number]: row[number] for number in np.flatnonzero(row)} for row in rows]


def test_neighbours_by_hand():
    left, right = "left_neural_foraminal_narrowing_", "right_neural_foraminal_narrowing_"
    assert seen_by(f"{left}l1_l2")[:7] == [
        {f"{left}l1_l2": 1}, {}, {f"{left}l2_l3": 1}, {f"{right}l1_l2": 1}, {"spinal_canal_stenosis_l1_l2": 1},
        {"left_subarticular_stenosis_l1_l2": 1}, {"right_subarticular_stenosis_l1_l2": 1}]
    assert seen_by("spinal_canal_stenosis_l5_s1")[1:7] == [
        {"spinal_canal_stenosis_l4_l5": 1}, {}, {}, {f"{left}l5_s1": 0.5, f"{right}l5_s1": 0.5},
        {"left_subarticular_stenosis_l5_s1": 0.5, "right_subarticular_stenosis_l5_s1": 0.5}, {}]
    assert LEVEL_GROUP[:5].tolist() == [0, 0, 1, 1, 1]


def test_a_mirrored_patient_gets_mirrored_grades():
    plain, mirror = some(), mirrored_targets()
    draw = generator(4, "weights")
    own = draw.standard_normal((25, 2, 2))
    fixed = {"centre": own + own[mirror], "spread": np.ones((25, 2, 2))}
    free = {"weights": draw.standard_normal((3, len(ROLES) * 4, 2)) / 5, "bias": draw.standard_normal((3, 5, 2))}

    def graded(plain):
        p, answers = plain.mean(1), Answers(np.arange(4), plain, np.ones((4, 2, 25)))
        return formulas.second_level(free, p, formulas.seen_by_targets(fixed, answers, p))

    assert graded(plain[:, :, mirror]) == pytest.approx(graded(plain)[:, mirror])
