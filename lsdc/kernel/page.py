"""The result of a verification on one page."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from lsdc.kernel.verify import Check

WIDTH = 118


def text_of(checks: Sequence[Check], bundle: Path, manifest: dict | None) -> str:
    """One line for each check, faults below it, and what to expect of the bundle."""
    lines = [f"verification of {bundle}"]
    for check in checks:
        first = f"{'FAIL' if check.faults else 'ok':<5}{check.name}" + (f": {check.told}" if check.told else "")
        lines += textwrap.wrap(first, WIDTH, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False)
        lines += [f"       {line}" for fault in check.faults for line in fault.splitlines()]
        lines += [f"       {rows:4d} rows are priors: {cause}"
                  for cause, rows in check.figures.get("fallbacks", {}).items()]
    for name, told in (manifest or {}).get("runs", {}).items():
        lines.append(f"expected of {name}, folds {', '.join(map(str, told['folds']))}: "
                     f"{score_text(told['out_of_fold'], told['folds'])}")
    if (blend := (manifest or {}).get("blend")) is not None:
        lines.append(f"expected of the blend: {score_text(blend['out_of_fold'])}")
    bad = sum(bool(check.faults) for check in checks)
    lines.append(f"NOT VERIFIED: {bad} of {len(checks)} checks failed" if bad else
                 f"verified: all {len(checks)} checks passed")
    return "\n".join(lines)


def plain(checks: Sequence[Check], bundle: Path) -> dict:
    """The same for json."""
    return {"bundle": str(bundle), "verified": not any(check.faults for check in checks),
            "checks": [{"name": check.name, "ok": not check.faults, "faults": list(check.faults), "told": check.told,
                        "figures": check.figures} for check in checks]}


def score_text(told: dict | None, folds: Sequence[int] = ()) -> str:
    """An out-of-fold score in words, with the folds that it is of where they are others than those in the bundle."""
    if not told or told.get("total") is None:
        return "not evaluated (make evaluate)"
    interval = told.get("interval")
    said = f"out of fold {told['total']:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")
    if folds and list(told.get("folds", folds)) != list(folds):
        said += f", of folds {', '.join(map(str, told['folds']))} together"
    return said + (", on a phantom: it says nothing of patients" if told.get("phantom") else "")
