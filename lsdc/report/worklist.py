"""The worklist: a line for each study, sorted by what a reader would look at first."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from lsdc.report.cases import Case
from lsdc.report.page import render
from lsdc.report.study_page import StudyFacts
from lsdc.report.wording import ORDER, is_sure, p_text, short
from lsdc.taxonomy import Condition, Severity

MOST_FINDINGS = 3  # named in a line
EXPLAINED = (
    "p severe canal: the largest plain probability of severe canal stenosis among the levels assessed. Uncertainty: "
    "mean entropy of the grades of all targets assessed, in bits; 0 is sure, 1.58 knows nothing. {loss}Studies of "
    "which a figure is not known come last, whichever way they are sorted.")
LOSS = "Loss: the competition's metric of this study alone. "


def worklist_page(cases: Sequence[Case], facts: Mapping[int, StudyFacts], page: Mapping[str, object]) -> str:
    """worklist.html; cases in the order in which they are shown."""
    truth, folds = (any(getattr(one, name) is not None for one in cases) for name in ("loss", "fold"))
    known = [("Loss", "descending", ""), ("Worst canal label", "descending", "")] if truth else []
    columns = [("Study", "ascending", ""), ("p severe canal", "descending", "descending"), ("Findings", "", ""),
               ("Uncertainty", "descending", ""), *known, ("Not assessed", "descending", ""),
               *([("Fold", "ascending", "")] if folds else [])]
    rows = [SimpleNamespace(study_id=case.study_id, thumb=facts[case.study_id].thumb, cells=_cells(case, truth, folds))
            for case in cases]
    lead = (f"{len(cases)} studies. Click a heading, or reach it with Tab and press Enter, to sort by it; "
            "each study opens its draft report and images.")
    return render("worklist.html", **page, root="", here="worklist.html", columns=columns,
                  words={0, 2}, rows=rows, lead=lead, explained=EXPLAINED.format(loss=LOSS if truth else ""))


def _cells(case: Case, truth: bool, folds: bool) -> list[SimpleNamespace]:
    severe = case.severe_canal
    cells = [_number(severe, "not assessed" if severe is None else p_text(severe)),
             SimpleNamespace(value="", words=True, parts=_findings(case)),
             _number(case.uncertainty_bits, "-" if case.uncertainty_bits is None else f"{case.uncertainty_bits:.2f}")]
    if truth:
        worst = max((one.truth for one in case.targets if one.target.condition == Condition.CANAL
                     and one.truth is not None), default=None)
        cells += [_number(case.loss, "-" if case.loss is None else f"{case.loss:.3f}"),
                  _number(worst, "-" if worst is None else worst.title, look="" if not worst else f"s{worst.value}")]
    cells.append(_number(case.not_assessed, str(case.not_assessed)))
    return cells + ([_number(case.fold, "-" if case.fold is None else str(case.fold))] if folds else [])


def _number(value: float | None, text: str, *, look: str = "") -> SimpleNamespace:
    return SimpleNamespace(value="" if value is None else f"{float(value):.6g}", words=False, parts=[(text, look)])


def _findings(case: Case) -> list[tuple[str, str]]:
    """The worst findings as text and look, and how many more there are."""
    found = sorted((one for one in case.targets if one.assessed and one.grade > Severity.NORMAL_MILD),
                   key=lambda one: (-one.grade, not is_sure(one), -one.plain[one.grade], ORDER[one.target]))
    parts = []
    for number, one in enumerate(found[:MOST_FINDINGS]):
        parts.append((f"{', ' if number else ''}{short(one.target)} ", ""))
        parts.append((f"{'' if is_sure(one) else 'possibly '}{one.grade.title.lower()}", f"s{one.grade.value}"))
    if len(found) > MOST_FINDINGS:
        parts.append((f", and {len(found) - MOST_FINDINGS} more", ""))
    return parts or [("no moderate or severe finding", "")]
