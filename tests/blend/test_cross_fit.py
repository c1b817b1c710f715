from dataclasses import replace

import numpy as np
import pytest

from lsdc.blend.candidates import CANDIDATES, candidates_for, fit_chains
from lsdc.blend.cross_fit import choose, cross_fit
from lsdc.blend.objective import influence, study_sums, total
from lsdc.errors import FoldError, TableError
from lsdc.seeding import generator
from tests.blend.simulated import labels, model, severity_probabilities, stack_of


def few(monkeypatch, *names) -> None:
    """Only these candidates, so that a test is quick."""
    monkeypatch.setattr("lsdc.blend.candidates.CANDIDATES", {name: CANDIDATES[name] for name in names})


def test_every_table_is_whole_and_valid(fitted, two_models):
    assert list(fitted.tables) == list(CANDIDATES)
    for table in (*fitted.tables.values(), fitted.nested):
        assert table.shape == (90, 25, 3)
        assert np.isfinite(table).all()
        assert (table >= 0).all()
        assert table.sum(-1) == pytest.approx(1)
    for fold, name in fitted.chosen_without.items():
        own = two_models.fold == fold
        assert np.array_equal(fitted.nested[own], fitted.tables[name][own])


def test_two_good_models_are_better_than_one(fitted, two_models):
    scores = {name: total(*study_sums(table, two_models.severity)) for name, table in fitted.tables.items()}
    assert fitted.chosen != "best single model"
    assert total(*study_sums(fitted.nested, two_models.severity)) < scores["best single model"]


def test_the_final_chain_is_the_choice_fitted_on_all(fitted, two_models):
    again = fit_chains({"it": CANDIDATES[fitted.chosen]}, two_models)["it"]
    assert np.array_equal(fitted.final(two_models.answers), again(two_models.answers))


def test_a_fold_is_never_fitted_or_chosen_with_its_own_labels(monkeypatch, two_models):
    few(monkeypatch, "best single model", "weights, vector", "second level, mild")
    own = two_models.fold == 1
    other = two_models.severity.copy()
    other[own] = 2 - other[own].clip(min=0)  # upside down
    before, after = cross_fit(two_models), cross_fit(replace(two_models, severity=other))
    assert before.chosen_without[1] == after.chosen_without[1]
    assert np.array_equal(before.nested[own], after.nested[own])
    assert not np.allclose(before.tables["weights, vector"][~own], after.tables["weights, vector"][~own])


def test_the_same_input_gives_the_same_blend(monkeypatch, two_models):
    few(monkeypatch, "mean", "weights, temperature", "second level, firm, any severe")
    first, second = cross_fit(two_models), cross_fit(two_models)
    assert first.chosen_without == second.chosen_without
    assert all(np.array_equal(first.tables[name], second.tables[name]) for name in first.tables)


def test_a_second_model_of_pure_noise_gains_nothing(monkeypatch):
    """The first model knows all that can be known of each target."""
    few(monkeypatch, "best single model", "mean", "weights", "weights, temperature", "weights by level, temperature")
    z, severity = labels(200)
    noise = generator(1, "noise").dirichlet([1, 1, 1], (200, 25))
    stack = stack_of(severity, {"noise": noise, "exact": severity_probabilities(z)})
    fitted = cross_fit(stack)
    assert fitted.chosen == "best single model"
    assert fitted.final.steps[0].parameters["logits"][0, 0].tolist() == [-30, 0]
    nested, single = (study_sums(table, severity) for table in (fitted.nested, fitted.tables["best single model"]))
    apart = influence(*nested) - influence(*single)
    gain = total(*single) - total(*nested)
    assert gain <= 2 * np.sqrt(len(apart) * apart.var())


def test_one_model_is_calibrated(monkeypatch):
    few(monkeypatch, "mean", "weights, temperature")
    own = {"as it is": "mean", "temperature": "weights, temperature"}
    monkeypatch.setattr("lsdc.blend.candidates.OF_ONE_MODEL", own)
    z, severity = labels(120)
    fitted = cross_fit(stack_of(severity, {"sharp": model(z, 0.6, "a", sharpness=2.5)}, folds=3))
    assert fitted.chosen == "temperature"
    assert set(fitted.chosen_without.values()) == {"temperature"}


def test_candidates_of_one_model_do_not_mix():
    names = candidates_for(["only"])
    assert next(iter(names)) == "as it is"
    assert not any(step.how in ("single", "weights", "weights by level") for steps in names.values() for step in steps)


def test_the_simplest_within_one_standard_error():
    """b is better than a by chance in one study of many, c is better in all."""
    z, severity = labels(80)
    a = model(z, 0.5, "a")
    b = a.copy()
    b[0] = np.eye(3)[severity[0]] * 0.9 + 0.1 / 3
    c = a * 0.7 + 0.3 * np.eye(3)[severity]
    assert choose({"a": a, "b": b}, severity) == "a"
    assert choose({"a": a, "c": c}, severity) == "c"
    assert choose({"c": c, "a": a}, severity) == "c"


def test_too_few_folds_and_no_grades(two_models):
    with pytest.raises(FoldError, match=r"too few folds(.|\n)*at least 3\n(.|\n)*2"):
        cross_fit(two_models.of(two_models.fold < 2))
    severity = two_models.severity.copy()
    severity[:, 5:15] = -1
    with pytest.raises(TableError, match="grades of foraminal"):
        cross_fit(replace(two_models, severity=severity))
