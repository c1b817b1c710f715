"""The audit's story: tables, then every study in parallel, then what only the whole folder can show."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lsdc.audit.kinds import Finding, Kind, Part, Severity
from lsdc.audit.study import StudyAudit, audit_study
from lsdc.audit.tables import Tables, read_tables
from lsdc.errors import DataError
from lsdc.processes import each
from lsdc.tables import for_spreadsheets, write_csv
from lsdc.taxonomy import Plane

COLUMNS = ("severity", "kind", "part", "study_id", "series_id", "count", "detail")


@dataclass(frozen=True, eq=False)
class Audit:
    """Findings in order of severity, kind, part and ids; sizes: studies, series and files that were looked at.

    order: series by plane and by where their instance numbers run to; pixels: whether images were decoded.
    """

    root: Path
    findings: list[Finding]
    sizes: dict[Part, tuple[int, int, int]]
    order: Counter[tuple[Plane, str]]
    pixels: bool

    @property
    def fatal(self) -> bool:
        return any(finding.kind.severity == Severity.FATAL for finding in self.findings)

    def table(self, only: Sequence[Kind] = ()) -> pd.DataFrame:
        """A row for each finding, columns COLUMNS; ids are whole numbers, empty where a finding has none."""
        rows = [(finding.kind.severity.value, finding.kind.value, finding.part, finding.study_id, finding.series_id,
                 finding.count, finding.detail) for finding in self.findings if not only or finding.kind in only]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"study_id": "Int64", "series_id": "Int64"})

    def write_table(self, path: Path, only: Sequence[Kind] = ()) -> None:
        """Write `table` as csv, aside and renamed."""
        write_csv(for_spreadsheets(self.table(only)), path)


def audit_folder(
    root: Path, *, parts: Sequence[Part] = ("train", "test"), workers: int = 0, pixels: bool = False
) -> Audit:
    """Look at tables and headers (with `pixels` at images too) of a competition folder; only a missing folder raises.

    workers: processes, 0 for every core; the findings do not depend on it. DataError when there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError("the competition folder does not exist", wanted="a folder with train.csv and train_images/",
                        where=root, remedy="give it as lsdc audit /path/to/folder (make audit DATA=...)")
    tables = read_tables(root, parts)
    seen = [part for part in parts if tables.series[part] and (root / f"{part}_images").is_dir()]
    named = {part: _named(root, tables, part) for part in parts}
    jobs = [(part, study_id, tables.series[part].get(study_id, []),
             tables.points.get(study_id, []) if part == "train" else [],
             tables.labelled.get(study_id, frozenset()) if part == "train" else frozenset())
            for part in seen for study_id in sorted(set().union(*named[part].values()))]
    findings, sizes, order = tables.findings + _in_both(named), dict.fromkeys(parts, (0, 0, 0)), Counter()
    readable = {part: set() for part in seen}
    for study in each(audit_study, jobs, what="audit", workers=workers, shared=(root, pixels), few=9):
        findings += study.findings
        sizes[study.part] = _added(sizes[study.part], study)
        readable[study.part] |= study.readable
        order += study.order
    for part in seen:
        findings += _absent(part, readable[part])
    ranks = {kind: rank for rank, kind in enumerate(sorted(Kind, key=lambda kind: list(Severity).index(kind.severity)))}
    findings.sort(key=lambda one: (ranks[one.kind], one.part != "train", one.study_id or 0, one.series_id or 0))
    return Audit(root, findings, sizes, order, pixels)


def _named(root: Path, tables: Tables, part: Part) -> dict[str, set[int]]:
    """Every study that a table or the disk names, by what names it."""
    images = root / f"{part}_images"
    on_disk = {int(path.name) for path in images.iterdir() if path.name.isdecimal()} if images.is_dir() else set()
    return {{"train": "train.csv", "test": "sample_submission.csv"}[part]: set(tables.studies.get(part, [])),
            f"{part}_series_descriptions.csv": set(tables.series[part]), f"{part}_images/": on_disk}


def _in_both(named: dict[Part, dict[str, set[int]]]) -> list[Finding]:
    """Studies that are in several parts."""
    both = set.intersection(*(set().union(*names.values()) for names in named.values())) if len(named) > 1 else set()
    return [Finding(Kind.STUDY_IN_BOTH_PARTS, None, study_id, detail=", ".join(
        place for names in named.values() for place, studies in names.items() if study_id in studies))
        for study_id in sorted(both)]


def _added(sizes: tuple[int, int, int], study: StudyAudit) -> tuple[int, int, int]:
    return sizes[0] + 1, sizes[1] + study.series, sizes[2] + study.files


def _absent(part: Part, readable: set[Plane]) -> list[Finding]:
    if not readable:
        return [Finding(Kind.NOTHING_READABLE, part)]
    if part == "test":
        return []
    return [Finding(Kind.PLANE_ABSENT, part, detail=plane) for plane in Plane if plane not in readable]
