from lsdc.seeding import generator, seed_for


def test_purposes_are_independent_and_repeatable():
    assert seed_for(1, "a", 2) == 7207999916064586904  # on every machine and Python
    assert generator(1, "a").random() == generator(1, "a").random()
    assert len({seed_for(1, "a"), seed_for(1, "b"), seed_for(2, "a"), seed_for(1, "a", 0)}) == 4
