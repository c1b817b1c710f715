"""The grades of a train.csv by themselves, without the rest of a competition folder."""

from pathlib import Path

import pandas as pd

from lsdc.competition.tables import FILES, TRAIN_FILE
from lsdc.errors import TableError
from lsdc.tables import GRADES, read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Severity


def read_grades(path: Path) -> pd.DataFrame:
    """GRADES of a csv file in the form of train.csv, whatever its name, or of the train.csv of a folder.

    TableError, with every fault, when it is no such table, has no rows, or its grades are all the same or none.
    """
    path = Path(path)
    path = path / TRAIN_FILE if path.is_dir() else path
    frame = read_csv(path)
    wanted = FILES[TRAIN_FILE]
    if not set(wanted.columns) & set(frame.columns) - {"study_id"}:
        looks = "predictions" if {"row_id", *SEVERITY_COLUMNS} <= set(frame.columns) else "another table"
        raise TableError("this is no table of true grades", wanted="train.csv: study_id and 25 columns such as "
                         f"{TARGETS[0].column}, with {', '.join(severity.title for severity in Severity)} or empty",
                         got=f"{looks}, with the columns {', '.join(map(str, frame.columns[:6]))}", where=path,
                         remedy="give the competition's train.csv with --truth")
    cells, faults = wanted.examine(frame)
    if frame.empty:
        faults.append("no rows")
    if not faults and len(read := pd.unique(cells[[target.column for target in TARGETS]].melt().value.dropna())) < 2:
        faults.append(f"one class only: every grade is {read[0]}" if len(read) else "every grade is empty")
    if faults:
        raise TableError(f"this table of true grades cannot be used ({len(faults)} faults)",
                         wanted="a row for each study; grades of at least two classes", got="\n          ".join(faults),
                         where=path, remedy="correct the cells named, or give the competition's train.csv with --truth")
    return grades_of(cells)


def grades_of(wide: pd.DataFrame) -> pd.DataFrame:
    """GRADES of the checked cells of a train.csv: a study's 25 rows together, in the order of TARGETS."""
    names = {severity.title: severity.column for severity in Severity}
    rows = pd.concat([
        pd.DataFrame({"study_id": wide.study_id, "condition": target.condition, "side": target.side,
                      "level": target.level, "severity": wide[target.column].map(names)})
        for target in TARGETS
    ])
    order = pd.concat([pd.Series(range(len(wide)))] * len(TARGETS)).to_numpy()
    return GRADES.check(rows.iloc[order.argsort(kind="stable")])
