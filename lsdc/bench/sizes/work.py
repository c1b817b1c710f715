"""The stages that are measured: each makes ready what it works on, and hands back the work and what it counts.

Each imports what it needs itself, so that its process holds no more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from lsdc.bench.sizes.place import Place
from lsdc.config import Settings
from lsdc.taxonomy import TARGETS

Work = Callable[[], int]  # how many it went through


@dataclass(frozen=True)
class Stage:
    """group: what it is drawn with. counted: what the work counts. ready: the work, what comes before it done.

    tables: of what goes through one study after another, the stage that holds the same tables and nothing else; its
    own memory beyond them should not follow the number of studies.
    """

    name: str
    group: str
    what: str
    counted: str
    ready: Callable[[Place, Settings], Work]
    tables: str | None = None


def _audit(place: Place, settings: Settings) -> Work:
    from lsdc.audit import audit_folder

    return lambda: audit_folder(place.competition, parts=("train",), workers=1).sizes["train"][2]


def _audit_tables(place: Place, settings: Settings) -> Work:
    from lsdc.audit.tables import read_tables

    return lambda: len(read_tables(place.competition, ("train",)).studies["train"])


def _open(place: Place, settings: Settings) -> Work:
    from lsdc.competition import open_folder

    return lambda: len(open_folder(place.competition).study_ids("train"))


def _folds(place: Place, settings: Settings) -> Work:
    from lsdc.competition.grades import read_grades
    from lsdc.competition.tables import TRAIN_FILE
    from lsdc.folds import make_folds, make_or_read_folds, write_or_read_folds

    grades = read_grades(place.competition / TRAIN_FILE)
    make_folds(grades[:settings.folds.count * len(TARGETS)], settings.folds)  # its library loads at the first call

    def work() -> int:
        write_or_read_folds(place.folds, grades, settings.folds)
        return len(make_or_read_folds(place.folds, grades, settings.folds))

    place.folds.unlink(missing_ok=True)
    return work


def _metric(place: Place, settings: Settings) -> Work:
    from lsdc.competition.grades import read_grades
    from lsdc.competition.tables import TRAIN_FILE
    from lsdc.evaluate.metric import score

    grades, predictions = read_grades(place.competition / TRAIN_FILE), _predictions(place)
    return lambda: score(grades, predictions).rows


def _bootstrap(place: Place, settings: Settings) -> Work:
    from lsdc.competition.grades import read_grades
    from lsdc.competition.tables import TRAIN_FILE
    from lsdc.evaluate.bootstrap import score_replicates
    from lsdc.evaluate.graded import graded
    from lsdc.evaluate.metric import study_sums
    from lsdc.evaluate.probabilities import probabilities

    rows = graded(read_grades(place.competition / TRAIN_FILE))
    sums = study_sums(rows, probabilities(_predictions(place), rows.order))
    return lambda: score_replicates([sums], settings.evaluation).shape[1]


def _predictions(place: Place):
    import pandas as pd

    from lsdc.tables import PREDICTIONS

    return pd.concat([PREDICTIONS.read(fold.predictions) for fold in place.run.finished_folds()], ignore_index=True)


def _evaluation(place: Place, settings: Settings) -> Work:
    from lsdc.evaluate import evaluate_run

    folder = _without_points(place)
    return lambda: evaluate_run(place.run, folder, settings.evaluation).figures["rows"]


def _index(place: Place, settings: Settings) -> Work:
    from lsdc.report.pages import gather, page_of, write_index
    from lsdc.report.study_page import StudyFacts
    from lsdc.taxonomy import Plane

    folder = _without_points(place)
    gathered = gather(place.run, folder, settings)
    facts = [StudyFacts(case.study_id, tuple(Plane), f"scanner {number % 3}", 20 + number % 90, 256 + number % 400,
                        False, frozenset(), ()) for number, case in enumerate(gathered.cases)]

    def work() -> int:
        write_index(place.report, place.run, folder, settings, gathered, facts, page=page_of(place.run, gathered),
                    picture=None)
        return len(facts)

    return work


def _without_points(place: Place):
    """The folder without annotated points: those are placed by their slices' headers, one after the other."""
    from lsdc.competition import open_folder
    from lsdc.tables import POINTS

    return replace(open_folder(place.competition), points=POINTS.empty())


def _submission(place: Place, settings: Settings) -> Work:
    from lsdc.bench.sizes.hands import drawn
    from lsdc.competition.asked import open_test_part, read_asked
    from lsdc.submit.growing import GrowingSubmission
    from lsdc.submit.recipe import Recipe

    priors = Recipe.of_run(place.run, [0]).priors()

    def work() -> int:
        asked = read_asked(place.competition)
        submission = GrowingSubmission(place.submission, asked, priors)
        submission.begin()
        folder, _ = open_test_part(place.competition, asked)
        for study in folder.study_ids("test"):
            submission.put(study, drawn(study), [None] * len(TARGETS))
        submission.write()
        return len(asked.studies) - len(submission.causes())

    place.submission.unlink(missing_ok=True)
    return work


def _predict(place: Place, settings: Settings) -> Work:
    import shutil

    shutil.rmtree(place.work, ignore_errors=True)
    return partial(_predicted, place, settings, "graded_now")


def _resume(place: Place, settings: Settings) -> Work:
    if not place.work.exists():
        _predicted(place, settings, "graded_now")
    return partial(_predicted, place, settings, "from_parts")


def _predicted(place: Place, settings: Settings, counted: str) -> int:
    from lsdc.bench.sizes.hands import DrawnAnswers
    from lsdc.submit.pipeline import predict_test_part
    from lsdc.submit.recipe import Recipe
    from lsdc.submit.terms import Terms

    compute = settings.compute.model_copy(update={"accelerator": "cpu"})
    terms = Terms(place.work / "submission.csv", place.work)
    outcome = predict_test_part(place.competition, Recipe.of_run(place.run, [0]), compute, terms, hire=DrawnAnswers)
    outcome.demand()
    return outcome.figures[counted]


READING, SCORING, SERVING = "Reading a folder", "Scoring", "Report and submission"
STAGES = {one.name: one for one in (
    Stage("audit", READING, "lsdc audit of the training part in one process: every table and header", "files", _audit,
          tables="audit of tables"),
    Stage("audit of tables", READING, "its first step: the csv files of that part alone", "studies", _audit_tables),
    Stage("open the folder", READING, "the csv files of both parts read and checked, as every command does", "studies",
          _open),
    Stage("folds", READING, "folds made, written, read and checked again", "studies", _folds),
    Stage("metric", SCORING, "the metric, tables in memory", "rows", _metric),
    Stage("bootstrap", SCORING, "bootstrap of its terms and total", "replicates", _bootstrap),
    Stage("evaluate", SCORING, "lsdc evaluate of a run: files read, every table with its intervals, no places", "rows",
          _evaluation),
    Stage("report index", SERVING, "overview, worklist, locations and summary of lsdc report, evaluated before",
          "studies", _index),
    Stage("submission", SERVING, "the tables of lsdc predict alone: sample and series read, every study put in, "
          "submission written, read again and checked", "studies", _submission),
    Stage("predict", SERVING, "lsdc predict with drawn answers in the place of models: studies dealt out, kept, "
          "merged; submission renewed", "studies", _predict, tables="submission"),
    Stage("predict again", SERVING, "the same command when every study is kept already", "studies", _resume,
          tables="submission"),
)}
