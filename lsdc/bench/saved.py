"""Figures kept as json below the cache folder, with the machine and commit that gave them."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from lsdc.config import cache_root
from lsdc.errors import StorageError
from lsdc.files import read_json, write_json, write_text
from lsdc.record import environment

log = logging.getLogger(__name__)


def last_figures(name: str) -> dict:
    """The figures saved last under a name; empty when there are none, or they are damaged, which is told."""
    try:
        return read_json(_path(name)) if _path(name).exists() else {}
    except StorageError as error:
        log.warning("nothing to compare with: %s", error)
        return {}


def save_figures(name: str, figures: dict) -> str:
    """Save figures with time and environment, over the last ones of that name; machine and place in words."""
    known = environment()
    write_json(_path(name), {"made": datetime.now(UTC).isoformat(timespec="seconds"), **figures, "environment": known})
    return (f"{known['cores']} cores, torch {known['packages']['torch']}, commit {known['commit']}\n"
            f"saved: {_path(name)}")


def save_page(name: str, html: str) -> Path:
    """Save a page beside the figures of that name, over the last one; where it is."""
    path = _path(name).with_suffix(".html")
    write_text(path, html)
    return path


def _path(name: str) -> Path:
    return cache_root() / "bench" / f"{name}.json"
