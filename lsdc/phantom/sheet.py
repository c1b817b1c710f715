"""A contact sheet: the three planes of a few studies with their points and grades, as one picture."""

from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.dicom.series import Series, read_series
from lsdc.errors import DataError
from lsdc.files import written_aside
from lsdc.phantom.folder import COMPETITION
from lsdc.tables import read_csv
from lsdc.taxonomy import TARGET_BY_TITLES, Condition, Level, Severity, Side

COLOURS = {Severity.NORMAL_MILD.title: "#53d769", Severity.MODERATE.title: "#ffcc00", Severity.SEVERE.title: "#ff3b30"}
UNKNOWN_COLOUR = "#9aa0a6"
AXIAL_ZOOM_MM = 90.0


def contact_sheet(root: Path, study_ids: list[int], path: Path) -> None:
    """Draw studies of a phantom, one row each: mid-sagittal T2, T1 through right and left foramina, axial by level.

    Points are drawn where the tables have them, coloured by grade (green, yellow, red; grey: no label).
    root holds `competition`; path is a PNG. Raises DataError when a study is not in the train part.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder = Path(root) / COMPETITION
    points = read_csv(folder / "train_label_coordinates.csv").astype(
        {"study_id": "int64", "series_id": "int64", "instance_number": "int64", "x": "float64", "y": "float64"})
    grades = read_csv(folder / "train.csv").astype({"study_id": "int64"}).set_index("study_id")
    columns = 3 + len(Level)
    figure = Figure(figsize=(3.1 * columns, 3.5 * len(study_ids)), facecolor="black", layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(study_ids), columns, squeeze=False)
    for row, study_id in zip(axes, study_ids, strict=True):
        if study_id not in grades.index:
            raise DataError("a study is not in the train part", got=study_id, where=folder)
        _draw_study(row, folder / "train_images" / str(study_id), points[points.study_id == study_id],
                    grades.loc[study_id])
    with written_aside(Path(path)) as aside:
        figure.savefig(aside, format="png", dpi=80, facecolor="black")


def _draw_study(axes: np.ndarray, folder: Path, points: pd.DataFrame, grades: pd.Series) -> None:
    targets = [TARGET_BY_TITLES[key] for key in zip(points.condition, points.level, strict=True)]
    points = points.assign(
        target=[target.column for target in targets], kind=[target.condition for target in targets],
        side=[target.side for target in targets], step=[target.level for target in targets],
        grade=[grades[target.column] for target in targets])
    views = [(points[points.kind == Condition.CANAL], None)]
    views += [(points[(points.kind == Condition.FORAMINAL) & (points.side == side)], None)
              for side in (Side.RIGHT, Side.LEFT)]
    views += [(points[(points.kind == Condition.SUBARTICULAR) & (points.step == level)], AXIAL_ZOOM_MM)
              for level in Level]
    for place, (axis, (shown, zoom)) in enumerate(zip(axes, views, strict=True)):
        axis.axis("off")
        if len(shown):
            title = f"{folder.name} " * (place == 0) + (shown.level.iloc[0] if zoom else shown.condition.iloc[0])
            _draw_view(axis, folder, shown, zoom)
            axis.set_title(title, color="white", fontsize=8)


def _draw_view(axis, folder: Path, shown: pd.DataFrame, zoom_mm: float | None) -> None:
    slices = shown.groupby(["series_id", "instance_number"]).size()
    series_id, number = slices.idxmax()  # the slice that carries most of these points
    series = read_series(folder / str(series_id))
    index = series.index_of_instance(int(number))
    image = series.images[index]
    axis.imshow(image, cmap="gray", vmin=0, vmax=np.percentile(image, 99.6), interpolation="bilinear")
    for point in shown[shown.series_id == series_id].itertuples():
        colour = COLOURS.get(point.grade, UNKNOWN_COLOUR)
        axis.plot(point.x, point.y, "o", mfc="none", mec=colour, ms=9 if zoom_mm is None else 16, mew=1.2)
    if zoom_mm is not None:
        _zoom(axis, series, index, shown[["x", "y"]].to_numpy().mean(axis=0), zoom_mm)


def _zoom(axis, series: Series, index: int, centre_px: np.ndarray, size_mm: float) -> None:
    half = size_mm / 2 / np.array(series.planes[index].spacing_xy_mm)
    axis.set_xlim(centre_px[0] - half[0], centre_px[0] + half[0])
    axis.set_ylim(centre_px[1] + half[1], centre_px[1] - half[1])
