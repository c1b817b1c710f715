import numpy as np
import pandas as pd
import pytest

from lsdc.grade.balance import Operation, balance, balanced_counts


@pytest.mark.parametrize(("before", "after"), [  # fold 0 in the paper's code
    ((12284, 2847, 620), (12284, 6142, 4094)),
    ((6841, 586, 375), (6841, 3420, 2280)),
    ((10975, 2927, 1470), (10975, 5487, 3658)),
    ((10, 9, 8), (10, 9, 8)),  # nothing is thrown away
    ((10, 3, 0), (10, 5, 0)),  # nothing from nothing
])
def test_counts(before, after):
    assert balanced_counts(np.array(before)).tolist() == list(after)


def test_each_added_sample_has_one_operation_and_a_source_of_its_class():
    severity = [0] * 40 + [1] * 6 + [2] * 3 + [0] * 12 + [2] * 2
    samples = pd.DataFrame({"condition": ["canal"] * 49 + ["foraminal"] * 14, "severity": severity})
    plan = balance(samples, seed=4)
    assert plan["source"][:63].tolist() == list(range(63))
    assert plan["operation"][:63].isna().all()
    added = plan[63:].assign(condition=samples["condition"].to_numpy()[plan["source"][63:]],
                             severity=samples["severity"].to_numpy()[plan["source"][63:]])
    counts = added.groupby(["condition", "severity"]).size().to_dict()
    assert counts == {("canal", 1): 14, ("canal", 2): 10, ("foraminal", 2): 4}
    assert set(added["operation"]) <= {str(one) for one in Operation}
    assert balance(samples, seed=4).equals(plan)
    assert not balance(samples, seed=5).equals(plan)
