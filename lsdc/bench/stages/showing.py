"""Showing: the pages of a report, and making a study of the phantom."""

from lsdc.bench.simulated import simulate_run
from lsdc.bench.stages.ground import Ground
from lsdc.bench.stages.race import Race
from lsdc.competition import read_study
from lsdc.phantom.study import plan_study, write_study
from lsdc.taxonomy import Plane


def report_index(ground: Ground) -> Race:
    from lsdc.report.pages import page_of, write_index
    from lsdc.report.study_page import StudyFacts

    run, gathered = _gathered(ground)
    facts = [StudyFacts(case.study_id, tuple(Plane), "scanner", 60, 384, False, frozenset(), ())
             for case in gathered.cases]
    page = page_of(run, gathered)
    return Race(lambda: write_index(ground.scratch / "report", run, ground.folder, ground.settings, gathered, facts,
                                    page=page, picture=None),
                f"report of {len(facts)} studies, evaluated before", "Python (figures, intervals, templates)")


def study_page(ground: Ground) -> Race:
    from lsdc.report.pages import page_of
    from lsdc.report.slices import slices_of, write_grey
    from lsdc.report.study_page import Setting, write_study

    run, gathered = _gathered(ground)
    place, box_mm = ground.scratch / "pages", ground.settings.detector.box_mm
    setting = Setting(ground.folder, place, box_mm, page_of(run, gathered), gathered.truth)
    case = gathered.cases[0]
    slices, _ = slices_of(read_study(ground.folder, case.study_id, case.part), case, box_mm)

    def images() -> list:
        return [write_grey(one.image, place / "images" / "again" / f"{one.name}.webp") for one in slices]

    return Race(lambda: write_study(setting, case, 1, len(gathered.cases), None, None), "study",
                "arithmetic (packing its images)", bound=images)


def phantom(ground: Ground) -> Race:
    seed = ground.settings.phantom.seed
    return Race(lambda: write_study(plan_study(seed, "train", 0), ground.scratch / "made"), "study",
                "arithmetic (rendering its slices)")


def _gathered(ground: Ground):
    from lsdc.report.pages import gather

    run = simulate_run(ground.scratch / "runs" / "simulated", ground.folder, ground.settings,
                       studies=list(ground.studies))
    return run, gather(run, ground.folder, ground.settings)
