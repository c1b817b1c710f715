"""Any file is read rightly or named as a fault: in 2 s of CPU, in a gigabyte, and without loss of its neighbours."""

import pytest

from tests.fuzz.limits import look_at_all
from tests.fuzz.mutants import mutant
from tests.fuzz.readers import make_look
from tests.fuzz.seeds import seeds

FEW, MANY = 240, 20_000


def test_some_hundred_mutants(tmp_path):
    told = look_at_all(make_look, tmp_path / "work", range(FEW))
    assert not told.failures, told
    assert told.outcomes.total() == FEW
    assert len(told.outcomes) > 10
    assert FEW // 10 < told.outcomes["read"] < FEW * 9 // 10  # neither harmless nor hopeless


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_twenty_thousand_mutants(tmp_path):
    told = look_at_all(make_look, tmp_path / "work", range(FEW, FEW + MANY))
    print(told)
    assert not told.failures, told
    assert told.outcomes.total() == MANY


def test_a_number_names_a_mutant():
    assert len(seeds()) == 16
    made = [mutant(number) for number in range(60)]
    assert made == [mutant(number) for number in range(60)]
    assert len({one.data for one in made}) > 50
