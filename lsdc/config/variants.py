"""Variants of one config as a yaml file: an ordered mapping of names to overrides, each checked as settings are."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lsdc.config.load import differences, load_settings, read_mapping
from lsdc.config.sections import Settings
from lsdc.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")  # it becomes the name of a run


@dataclass(frozen=True)
class Variant:
    """One way to train: its name, its settings, and what was changed to make them, as ``key: this -> that``."""

    name: str
    settings: Settings
    changes: tuple[str, ...] = ()


def read_variants(path: Path, *, taken: Collection[str] = ()) -> dict[str, list[str]]:
    """Names to lists of ``section.key=value`` in the file's order; ConfigError with every fault.

    A name is of small letters, digits, _ and -, and none of `taken`.
    """
    values = read_mapping(path, wanted="a mapping of names to lists of overrides",
                          remedy="write lines such as  no_ema: [training.ema_decay=0]")
    faults = []
    for name, changes in values.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            faults.append(f"{name}: not a name of small letters, digits, _ and -")
        elif name in taken:
            faults.append(f"{name}: this name is taken")
        if not isinstance(changes, list) or not changes or not all(isinstance(one, str) for one in changes):
            faults.append(f"{name}: wanted a list of section.key=value (got {changes!r})")
    if faults:
        raise ConfigError(f"{len(faults)} variants cannot be used", got="\n          ".join(faults), where=path,
                          remedy="correct these lines")
    return values


def load_variants(
    path: Path, base: Path, overrides: Sequence[str] = (), *, taken: Collection[str] = ()
) -> list[Variant]:
    """The variants in `path` of the config `base` with its own `overrides`.

    ConfigError with every fault of all of them: a setting that does not exist or does not fit, a variant that is the
    base itself.
    """
    plain = load_settings(base, overrides)
    found, faults = [], []
    for name, changes in read_variants(path, taken=taken).items():
        try:
            settings = load_settings(base, [*overrides, *changes])
        except ConfigError as error:
            faults.append(f"{name}: {error.got}")
            continue
        changed = differences(plain, settings)
        found.append(Variant(name, settings, tuple(changed)))
        if not changed:
            faults.append(f"{name}: {', '.join(changes)} changes nothing in {base}")
    if faults:
        raise ConfigError(f"{len(faults)} variants cannot be used", got="\n          ".join(faults), where=path,
                          remedy="correct these lines")
    return found
