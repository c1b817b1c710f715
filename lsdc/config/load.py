"""Yaml and overrides in, one frozen Settings out; all faults reported at once with file and key."""

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError, create_model

from lsdc.config.sections import Settings
from lsdc.errors import ConfigError
from lsdc.files import need_file

LONGEST = 100_000  # characters, which take a second to parse

Kind = TypeVar("Kind", bound=BaseModel)


class _UniqueLoader(yaml.SafeLoader):
    """A key given twice is an error instead of the last one winning; so is an alias, of which a few make gigabytes."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1}: an alias")
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        keys = Counter(self.construct_object(key, deep=True) for key, _ in node.value)
        if twice := sorted(str(key) for key, count in keys.items() if count > 1):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: key given twice: {', '.join(twice)}")
        return super().construct_mapping(node, deep)


def _whole_number(loader: _UniqueLoader, node: yaml.ScalarNode) -> int:
    if abs(number := yaml.SafeLoader.construct_yaml_int(loader, node)) >= 2**63:
        raise yaml.YAMLError(f"line {node.start_mark.line + 1}: a number of more than 64 bits")
    return number


_UniqueLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def load_settings(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Settings from a yaml file and ``section.key=value`` overrides (values are read as yaml)."""
    values = read_mapping(path, wanted="a mapping of sections", remedy="start from a copy of configs/phantom.yaml")
    return _validated(Settings, values, overrides, path)


def overridden(record: Kind, section: str, overrides: Sequence[str]) -> Kind:
    """The record of one section changed by ``section.key=value``; ConfigError as in load_settings."""
    values = {section: record.model_dump(mode="json")}
    return getattr(_validated(create_model("Section", **{section: type(record)}), values, overrides, None), section)


def _validated(kind: type[Kind], values: dict, overrides: Sequence[str], path: Path | None) -> Kind:
    faults = [fault for text in overrides if (fault := _override(values, text))]
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        faults += [_explain(entry) for entry in error.errors()]
    if faults:
        raise ConfigError(f"{len(faults)} settings cannot be used", got="\n          ".join(faults), where=path,
                          remedy="correct these keys in the file or in --set")
    return settings


def read_mapping(path: Path, *, wanted: str, remedy: str) -> dict:
    """A yaml file whose top is a mapping, in the file's order; ConfigError for anything else, or a key given twice."""
    path = Path(path)
    try:
        need_file(path, 4 * LONGEST)
        values = parsed_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("a config file cannot be read", got=error.strerror, where=path,
                          remedy="name one of configs/*.yaml, or your own copy of one") from error
    except ValueError as error:
        raise ConfigError("a config file is not valid yaml", got=str(error).replace("\n", "\n          "), where=path,
                          remedy="correct what is named, or name one of configs/*.yaml") from error
    if not isinstance(values, dict):
        raise ConfigError("a config file holds no settings", wanted=wanted, got=type(values).__name__, where=path,
                          remedy=remedy)
    return values


def parsed_yaml(text: str) -> object:
    """What yaml says in plain values; ValueError where it is none, has an alias or a key twice, or is long or deep."""
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text)} characters, and a config no more than {LONGEST}")
    try:
        return yaml.load(text, Loader=_UniqueLoader)  # noqa: S506 # nosec B506 (a SafeLoader)
    except (yaml.YAMLError, AttributeError, TypeError, LookupError, ArithmeticError) as error:  # unlike their tag
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("it goes very deep") from None


def dump_settings(settings: Settings) -> str:
    """The settings as yaml that `load_settings` reads back to an equal record."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


def differences(one: Settings, other: Settings) -> list[str]:
    """Keys whose values differ, as ``section.key: this -> that``."""
    first, second = _flat(one.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    return [f"{key}: {first.get(key)} -> {second.get(key)}" for key in {**first, **second}
            if first.get(key) != second.get(key)]


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _override(values: dict, text: str) -> str | None:
    key, equals, value = text.partition("=")
    if not equals:
        return f"--set {text}: wanted key=value, e.g. detector.epochs=3"
    *sections, last = key.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            return f"--set {text}: {section} is no section"
    try:
        values[last] = parsed_yaml(value)
    except ValueError as error:
        return f"--set {text}: value is not yaml: {str(error).splitlines()[0]}"
    return None


def _explain(entry: dict) -> str:
    place = [str(part) for part in entry["loc"]]
    key = ".".join(place)
    if entry["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], _names(place[:-1]), n=1)
        return f"{key}: unknown key" + (f" (did you mean {near[0]}?)" if near else "")
    if entry["type"] == "missing":
        return f"{key}: missing"
    said = entry["msg"].removeprefix("Value error, ")
    if isinstance(entry["input"], dict):  # a whole section, or several: the message names its keys
        return f"{key}: {said}" if key else said
    return f"{key}: {said} (got {entry['input']!r})"


def _names(sections: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for section in sections:
        annotation = model.model_fields[section].annotation if section in model.model_fields else None
        kinds = [kind for kind in getattr(annotation, "__args__", (annotation,)) if isinstance(kind, type)]
        model = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
        if model is None:
            return []
    return list(model.model_fields)
