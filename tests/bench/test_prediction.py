import pytest

from lsdc.bench.prediction import compared
from lsdc.bench.saved import save_figures

FIGURES = {"run": "tiny", "data": "abc", "studies": 8, "lanes": "2 processes", "devices": ["cpu"], "precision": "full",
           "steady_seconds_per_study": 1.5, "cpu_seconds_per_study": 2.5, "seconds_per_study": {"read": 0.25},
           "memory_gb": {"the end": 3.0}}
CELLS = {"from study to study": "1.500", "CPU, all processes": "2.500", "read": "0.250", "GB at the end": "3.00"}


def cells(text: str) -> dict[str, list[str]]:
    return {name: line.split(name)[1].split() for name in CELLS for line in text.splitlines() if name in line}


def test_figures_of_the_same_are_compared(cache):
    assert cells(compared(FIGURES)) == {name: [value] for name, value in CELLS.items()}
    save_figures("predict", FIGURES)
    assert cells(compared(FIGURES)) == {name: [value, value] for name, value in CELLS.items()}


@pytest.mark.parametrize("key", ["run", "data", "studies", "lanes", "devices", "precision"])
def test_figures_of_something_else_are_not(cache, caplog, key):
    save_figures("predict", {**FIGURES, key: "another"})
    assert cells(compared(FIGURES)) == {name: [value] for name, value in CELLS.items()}
    assert not caplog.text


@pytest.mark.parametrize(("key", "value"), [
    ("memory_gb", None), ("memory_gb", {"the end": "much"}), ("seconds_per_study", [1.0]),
    ("steady_seconds_per_study", float("nan"))])
def test_damaged_figures_are_told(cache, caplog, key, value):
    save_figures("predict", {**FIGURES, key: value})
    assert cells(compared(FIGURES)) == {name: [value] for name, value in CELLS.items()}
    assert "is damaged or of another version" in caplog.text
