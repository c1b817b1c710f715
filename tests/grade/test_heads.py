import pytest
import torch

from lsdc.grade.heads import OrdinalHead, SoftmaxHead

LEVEL = torch.tensor([0, 4])


@pytest.fixture
def head():
    head = OrdinalHead(1, by_level=True)
    with torch.no_grad():
        head.linear.weight.fill_(1.0)
        head.level_threshold.copy_(torch.tensor([1.0, 0, 0, 0, 2.0]))
        head.level_gap.copy_(torch.expm1(torch.tensor([1.0, 0.5, 0.5, 0.5, 2.0]) - 1e-3).log())
    return head


def test_an_ordinal_head_gives_weighted_cumulative_probabilities(head):
    first = torch.sigmoid(torch.tensor([3.0 - 1, 3.0 - 2]))  # by hand: s = 3, t1 = 1 and 2, t2 = 2 and 4
    second = torch.sigmoid(torch.tensor([3.0 - 2, 3.0 - 4]))
    plain = torch.stack([1 - first, first - second, second], dim=1) * torch.tensor([1.0, 2, 4])
    answer = head(torch.full((2, 1), 3.0), LEVEL).softmax(dim=1)
    assert torch.allclose(answer, plain / plain.sum(dim=1, keepdim=True), atol=1e-6)


@pytest.mark.parametrize("degree", [-300.0, 300.0])
def test_extreme_degrees_stay_finite(head, degree):
    features = torch.full((2, 1), degree, requires_grad=True)
    logits = head(features, LEVEL)
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert torch.isfinite(features.grad).all()


def test_more_narrowing_is_never_a_better_grade(head):
    answers = torch.cat([head(torch.full((1, 1), x), LEVEL[:1]).softmax(dim=1) for x in torch.linspace(-8, 8, 40)])
    assert (answers[:, 0].diff() < 0).all()
    assert (answers[:, 2].diff() > 0).all()


@pytest.mark.parametrize("kind", [OrdinalHead, SoftmaxHead])
def test_a_level_changes_the_answer_only_where_it_is_told(kind):
    torch.manual_seed(0)
    features = torch.randn(1, 6).expand(2, 6)
    assert torch.equal(*kind(6, by_level=False)(features, LEVEL))
    head = kind(6, by_level=True)
    rates = torch.rand(5, 3) + 0.1
    head.start_from(rates / rates.sum(dim=1, keepdim=True), torch.ones(3) / 3)
    assert not torch.equal(*head(features, LEVEL))
