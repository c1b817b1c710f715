"""The text that `lsdc audit` prints."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from tabulate import tabulate

from lsdc.audit.folder import Audit
from lsdc.audit.kinds import Finding, Kind, Severity
from lsdc.errors import printable

WIDTH = 110  # of a line of detail


def text_of(audit: Audit, *, only: Sequence[Kind] = (), limit: int = 5) -> str:
    """Counts of all findings by kind, then up to `limit` lines of each kind, then the order of the slices.

    only: the kinds that are listed; all are counted.
    """
    parts = [_header(audit), _count_table(audit), *_listed(audit, only, limit), _order_table(audit)]
    return "\n\n".join(part for part in parts if part)


def _header(audit: Audit) -> str:
    lines = [f"{part}: {studies} studies, {series} series, {files} files"
             for part, (studies, series, files) in audit.sizes.items()]
    counts = {severity: sum(finding.kind.severity == severity for finding in audit.findings) for severity in Severity}
    told = ", ".join(f"{count} {severity}{'s' * (count > 1 and severity != Severity.FATAL)}"
                     for severity, count in counts.items() if count)
    lines += [] if audit.pixels else [
        "images were not decoded: constant images, pixels that cannot be decoded and values beyond their bits were not "
        "looked for (--pixels)"]
    return "\n".join([f"audit of {printable(str(audit.root))}", *lines, f"findings: {told or 'none'}"])


def _count_table(audit: Audit) -> str:
    rows = []
    for kind, findings in _by_kind(audit.findings):
        studies = {finding.study_id for finding in findings} - {None}
        series = {finding.series_id for finding in findings} - {None}
        rows.append([kind.severity, kind.value, len(findings), len(studies), len(series), kind.text])
    headers = ["", "kind", "findings", "studies", "series", "what it means, and what lsdc does"]
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True,
                    colalign=("left", "left", "right", "right", "right", "left")) if rows else ""


def _listed(audit: Audit, only: Sequence[Kind], limit: int) -> Iterator[str]:
    for kind, findings in _by_kind(audit.findings):
        if limit and (not only or kind in only):
            lines = [f"  {_line(finding)}" for finding in findings[:limit]]
            if len(findings) > limit:
                lines.append(f"  and {len(findings) - limit} more (--limit, --table)")
            yield "\n".join([f"{kind.severity}: {kind.value}", *lines])


def _line(finding: Finding) -> str:
    where = [finding.part or "", f"study {finding.study_id}" if finding.study_id is not None else "",
             f"series {finding.series_id}" if finding.series_id is not None else ""]
    line = " ".join(filter(None, where)) + (f": {finding.detail}" if finding.detail else "")
    return line if len(line) <= WIDTH else line[:WIDTH - 3] + "..."


def _order_table(audit: Audit) -> str:
    rows = [[plane.value, way, count] for (plane, way), count in sorted(audit.order.items())]
    return "Where instance numbers run to (positions decide, numbers do not)\n" + tabulate(
        rows, ["plane", "towards", "series"], tablefmt="simple") if rows else ""


def _by_kind(findings: Sequence[Finding]) -> list[tuple[Kind, list[Finding]]]:
    return [(kind, list(group)) for kind, group in groupby(findings, key=lambda finding: finding.kind)]
