"""A toy task: the brightness of an image is the grade."""

import numpy as np
import pytest
import torch

from lsdc.bench.small_network import Images, SmallNetwork, answer, train_small
from lsdc.taxonomy import TARGETS

PRIORS = np.tile([0.6, 0.25, 0.15], (25, 1))


def one_target_each(count: int, *, located: bool = True) -> tuple[Images, np.ndarray]:
    """A study of 25 images each: image t shows target t's grade (0, 1, 2) as brightness, for `count` studies."""
    random = np.random.default_rng(0)
    severity = random.integers(0, 3, (count, 25))
    image = (40 + 80 * severity.ravel())[:, None, None, None] + random.integers(0, 10, (count * 25, 1, 16, 16))
    return Images(image.astype(np.uint8), np.repeat(np.arange(count), 25), np.tile(np.eye(25, dtype=bool), (count, 1)),
                  located), severity


@pytest.fixture
def plain(settings):
    """Settings under which brightness stays what it is."""
    augment = settings.augment.model_copy(update={"brightness": 0.0, "contrast": 0.0})
    training = settings.training.model_copy(update={"learning_rate": 0.01, "ema_decay": 0.8})
    return settings.model_copy(update={"augment": augment, "training": training})


def test_it_learns_what_the_images_show(plain):
    images, severity = one_target_each(14)
    network = train_small(images.of(np.arange(10)), severity, np.array([8, 9]), PRIORS, plain, steps=120)
    answers = answer(network, images.of(np.arange(10, 14)), PRIORS)
    assert sorted(answers) == [10, 11, 12, 13]
    right = np.mean([answers[study].argmax(axis=1) == severity[study] for study in answers])
    assert right > 0.9


def test_it_starts_from_the_priors_and_keeps_them_when_nothing_is_to_be_learned(plain):
    images, _ = one_target_each(4)
    dull = Images(np.full_like(images.image, 100), images.study, images.answers, located=False)
    contrary = np.where(np.arange(4)[:, None] < 3, 2, 0).repeat(25, axis=1)  # the tuning study disagrees
    network = train_small(dull, contrary, np.array([3]), PRIORS, plain, steps=20)
    assert answer(network, dull, PRIORS)[0] == pytest.approx(PRIORS, abs=1e-5)


def test_studies_without_a_label_or_an_image(plain):
    images, severity = one_target_each(4)
    severity[:, 5:] = -1
    images.answers[:, 3] = False
    network = train_small(images, severity, np.array([3]), PRIORS, plain, steps=4)
    for values in answer(network, images, PRIORS).values():
        assert values[3] == pytest.approx(PRIORS[3])
        assert values.sum(axis=1) == pytest.approx(1)
    assert answer(network, images.of(np.array([1])), PRIORS).keys() == {1}


def test_answers_of_a_study_are_the_mean_of_its_images(plain):
    torch.manual_seed(0)
    network = SmallNetwork("test_resnet", 1, PRIORS, located=False)
    torch.nn.init.normal_(network.read.weight)
    image = np.random.default_rng(0).integers(0, 255, (3, 1, 32, 32)).astype(np.uint8)
    everything = np.ones((3, 25), bool)
    together = answer(network, Images(image, np.zeros(3, int), everything, False), PRIORS)[0]
    apart = answer(network, Images(image, np.arange(3), everything, False), PRIORS)
    assert together == pytest.approx(np.mean([apart[number] for number in range(3)], axis=0), abs=1e-5)
    assert np.ptp([apart[number] for number in range(3)], axis=0).max() > 0.01


@pytest.mark.parametrize("located", [True, False])
def test_what_is_read_is_shared_by_levels_and_sides_only_where_the_place_is_known(located):
    network = SmallNetwork("test_resnet", 1, PRIORS, located=located)
    torch.nn.init.normal_(network.read.weight)
    logits = network.eval()(torch.rand(2, 1, 32, 32))
    same = [torch.equal(logits[:, 0], logits[:, number]) for number in range(25)]
    assert same == [(located and target.condition == "canal") or number == 0 for number, target in enumerate(TARGETS)]


def test_random_state_is_left_alone_and_training_repeats(plain):
    images, severity = one_target_each(4)
    before = torch.random.get_rng_state()
    trained = [train_small(images, severity, np.array([3]), PRIORS, plain, steps=6) for _ in range(2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, second = (answer(network, images, PRIORS) for network in trained)
    assert all(np.array_equal(first[study], second[study]) for study in first)
