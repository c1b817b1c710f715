import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lsdc.blend import Blend, Member, read_blend, write_blend
from lsdc.blend.candidates import CANDIDATES, fit_chains
from lsdc.blend.saved import NO_MODEL
from lsdc.blend.stack import rows_of
from lsdc.errors import StorageError
from lsdc.tables import PREDICTIONS
from lsdc.taxonomy import SEVERITY_COLUMNS
from lsdc.weighting import weighted

LONGEST = "second level, mild, any severe"


@pytest.fixture(scope="module")
def blend(two_models) -> Blend:
    chain = fit_chains({"it": CANDIDATES[LONGEST]}, two_models)["it"]
    return Blend((Member("a", "run-a", (0, 1, 2), {"fold0": "12"}), Member("b", None, (0, 1, 2), {"b.csv": "34"})),
                 chain, {"chosen": LONGEST})


@pytest.fixture(scope="module")
def frames(two_models) -> dict[str, pd.DataFrame]:
    """PREDICTIONS of both models: rows that the second lacks are absent, or answered by priors."""
    answers, found = two_models.answers, {}
    for number, name in enumerate(two_models.models):
        with np.errstate(invalid="ignore"):
            table = rows_of(answers.studies, weighted(answers.plain[:, number]))
        table = table[answers.present[:, number].ravel() > 0]
        found[name] = PREDICTIONS.frame(table.assign(fold=0, model=name, fallback=None))
    return found


def test_the_saved_file_answers_as_the_fitted_chain(blend, frames, two_models, tmp_path):
    write_blend(blend, tmp_path / "blend.json")
    saved = read_blend(tmp_path / "blend.json")
    assert (saved.members, saved.record) == (blend.members, blend.record)
    rows = saved.rows(frames, two_models.answers.studies.tolist())
    assert rows[list(SEVERITY_COLUMNS)].to_numpy().reshape(90, 25, 3) == (
        pytest.approx(blend.chain(two_models.answers), abs=1e-12))
    assert rows["row_id"].is_unique
    assert rows["fallback"].isna().all()


def test_a_model_that_is_missing_leaves_its_rows_to_the_other(blend, frames):
    study = [1000]  # the second model lacks it
    both, alone = blend.rows(frames, study), blend.rows({"a": frames["a"]}, study)
    columns = list(SEVERITY_COLUMNS)
    assert both[columns].equals(alone[columns])
    assert set(alone["model"]) == {"a"}


def test_without_any_model_priors_answer_and_say_why(blend, frames):
    none = blend.rows({}, [7])
    assert set(none["fallback"]) == {NO_MODEL}
    assert none[list(SEVERITY_COLUMNS)].to_numpy().sum(1) == pytest.approx(1)
    told = {name: frame.assign(fallback="not located") for name, frame in frames.items()}
    rows = blend.rows(told, [1000])
    assert set(rows["fallback"]) == {"not located"}
    assert rows[list(SEVERITY_COLUMNS)].to_numpy() == pytest.approx(none[list(SEVERITY_COLUMNS)].to_numpy())


def changed(content: dict, rehash: bool = True, **parts) -> dict:
    from lsdc.files import content_hash

    content = content | parts
    own = {key: value for key, value in content.items() if key != "sha256"}
    return own | {"sha256": content_hash(own) if rehash else content["sha256"]}


@pytest.mark.parametrize(("change", "message"), [
    (lambda c: c | {"record": {"chosen": "mean"}}, "was changed after it was written"),
    (lambda c: changed(c, version=2), "another version\n  wanted: 1\n  got:    2"),
    (lambda c: {"total": 0.4}, "this is not a blend file"),
    (lambda c: [1], "cannot be read as json\n(.|\n)*list"),
    (lambda c: changed(c, models=c["models"][:1]), r"do not fit(.|\n)*pool: wanted"),
    (lambda c: changed(c, steps=c["steps"][1:]), "the first step is no pool"),
    (lambda c: changed(c, steps=[*c["steps"], {"kind": "magic", "parameters": {}}]), "unknown step 'magic'"),
    (lambda c: changed(c, steps=[{"kind": "pool"}]), r"is damaged(.|\n)*parameters"),
])
def test_what_is_no_whole_blend_file_is_refused(blend, tmp_path, change, message):
    path = tmp_path / "blend.json"
    path.write_text(json.dumps(change(blend.content())))
    with pytest.raises(StorageError, match=message):
        read_blend(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match="cannot be read as json"):
        read_blend(tmp_path / "blend.json")


def test_applying_a_blend_needs_numpy_and_pandas_only():
    code = ("import sys, lsdc.blend; print([name for name in ('torch', 'scipy', 'sklearn', 'cv2', 'pydicom', "
            "'pydantic') if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
