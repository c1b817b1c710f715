"""Figures kept as json below the cache folder, with the machine and commit that gave them."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, ValidationError

from lsdc.config import cache_root
from lsdc.errors import StorageError
from lsdc.files import read_json, unwritable, write_json, write_text
from lsdc.record import environment

MACHINE = ("system", "processor", "cores")  # what makes two machines one, of the record of a run's environment

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]  # in what is saved, as something to divide by

log = logging.getLogger(__name__)
Form = TypeVar("Form", bound=BaseModel)


def need_place() -> None:
    """StorageError unless figures can be written: told before anything is measured. Nothing is left."""
    place = cache_root() / "bench"
    try:
        there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise unwritable(error, place) from error


def last_figures(name: str, form: type[Form], **about: object) -> Form | None:
    """The figures saved last under a name, if this machine made them and they are about the same.

    about: what they have to have besides. None when there are none such, or they are damaged, which is told.
    """
    try:
        told = read_json(_path(name)) if _path(name).exists() else None
        if told is None or not _same(told, about):
            return None
        return form.model_validate(told)
    except (StorageError, ValidationError, OSError) as error:
        log.warning("nothing to compare with: %s is damaged or of another version: %s", _path(name), error)
        return None


def made_now(figures: Mapping) -> dict:
    """Figures with the time and the environment that gave them."""
    return {"made": datetime.now(UTC).isoformat(timespec="seconds"), **figures, "environment": environment()}


def save_figures(name: str, figures: Mapping) -> str:
    """Save figures, `made_now` if they are not yet, over the last ones of that name; machine and place in words.

    Where they cannot be written, that is what is said: what was measured is not lost with its file.
    """
    figures = figures if "environment" in figures else made_now(figures)
    known = figures["environment"]
    said = _kept(lambda: write_json(_path(name), figures), f"saved: {_path(name)}")
    return (f"{known['processor']}, {known['cores']} cores, torch {known['packages']['torch']}, "
            f"commit {known['commit']}\n{said}")


def save_page(name: str, html: str) -> str:
    """Save a page beside the figures of that name, over the last one; in words where it is."""
    path = _path(name).with_suffix(".html")
    return _kept(lambda: write_text(path, html), f"as a page: {path}")


def _kept(write: Callable[[], None], said: str) -> str:
    try:
        write()
    except (StorageError, OSError) as error:
        return f"not saved: {error}"
    return said


def _same(told: Mapping, about: Mapping) -> bool:
    known, now = told.get("environment"), environment()
    return (isinstance(known, dict) and all(known.get(name) == now[name] for name in MACHINE)
            and all(told.get(name) == value for name, value in about.items()))


def _path(name: str) -> Path:
    return cache_root() / "bench" / f"{name}.json"
