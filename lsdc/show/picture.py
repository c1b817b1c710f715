"""The picture: one row of views for each study, drawn in millimetres by matplotlib."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lsdc.competition import CompetitionFolder, read_study
from lsdc.config import PerCondition
from lsdc.errors import ConfigError
from lsdc.files import written_aside
from lsdc.show.marks import annotated_marks, grade_of, predicted_marks
from lsdc.show.paint import BACK, DIM, LINES, NONE_COLOUR, PREDICTED, SEVERITY_COLOURS, TEXT, draw_grades, draw_view
from lsdc.show.views import study_views
from lsdc.taxonomy import Severity

MOST_STUDIES = 30  # of one picture
DPI = 100
# inches: a row is a header and, below, three sagittal views beside two rows of axial ones
MARGIN, GAP, HEADER, STRIP, FOOTER = 0.25, 0.12, 0.62, 0.24, 0.5
SAGITTAL_WH, AXIAL_SIDE = (3.9, 6.24), 2.76
BODY = SAGITTAL_WH[1] + 2 * STRIP
WIDTH = 2 * MARGIN + 3 * SAGITTAL_WH[0] + 3 * AXIAL_SIDE + 5 * GAP


def draw_studies(
    folder: CompetitionFolder,
    study_ids: Sequence[int],
    path: Path,
    *,
    box_mm: PerCondition,
    locations: pd.DataFrame | None = None,
) -> None:
    """Draw studies of a competition folder as PNG, one row each; what cannot be shown is said in its place.

    box_mm: side of the box around a point. locations: a LOCATIONS table, drawn as crosses.
    DataError for a study that is not in the folder, ConfigError for more studies than a picture holds.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not 0 < len(study_ids) <= MOST_STUDIES:
        raise ConfigError("a picture cannot show so many studies", wanted=f"1 to {MOST_STUDIES}", got=len(study_ids),
                          remedy="name fewer studies, or make several pictures")
    height = len(study_ids) * (HEADER + BODY + GAP) + FOOTER
    figure = Figure(figsize=(WIDTH, height), facecolor=BACK, dpi=DPI)
    FigureCanvasAgg(figure)
    for row, study_id in enumerate(study_ids):
        page = Page(figure, row * (HEADER + BODY + GAP))
        _draw_study(page, folder, int(study_id), box_mm, locations)
    _draw_legend(Page(figure, height - FOOTER), predicted=locations is not None)
    with written_aside(Path(path)) as aside:
        figure.savefig(aside, format="png", facecolor=BACK)


class Page:
    """Places on a figure in inches from its upper left corner, below `top`."""

    def __init__(self, figure, top: float):
        self.figure, self.top = figure, top
        self.width, self.height = figure.get_size_inches()

    def axes(self, left: float, top: float, width: float, height: float):
        bottom = self.height - self.top - top - height
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width,
                                     height / self.height))

    def text(self, left: float, top: float, words: str, **style):
        return self.figure.text(left / self.width, 1 - (self.top + top) / self.height, words,
                                **{"va": "center", "color": TEXT, "parse_math": False, **style})


def _draw_study(page: Page, folder, study_id, box_mm, locations) -> None:
    part = folder.part_of(study_id)
    study = read_study(folder, study_id, part)
    rows = (table[table.study_id == study_id] for table in (folder.grades, folder.points))
    grades, points = rows if part == "train" else (table.head(0) for table in rows)
    known = grade_of(grades)
    marks, faults = annotated_marks(study, points, known)
    with_point = {mark.target for mark in marks}
    if locations is not None:
        marks += predicted_marks(locations[locations.study_id == study_id])
    page.text(MARGIN, 0.26, f"Study {study_id}", fontsize=15, weight="bold")
    page.text(MARGIN + 2.6, 0.27, f"{part} part, {len(study.series)} readable series", fontsize=10, color=DIM)
    page.text(MARGIN + 5.6, 0.27, _few([*study.faults, *faults]), fontsize=8, color=SEVERITY_COLOURS[Severity.MODERATE],
              linespacing=1.3)
    views = study_views(study, marks)
    places = _places()
    for view, (left, top, width, height) in zip(views, places[:-1], strict=True):
        page.text(left + 0.03, top - STRIP / 2, view.title, fontsize=10)
        page.text(left + 0.03, top + height + STRIP / 2, view.caption, fontsize=7, color=DIM)
        draw_view(page.axes(left, top, width, height), view, box_mm, sagittal=height > width)
    left, top, width, height = places[-1]
    page.text(left + 0.03, top - STRIP / 2, "Grades", fontsize=10)
    draw_grades(page.axes(left, top, width, height), known, with_point)


def _places() -> list[tuple[float, float, float, float]]:
    """(left, top, width, height) in inches: three sagittal views, five axial ones, the table of grades."""
    width, height = SAGITTAL_WH
    top = HEADER + STRIP
    sagittal = [(MARGIN + place * (width + GAP), top, width, height) for place in range(3)]
    left = MARGIN + 3 * (width + GAP)
    below = top + height - AXIAL_SIDE
    return sagittal + [(left + column * (AXIAL_SIDE + GAP), y, AXIAL_SIDE, AXIAL_SIDE)
                       for y in (top, below) for column in range(3)]


def _few(faults: list[str], *, shown: int = 3, width: int = 150) -> str:
    lines = [textwrap.shorten(fault, width, placeholder=" ...") for fault in faults[:shown]]
    if len(faults) > shown:
        lines[-1] = f"and {len(faults) - shown + 1} more faults"
    return "\n".join(lines)


def _draw_legend(page: Page, *, predicted: bool) -> None:
    entries = [("□", SEVERITY_COLOURS[severity], severity.title) for severity in Severity]
    entries += [("□", NONE_COLOUR, "no label"), ("- -", TEXT, "dashed box: the point lies on another slice"),
                ("- -", LINES, "lines on the sagittal T2: the axial slices shown")]
    if predicted:
        entries.append(("+", PREDICTED, "predicted location (faint: of another slice)"))
    left = MARGIN
    for sign, colour, words in entries:
        page.text(left, FOOTER / 2, sign, fontsize=14, color=colour, weight="bold")
        page.text(left + 0.13 + 0.11 * len(sign), FOOTER / 2, words, fontsize=10)
        left += 0.55 + 0.11 * len(sign) + 0.078 * len(words)
