import pytest

from lsdc import progress


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_where_stderr_is_no_terminal(clock, capsys):
    seen = []
    for item in progress.track([1, 2, 3, 4], "reading"):
        seen.append(item)
        clock[0] += 10
    assert seen == [1, 2, 3, 4]
    assert capsys.readouterr().err.splitlines() == [
        "reading: 2 of 4, 00:20 gone, 00:20 left", "reading: 4 done in 00:40"]


def test_unknown_length(clock, capsys):
    for _ in progress.track(iter("ab"), "reading"):
        clock[0] += 16
    assert capsys.readouterr().err.splitlines()[0] == "reading: 1 of ?, 00:16 gone"
