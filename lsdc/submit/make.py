"""From a run to `submissions/<name>/`: submission.csv and its manifest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings, cache_root
from lsdc.errors import DataError
from lsdc.files import alone, written_aside
from lsdc.record import commit
from lsdc.runs import RunFolder
from lsdc.submit.crew import Crew
from lsdc.submit.hands import Hands, hired
from lsdc.submit.manifest import last_score, of_run, write_manifest
from lsdc.submit.pipeline import predict_test_part
from lsdc.submit.recipe import Recipe
from lsdc.submit.terms import Terms
from lsdc.submit.writer import write_submission


def make_submission(
    folder: CompetitionFolder, run: RunFolder, compute: ComputeSettings, out: Path, *, replace: bool = False,
    hire: Callable[[Crew], Hands] = hired,
) -> dict:
    """Predict the test part with every finished fold of a run; leave csv and manifest in `out`; return the manifest.

    The folder `out` appears whole. DataError, before anything is predicted, when it is there already and may not be
    replaced; and where a study failed, as `predict_test_part` has it in a strict run.
    """
    with reserved(out, replace=replace):
        folds, score, made_by = run.finished_folds(), last_score(run), commit()
        predictions = predicted(folder, Recipe({run.path.name: tuple(folds)}), compute, hire)
        return leave(out, folder, predictions, made_of=of_run(run, folds), out_of_fold=score, commit=made_by)


def predicted(folder: CompetitionFolder, recipe: Recipe, compute: ComputeSettings, hire: Callable[[Crew], Hands]
              ) -> pd.DataFrame:
    """The sample's rows with probabilities and fallback. Finished studies are kept below the cache folder."""
    work = cache_root() / "predict"
    terms = Terms(work / recipe.key(precision=compute.precision) / "submission.csv", work, fallback_limit=1.0)
    outcome = predict_test_part(folder.root, recipe, compute, terms, hire=hire)
    outcome.demand()
    return outcome.predictions


@contextmanager
def reserved(out: Path, *, replace: bool) -> Iterator[None]:
    """Hold the place of a submission. DataError when there is one that may not be replaced, StorageError when another
    process makes it."""
    with alone(out, busy="another process is making this submission"):
        if Path(out).exists() and not replace:
            raise DataError("there is a submission of this name", where=out,
                            remedy="choose another with NAME=... (--name), or replace it with REPLACE=1 (--replace)")
        yield


def leave(out: Path, folder: CompetitionFolder, predictions: pd.DataFrame, **manifest: object) -> dict:
    """Write submission.csv and manifest.json (with the words of `write_manifest`) as the folder `out`, whole."""
    with written_aside(out) as aside:
        submission = aside / "submission.csv"
        write_submission(predictions, folder.sample, submission)
        return write_manifest(aside / "manifest.json", data=folder.root, predictions=predictions,
                              submission=submission, **manifest)
