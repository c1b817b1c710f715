"""The clock, simulated: whatever the deadline, a valid file is there in time, and effort is given up in order."""

import numpy as np
import pytest

from lsdc.errors import DataError
from lsdc.submit import Recipe, Terms, predict_test_part
from lsdc.submit.effort import Effort, Pace, ladder
from lsdc.submit.growing import NOT_REACHED
from lsdc.submit.parts import Part, files_of
from lsdc.submit.worker import Job
from lsdc.submit.writer import check_submission
from tests.builders import write_competition
from tests.submit.bare import COMPUTE, bare_run

STUDIES = tuple(range(3001, 3041))
START_S = 20.0  # until the models are loaded
LADDER = (Effort(5, True), *(Effort(folds, False) for folds in (5, 4, 3, 2, 1)))
WHOLE_S = 0.5 + 5 * (1.0 + 0.2 + 1.0)  # of a study: 11.5


def seconds_of(effort: Effort, slow: float = 1.0) -> dict[str, float]:
    """A study reads for .5 s; each fold takes 1 s to detect, .2 to decode levels, and 1 to grade, .6 unmirrored."""
    grade = effort.folds * (1.0 if effort.flip else 0.6)
    stages = {"detect": 1.0 * effort.folds, "decode levels": 0.2 * effort.folds, "crops and grade": grade}
    return {"read": 0.5, **{name: slow * value for name, value in stages.items()},
            "whole": slow * (0.5 + sum(stages.values()))}


class Simulated:
    """Hands whose time passes only on the clock. slow: factor on the seconds from so many studies on; ahead: a second
    study waits for each lane."""

    def __init__(self, folder, clock, lanes: int, slow=lambda done: 1.0, ahead: bool = False):
        self.folder, self.clock, self.lanes, self.slow, self.ahead = folder, clock, lanes, slow, ahead
        self.jobs, self.given, self.ready_at = [], [], clock.now + START_S

    def room(self) -> int:
        return self.lanes * (1 + self.ahead) - len(self.jobs)

    def give(self, job: Job) -> None:
        seconds = seconds_of(job.effort, self.slow(len(self.given)))
        ends = sorted(end for end, _, _ in self.jobs)
        free = ends[-self.lanes] if len(ends) >= self.lanes else 0.0
        self.jobs.append((max(self.clock.now, self.ready_at, free) + seconds["whole"], job, seconds))
        self.given.append(job)

    def wait(self, seconds: float | None) -> list[Part]:
        ends, job, taken = min(self.jobs)
        if seconds is not None and ends > self.clock.now + seconds:
            self.clock.now += max(seconds, 0)
            return []
        self.jobs.remove((ends, job, taken))
        self.clock.now = max(ends, self.clock.now)
        return [Part(job.study_id, [[0.5, 0.3, 0.2]] * 25, [None] * 25, job.effort, seconds=taken, device="cpu",
                     files=files_of(self.folder, job.study_id))]

    def processes(self) -> list[int]:
        return []

    def close(self) -> None: ...


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_competition(tmp_path_factory.mktemp("data") / "competition", test_studies=STUDIES)


def predicted(data, tmp_path, deadline_s, *, lanes=1, slow=lambda done: 1.0, strict=False, ahead=False):
    """The outcome, the efforts in the order in which studies were given, and seconds left."""
    clock, hired = Clock(), []
    recipe = Recipe.of_run(bare_run(tmp_path / "run", range(5), flip=True))
    terms = Terms(tmp_path / "submission.csv", tmp_path / "work", strict=strict, fallback_limit=1.0,
                  deadline_s=deadline_s, clock=clock)

    def hire(crew):
        hired.append(Simulated(crew.works[0].folder, clock, lanes, slow, ahead))
        return hired[0]

    outcome = predict_test_part(data, recipe, COMPUTE, terms, hire=hire)
    check_submission(terms.out, outcome.predictions.row_id.tolist())
    return outcome, [job.effort for job in hired[0].given], 1000 + deadline_s - clock.now


def test_the_ladder_takes_the_mirror_away_first_then_folds():
    assert ladder(5, flip=True) == LADDER
    assert ladder(1, flip=False) == (Effort(1, False),)
    assert str(LADDER[0]) == "5 folds of each run, mirrored too"


WHOLE_RUN_S = START_S + len(STUDIES) * WHOLE_S  # 480 s on one lane


@pytest.mark.parametrize(("deadline_s", "lowest"), [
    (WHOLE_RUN_S * 1.2, LADDER[0]),  # time enough
    (WHOLE_RUN_S / 2 * 1.2, None),  # on two lanes: time enough too
    (WHOLE_RUN_S * 0.9, LADDER[1]),  # the mirrored look is enough
    (WHOLE_RUN_S * 0.6, LADDER[3]),
    (WHOLE_RUN_S * 0.4, LADDER[5]),
])
@pytest.mark.parametrize("slower_later", [False, True])
def test_in_time_with_every_study_graded(data, tmp_path, deadline_s, lowest, slower_later):
    lanes = 2 if lowest is None else 1
    slow = (lambda done: 1.25 if done > 12 else 1.0) if slower_later else (lambda done: 1.0)
    outcome, efforts, left = predicted(data, tmp_path, deadline_s, lanes=lanes, slow=slow)
    assert left >= 0
    steps = [LADDER.index(effort) for effort in efforts]
    assert steps == sorted(steps)  # down the ladder, never up
    assert steps[:3] == [0, 0, 0]  # the first are timed with the whole effort
    if not slower_later:
        assert outcome.figures["fallback_rows"] == 0
        assert efforts[-1] == (lowest or LADDER[0])
    said = outcome.figures["degraded"]
    assert bool(said) == (efforts[-1] != LADDER[0])
    assert all("from here on (it was" in one and one in outcome.text for one in said)


@pytest.mark.parametrize("deadline_s", [0.5, 15.0, 25.0, 60.0, 120.0])
def test_beyond_all_hope_the_rest_is_priors_in_time(data, tmp_path, deadline_s):
    outcome, efforts, left = predicted(data, tmp_path, deadline_s)
    assert left >= 0
    late = outcome.figures["fallbacks"][NOT_REACHED]
    assert 0 < late == outcome.figures["fallback_rows"]
    assert late % 25 == 0
    assert late == 1000 if deadline_s < START_S + WHOLE_S else late < 1000
    if len(efforts) > 3:
        assert efforts[-1] == LADDER[-1]


def test_a_strict_run_that_was_not_finished_is_an_error(data, tmp_path):
    outcome, _, _ = predicted(data, tmp_path, 60.0, strict=True)
    with pytest.raises(DataError, match=r"not good enough(.|\n)*rows were not reached before the deadline"):
        outcome.demand()


def test_what_got_less_effort_is_done_again_when_there_is_time(data, tmp_path):
    _, efforts, _ = predicted(data, tmp_path, WHOLE_RUN_S * 0.6)
    degraded = sum(effort != LADDER[0] for effort in efforts)
    outcome, again, _ = predicted(data, tmp_path, WHOLE_RUN_S * 2)
    assert again == [LADDER[0]] * degraded
    assert outcome.figures["from_parts"] == len(STUDIES) - degraded
    assert outcome.figures["degraded"] == []


LEAST_S = 0.5 + 1.0 + 0.2 + 0.6  # of a study with the least effort
RESERVE_S = 2.0


@pytest.mark.parametrize(("studies", "lanes", "ahead", "room_s", "whole"), [
    (3, 1, False, 3 * WHOLE_S, 3),  # time enough
    (3, 1, False, 2 * WHOLE_S + LEAST_S + 0.1, 2),  # one may wait for another to be timed
    (3, 1, False, WHOLE_S + 2 * LEAST_S + 0.1, 1),
    (2, 1, True, WHOLE_S + LEAST_S + 0.1, 1),  # the second is not given before the first is timed
    (3, 2, False, WHOLE_S + LEAST_S + 0.1, 2),
    (4, 2, True, WHOLE_S + LEAST_S + 0.1, 2),
    (4, 2, True, 3 * WHOLE_S + 0.1, 4),  # what is under way counts as if it had just begun
    (1, 1, False, WHOLE_S + 0.1, 1),
])
def test_few_studies_are_all_graded_where_less_effort_allows_it(tmp_path, studies, lanes, ahead, room_s, whole):
    few = write_competition(tmp_path / "few", test_studies=STUDIES[:studies])
    outcome, efforts, left = predicted(few, tmp_path, START_S + room_s + RESERVE_S, lanes=lanes, ahead=ahead)
    assert left >= 0
    assert outcome.figures["fallback_rows"] == 0
    assert efforts.count(LADDER[0]) == whole
    assert bool(outcome.figures["degraded"]) == (whole < studies)


def test_a_slow_first_study_alone_takes_no_effort_away_from_many(data, tmp_path):
    outcome, efforts, _ = predicted(data, tmp_path, WHOLE_RUN_S * 1.5, slow=lambda done: 2.0 if done < 1 else 1.0)
    assert set(efforts) == {LADDER[0]}
    assert outcome.figures["degraded"] == []


def test_a_projection_scales_what_a_step_saves():
    clock = Clock()
    pace = Pace(LADDER, clock.now + 1000, 2, clock, clock.now)
    assert (pace.projected(10), pace.blind) == (None, True)
    pace.note(LADDER[0], seconds_of(LADDER[0]))
    assert not pace.blind
    assert pace.projected(10) == pytest.approx(10 / 2 * WHOLE_S)
    assert pace.projected(3) == pytest.approx(2 * WHOLE_S)  # one of two processes is idle at the end
    assert pace.projected(10, LADDER[5]) == pytest.approx(5 * (0.5 + 1.2 + 0.65))
    assert pace.ends == clock.now + 980
    assert np.isclose(Pace(LADDER, clock.now + 9 * 3600, 1, clock, clock.now).ends, clock.now + 9 * 3600 - 60)
    assert not Pace(LADDER, None, 1, clock, clock.now).blind
