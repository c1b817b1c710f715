"""Any record, json or yaml, is taken or refused in our words, in 2 s of CPU and a gigabyte."""

import pytest

from tests.fuzz.limits import look_at_all
from tests.fuzz.record_readers import make_look

FEW, MANY = 120, 10_000


def test_some_mutants(tmp_path):
    told = look_at_all(make_look, tmp_path / "work", range(FEW))
    assert not told.failures, told
    assert told.outcomes.total() == FEW
    assert 0 < told.outcomes["valid"] < FEW * 2 / 3


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_ten_thousand_mutants(tmp_path):
    told = look_at_all(make_look, tmp_path / "work", range(FEW, FEW + MANY))
    print(told)
    assert not told.failures, told
    assert told.outcomes.total() == MANY
