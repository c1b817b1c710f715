"""Mutants of records, which are json or yaml: the same number gives the same bytes."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from random import Random

import yaml

from lsdc.files import content_hash
from tests.fuzz.csv_mutants import bad_characters, encoded, flipped, newlines, spliced, truncated

VALUES = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, 1e-320, float("inf"), float("-inf"), float("nan"), 2**31, 2**63,
    10**9, 10**40, -(10**400), "", " ", "x", "0", "1", "nan", "\0", "\udce9", "\u202e\x1b[2J", "=1+1", "../..",
    "/etc/passwd", "fold0", "x" * 300, "9" * 5000, "y" * 60_000, [], {}, [[]], [None], {"": None}, {"a": 1},
    [0] * 20_000, [[0.0, 0.0, 0.0]] * 30, ["a"], [1, "a", None])
TEXTS = (  # yaml that is more than plain values, or none
    "!!python/object/apply:os.system ['exit 1']", "!!binary '='", "!!timestamp 2024-13-45", "2024-02-31", "!!int '_'",
    "!!float x", "&a [*a]", "*a", "<<: 1", "? [1, 2]\n: 3", "%YAML 9.9", "--- 1\n--- 2", "{", "'", "\t- 1", "1_0:99",
    "0o8", "!!set {1}", "!!omap [1]", "!!pairs [[1]]", "- " * 600, "[" * 3000, "{a: " * 900, "!!str", ": :", "@", "`",
    "9" * 5000)
SEAL = "sha256"


def record_mutant(files: Mapping[str, bytes], number: int) -> tuple[str, str, bytes]:
    """(name of one of the files, what was done to it, its bytes)."""
    random = Random(number)  # noqa: S311 (nothing secret)
    name = random.choice(sorted(files))
    data, story = files[name], []
    if random.random() < 0.7:
        data, story = _restated(name, data, random)
    for _ in range(random.choice((1, 1, 2)) if not story else random.random() < 0.1):
        change = random.choice(BYTES)
        data = change(data, random) if change is not spliced else spliced(data, random, files)
        story.append(change.__name__)
    return name, ", ".join(story), data


def _restated(name: str, data: bytes, random: Random) -> tuple[bytes, list[str]]:
    """The record with other values, sealed again where it bears a hash of itself: what lies behind that is met too."""
    is_json = name.endswith(".json")
    told = json.loads(data) if is_json else yaml.safe_load(data)
    sealed, story = is_json and told.get(SEAL) == _seal(told), []
    for change in random.choices(CHANGES, k=random.choice((1, 1, 1, 2, 4))):
        told = change(told, random)
        story.append(change.__name__.strip("_"))
    if sealed and isinstance(told, dict) and random.random() < 0.9:
        told[SEAL] = _seal(told)
        story.append("sealed")
    if is_json:
        return json.dumps(told).encode("utf-8", "surrogatepass"), story
    return yaml.safe_dump(told, allow_unicode=True).encode("utf-8", "surrogatepass"), story


def _seal(told: dict) -> str:
    return content_hash({key: value for key, value in told.items() if key != SEAL})


def _any(random: Random) -> object:
    return deepcopy(random.choice(VALUES))  # others change what is in it


def _places(told: object) -> list[tuple[dict | list, object]]:
    """Every container in a record with each of its keys."""
    if not isinstance(told, (dict, list)):
        return []
    keys = list(told) if isinstance(told, dict) else list(range(len(told)))
    return [place for key in keys for place in ((told, key), *_places(told[key]))]


def _value(told: object, random: Random) -> object:
    places = _places(told)
    if not places or random.random() < 0.03:
        return _any(random)
    at, key = random.choice(places)
    at[key] = _any(random)
    return told


def _key(told: object, random: Random) -> object:
    """A key is taken away, named otherwise, or there is one more."""
    at, key = random.choice(_places(told) or [(None, None)])
    if isinstance(at, list):
        at.insert(key, at[key]) if random.random() < 0.5 else at.pop(key)
    elif at is not None:
        value = at[key] if random.random() < 0.4 else at.pop(key)
        if random.random() < 0.6:
            at[random.choice(("", "x", str(key).upper(), f"{key}s", "../..", "\x1b[2J", "9" * 400))] = value
    return told


def _exchange(told: object, random: Random) -> object:
    """Two values in each other's place."""
    if len(places := _places(told)) > 1:
        (one, first), (other, second) = random.sample(places, 2)
        value = json.loads(json.dumps(one[first]))  # of its own: none is in itself
        one[first], other[second] = json.loads(json.dumps(other[second])), value
    return told


def _wrapped(told: object, random: Random) -> object:
    """A value in a list or a mapping, or what is in it."""
    if not (places := _places(told)):
        return [told]
    at, key = random.choice(places)
    inner = at[key]
    if isinstance(inner, (list, dict)) and inner and random.random() < 0.5:
        at[key] = next(iter(inner.values())) if isinstance(inner, dict) else inner[0]
    else:
        at[key] = random.choice(([inner], {"a": inner}, [inner, deepcopy(inner)], str(inner), [str(inner)] * 3000))
    return told


def _deep(told: object, random: Random) -> object:
    inner = _any(random)
    for _ in range(random.choice((3, 50, 150))):
        inner = [inner] if random.random() < 0.5 else {"a": inner}
    if not (places := _places(told)):
        return inner
    at, key = random.choice(places)
    at[key] = inner
    return told


def _text(data: bytes, random: Random) -> bytes:
    """Something that yaml or json may not like in the place of a value, or on a line of its own."""
    lines, text = data.split(b"\n"), random.choice(TEXTS).encode()
    at = random.randrange(len(lines))
    key, colon, _ = lines[at].partition(b":")
    lines[at] = random.choice((text, key + colon + b" " + text, lines[at] + text, key + colon + b"\n" + text))
    return b"\n".join(lines)


def _twice(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    return b"\n".join([*lines[:at], *lines[at:at + 1] * random.choice((2, 3, 400)), *lines[at + 1:]])


def _little(_: bytes, random: Random) -> bytes:
    return random.choice((b"", b"\n", b"{}", b"[]", b"null", b"0", b'""', b"{", b"\0", b"NaN", b"[" * 100_000,
                          b'{"a":' * 100_000, b"[" * 900 + b"]" * 900, b" " * 200_000, random.randbytes(500)))


CHANGES: tuple[Callable, ...] = (_value, _value, _value, _key, _key, _exchange, _wrapped, _deep)
BYTES: tuple[Callable, ...] = (
    _text, _text, _text, _twice, _little, flipped, truncated, spliced, bad_characters, encoded, newlines)
