"""The ledger: one line for each submission, from its manifest, with leaderboard scores that were typed by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from lsdc.errors import StorageError, printable, shortened
from lsdc.evaluate.cells import between, number, on_lines, percent
from lsdc.files import read_json
from lsdc.tables import Column, Table, for_spreadsheets, read_csv, write_csv

LEADERBOARD = Table("leaderboard", {"name": Column("string"), "public": Column("float64", missing=True),
                                    "private": Column("float64", missing=True)}, key=("name",))
FIELDS = ("date", "name", "models", "score", "low", "high", "fallback_share", "config", "commit", "public", "private",
          "fault")
HASH_SHOWN = 12  # characters of a sha256


def read_ledger(root: Path) -> tuple[list[dict], list[str]]:
    """Rows (FIELDS) of every submission below a folder, the oldest first, damaged ones last; notes.

    A manifest that is missing or damaged is a row with `fault`. TableError when leaderboard.csv does not fit.
    """
    root = Path(root)
    folders = sorted(path for path in root.glob("*") if path.is_dir() and not path.name.startswith("."))
    rows = sorted((_row(folder) for folder in folders), key=lambda row: (row["date"] or "9", row["name"]))
    notes, file = [], root / "leaderboard.csv"
    if file.exists():
        board = LEADERBOARD.check(read_csv(file), file).set_index("name")
        for row in rows:
            if row["name"] in board.index:
                row |= {key: None if np.isnan(value) else float(value)
                        for key, value in board.loc[row["name"]].items()}
        notes += [f"leaderboard.csv names {name}, which is no submission here"
                  for name in board.index if name not in {row["name"] for row in rows}]
    return rows, notes


def text_of_ledger(rows: Sequence[dict], notes: Sequence[str]) -> str:
    """The ledger as a table, with faults and notes below."""
    lines = [[row["date"][:10] if row["date"] else "-", row["name"], row["models"] or "-",
              number(row["score"]) if row["fault"] is None else "damaged", between([row["low"], row["high"]]),
              percent(row["fallback_share"]), row["config"] or "-", row["commit"] or "-",
              number(row["public"], 3), number(row["private"], 3)] for row in rows]
    headers = ("date", "name", "models", "score", "interval", "by priors", "config", "commit", "public", "private")
    table = tabulate(on_lines(lines), headers, tablefmt="simple", disable_numparse=True,
                     colalign=["left"] * 3 + ["right"] * 3 + ["left"] * 2 + ["right"] * 2) if lines else ""
    told = [f"{row['name']}: {row['fault']}" for row in rows if row["fault"]]
    below = "\n".join(shortened(printable(one), 500) for one in [*told, *notes])
    return "\n\n".join(part for part in (table, below) if part)


def write_ledger(root: Path, rows: Sequence[dict]) -> None:
    """Write the rows as ledger.csv in the folder of submissions, aside and renamed."""
    write_csv(for_spreadsheets(pd.DataFrame(rows, columns=list(FIELDS))), Path(root) / "ledger.csv")


def _row(folder: Path) -> dict:
    row = dict.fromkeys(FIELDS) | {"name": folder.name}
    path = folder / "manifest.json"
    if not path.exists():
        return row | {"fault": "it has no manifest.json"}
    try:
        return row | _of_manifest(read_json(path))
    except StorageError as error:
        return row | {"fault": f"its manifest cannot be read: {error.got}"}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        return row | {"fault": f"its manifest is damaged: {error!r}"}


def _of_manifest(manifest: dict) -> dict:
    score, blend = manifest["out_of_fold"] or {"total": None, "interval": (None, None)}, manifest.get("blend")
    low, high = score["interval"]
    models = [f"{one['run']} ({_folds(one['folds'])})" for one in (blend["runs"] if blend else [manifest])]
    return {
        "date": str(manifest["made"]), "models": " + ".join(models),
        **{name: None if value is None else float(value)
           for name, value in (("score", score["total"]), ("low", low), ("high", high))},
        "fallback_share": int(manifest["fallback_rows"]) / int(manifest["rows"]),
        "config": (blend["sha256"] if blend else manifest["config_sha256"])[:HASH_SHOWN],
        "commit": manifest["commit"],
    }


def _folds(folds: Sequence[int]) -> str:
    return f"fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}"
