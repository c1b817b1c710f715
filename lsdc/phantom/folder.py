"""The whole phantom: competition folder and truth, made by several processes, resumed where it stopped."""

import itertools
import logging
from pathlib import Path

import pandas as pd

from lsdc.config import PhantomSettings
from lsdc.errors import ConfigError
from lsdc.files import locked, read_json, remove_asides, write_json
from lsdc.phantom.anatomy import USUAL, VARIANTS
from lsdc.phantom.latents import latent_rows
from lsdc.phantom.points import keypoint_rows
from lsdc.phantom.quirks import ALL, QUIRKS, Planted, check_quirks, forced_quirks
from lsdc.phantom.study import Part, StudyPlan, plan_study, variant_of, write_study
from lsdc.processes import each
from lsdc.seeding import generator
from lsdc.tables import GRADES, KEYPOINTS, LATENTS, write_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Severity, row_id

log = logging.getLogger(__name__)
VERSION = 2  # of the generator: other numbers, other bytes
COMPETITION, TRUTH = "competition", "truth"
REMEDY = "remove this folder to make it anew, choose another one, or ask for the settings it was made with"


def generate(root: Path, settings: PhantomSettings, *, workers: int) -> None:
    """Write `<root>/competition` and `<root>/truth`; does only what is missing, and nothing if all is there.

    workers: processes (0: every core); the bytes do not depend on it, and study i only on (seed, part, i).
    Raises ConfigError when root holds a phantom of other settings, or files that are no phantom, or for a quirk or
    variant that does not exist.
    """
    root = Path(root)
    check_quirks(settings)
    _check_variants(settings)
    wanted = {"version": VERSION, "seed": settings.seed, "settings": settings.model_dump(mode="json")}
    if _is_complete(root, wanted):
        log.info("phantom already whole in %s", root)
        return
    with locked(root / TRUTH, busy="another process is making this phantom"):
        _write(root, settings, wanted, workers)


def _write(root: Path, settings: PhantomSettings, wanted: dict, workers: int) -> None:
    if _is_complete(root, wanted):
        return
    write_json(root / TRUTH / "started.json", wanted)
    for folder in (root / COMPETITION, *(root / COMPETITION).glob("*_images")):
        remove_asides(folder)
    tasks = [(part, index) for part, count in (("train", settings.train_studies), ("test", settings.test_studies))
             for index in chosen_indices(settings, part, count)]
    results = list(each(_make, tasks, what="phantom", workers=workers, shared=(root, settings)))
    _tell_missing(settings, results)
    _write_tables(root, settings, sorted(results, key=lambda rows: (rows["part"], rows["study_id"])))
    write_json(root / TRUTH / "phantom.json", wanted)
    (root / TRUTH / "started.json").unlink()


def chosen_indices(settings: PhantomSettings, part: Part, count: int) -> list[int]:
    """The first `count` studies of a part, of the settings' variants alone where they name some."""
    if not settings.variants:
        return list(range(count))
    fitting = (index for index in itertools.count()
               if variant_of(settings.seed, part, index) in settings.variants)
    return list(itertools.islice(fitting, count))


def _check_variants(settings: PhantomSettings) -> None:
    known = (USUAL, *VARIANTS)
    if unknown := sorted(set(settings.variants) - set(known)):
        raise ConfigError("unknown variants", got=", ".join(unknown), where="phantom.variants",
                          wanted=f"some of {', '.join(known)}")


def _tell_missing(settings: PhantomSettings, studies: list[dict]) -> None:
    """Name the forced quirks that found no series to be planted on, as when several need the same ones."""
    for name in settings.quirks:
        wanted = [rows for rows in studies if name in forced_quirks(settings, rows["part"], rows["index"])]
        lacking = sum(name not in {row["quirk"] for row in rows["quirks"]} for rows in wanted)
        if lacking:
            log.warning("quirk %s found no place in %d of %d studies beside the others", name, lacking, len(wanted))


def _is_complete(root: Path, wanted: dict) -> bool:
    for name in ("phantom.json", "started.json"):
        path = root / TRUTH / name
        if path.exists():
            if (found := read_json(path)) != wanted:
                raise ConfigError("this folder holds a phantom made with other settings", wanted=wanted, got=found,
                                  where=root, remedy=REMEDY)
            return name == "phantom.json"
    if (root / COMPETITION).exists():
        raise ConfigError("this folder holds competition data that is no phantom", wanted="a new or empty folder",
                          where=root / COMPETITION, remedy=REMEDY)
    return False


def _make(root: Path, settings: PhantomSettings, part: Part, index: int) -> dict:
    """Write a study unless it is there already; return its rows of all tables."""
    plan = plan_study(settings.seed, part, index, forced_quirks(settings, part, index))
    folder = root / COMPETITION / f"{part}_images" / str(plan.study_id)
    if not folder.exists():
        write_study(plan, folder)
    return study_rows(plan)


def study_rows(plan: StudyPlan) -> dict:
    """Rows of a study in every table; what the competition's tables leave empty is None there."""
    severities = [Severity(value) for value in plan.labels.severity]
    return {
        "part": plan.part, "index": plan.index, "study_id": plan.study_id,
        "cells": [severity.title if known else None for severity, known in zip(severities, plan.labelled, strict=True)],
        "points": [{"study_id": plan.study_id, **row} for row in plan.points],
        "series": [{"study_id": plan.study_id, "series_id": series_id, "series_description": series.described}
                   for series_id, series in sorted(plan.series, key=lambda entry: entry[0]) if series.in_table],
        "latents": latent_rows(plan.study_id, plan.labels),
        "keypoints": keypoint_rows(plan.study_id, plan.patient),
        "grades": [{"study_id": plan.study_id, "condition": target.condition.value, "side": target.side.value,
                    "level": target.level.value, "severity": severity.column}
                   for target, severity in zip(TARGETS, severities, strict=True)],
        "study": {"study_id": plan.study_id, "part": plan.part, "age": plan.patient.anatomy.age,
                  "sex": plan.patient.anatomy.sex, "scanner": plan.scanner.name,
                  "variant": plan.patient.anatomy.variant,
                  "quirks": ";".join(sorted({one.quirk for one in plan.planted}))},
        "quirks": [_quirk_row(plan, one) for one in plan.planted],
    }


def _quirk_row(plan: StudyPlan, planted: Planted) -> dict:
    """A row of truth/quirks.csv: series and instance (the file's number) are empty where the quirk is of more."""
    series_id, series = plan.series[planted.series] if planted.series is not None else (None, None)
    number = series.instance_numbers[planted.slice] if planted.slice is not None else None
    return {"study_id": plan.study_id, "series_id": series_id, "instance_number": number, "quirk": planted.quirk}


def _write_tables(root: Path, settings: PhantomSettings, studies: list[dict]) -> None:
    """The five csv of the competition and the truth beside them. studies: rows in order of part and study_id."""
    competition, truth = root / COMPETITION, root / TRUTH
    train, test = ([rows for rows in studies if rows["part"] == part] for part in ("train", "test"))
    columns = ["study_id", *(target.column for target in TARGETS)]
    write_csv(pd.DataFrame([[rows["study_id"], *rows["cells"]] for rows in train], columns=columns),
              competition / "train.csv")
    points = ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"]
    write_csv(_joined(train, "points", points), competition / "train_label_coordinates.csv")
    for part, rows in (("train", train), ("test", test)):
        write_csv(_joined(rows, "series", ["study_id", "series_id", "series_description"]),
                  competition / f"{part}_series_descriptions.csv")
    sample, shuffled = _sample(settings, test)
    write_csv(sample, competition / "sample_submission.csv")
    LATENTS.write(pd.concat([rows["latents"] for rows in studies], ignore_index=True), truth / "latents.csv")
    KEYPOINTS.write(_joined(studies, "keypoints", list(KEYPOINTS.columns)), truth / "keypoints.csv")
    GRADES.write(_joined(studies, "grades", list(GRADES.columns)), truth / "grades.csv")
    write_csv(pd.DataFrame([rows["study"] for rows in studies]), truth / "studies.csv")
    quirks = _joined(studies, "quirks", ["study_id", "series_id", "instance_number", "quirk"])
    if shuffled:
        quirks.loc[len(quirks), "quirk"] = "shuffled_sample"
    write_csv(quirks.astype(dict.fromkeys(quirks.columns[:3], "Int64")), truth / "quirks.csv")


def _joined(studies: list[dict], table: str, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame([row for rows in studies for row in rows[table]], columns=columns)


def _sample(settings: PhantomSettings, test: list[dict]) -> tuple[pd.DataFrame, bool]:
    """Rows by study, then alphabetical with the canal last, as in the competition; and whether they were shuffled."""
    ordered = sorted(target.column for target in TARGETS)
    names = {target.column: target for target in TARGETS}
    frame = pd.DataFrame({"row_id": [row_id(rows["study_id"], names[column]) for rows in test for column in ordered]})
    for column in SEVERITY_COLUMNS:
        frame[column] = 1 / 3
    random = generator(settings.seed, "phantom", "sample")
    shuffled = random.random() < QUIRKS["shuffled_sample"].rate or bool({ALL, "shuffled_sample"} & set(settings.quirks))
    return (frame.iloc[random.permutation(len(frame))] if shuffled else frame), shuffled
