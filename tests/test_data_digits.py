"""scikit-learn's digits as tensors, and a split that keeps the classes in proportion."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch.testing import assert_close

from course_gan.data import digits, digits_split, stratified_split


def test_digits_are_scikit_learns_scaled_to_minus_one_and_one():
    images, labels = digits()
    theirs = load_digits()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert_close(images[:, 0].double().numpy(), theirs.images / 8 - 1, rtol=0, atol=0)
    assert (labels.numpy() == theirs.target).all()
    assert (images.min(), images.max()) == (-1, 1)


def test_who_changes_the_digits_changes_only_his_own():
    images, labels = digits()
    images.zero_()
    labels.zero_()
    again, labels_again = digits()
    assert again.min() == -1
    assert labels_again.max() == 9


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_the_split_of_the_digits_uses_every_image_once_with_its_label(share):
    split = digits_split(share)
    images, labels = digits()
    assert len(split.test_images) == round(share * 1797)
    together = torch.cat([split.train_images, split.test_images]).flatten(1)
    names = torch.cat([split.train_labels, split.test_labels])
    rows = {
        (*image, label) for image, label in zip(images.flatten(1).tolist(), labels.tolist()) for image in [tuple(image)]
    }
    assert {(*tuple(image), label) for image, label in zip(together.tolist(), names.tolist())} == rows
    assert len(together) == 1797
    ours, exact = torch.bincount(split.test_labels), torch.bincount(labels) * share
    assert ((ours - exact).abs() < 1).all()


@settings(deadline=None, max_examples=50)
@given(
    labels=st.lists(st.integers(-2, 5), min_size=1, max_size=60), share=st.floats(0.01, 0.99), seed=st.integers(0, 99)
)
def test_a_stratified_split_is_a_partition_in_proportion(labels, share, seed):
    given_labels = torch.tensor(labels)
    train, test = stratified_split(given_labels, share, seed=seed)
    assert sorted(train.tolist() + test.tolist()) == list(range(len(labels)))
    assert train.tolist() == sorted(train.tolist())
    assert test.tolist() == sorted(test.tolist())
    assert abs(len(test) - share * len(labels)) <= 0.5 + 1e-6
    for label in set(labels):
        count = labels.count(label)
        assert abs((given_labels[test] == label).sum() - share * count) < 1 + 1e-6


def test_the_split_depends_on_the_seed_alone():
    labels = digits()[1]
    first, again, other = (stratified_split(labels, 0.25, seed=seed)[1] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    overlap = len(np.intersect1d(first, other)) / len(first)
    assert overlap < 0.35  # a quarter by chance
    before = torch.get_rng_state()
    digits_split()
    assert_close(torch.get_rng_state(), before)


def test_whole_quotas_are_not_moved_by_rounding():
    labels = torch.arange(10).repeat_interleave(20)
    for share in (0.15, 0.35, 0.55, 0.7):
        test = stratified_split(labels, share)[1]
        assert (torch.bincount(labels[test]) == round(20 * share)).all()


def test_remainders_go_to_the_classes_that_have_most_left_over():
    labels = torch.tensor([0] * 5 + [1] * 4 + [2] * 3)  # shares of a half: 2.5, 2, 1.5; six in all
    test = stratified_split(labels, 0.5)[1]
    assert torch.bincount(labels[test]).tolist() == [3, 2, 1]


def test_equal_remainders_go_to_the_smaller_label_whatever_floating_point_makes_of_them():
    """0.2 of 7 and of 27 are 1.4 and 5.4; as doubles, the second has the larger remainder by the last digit."""
    assert 7 * 0.2 - 1 < 27 * 0.2 - 5
    labels = torch.tensor([0] * 7 + [1] * 27)
    for order in (labels, labels.flip(0)):
        assert torch.bincount(order[stratified_split(order, 0.2)[1]]).tolist() == [2, 5]


@settings(deadline=None, max_examples=100)
@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=8), percent=st.integers(1, 99))
def test_the_number_of_each_class_is_that_of_exact_arithmetic(counts, percent):
    exact = [Fraction(count * percent, 100) for count in counts]
    expected = [math.floor(number) for number in exact]
    first = sorted(range(len(counts)), key=lambda label: expected[label] - exact[label])  # stable: ties in order
    for label in first[: round(sum(exact)) - sum(expected)]:
        expected[label] += 1
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    test = stratified_split(labels, percent / 100)[1]
    assert torch.bincount(labels[test], minlength=len(counts)).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "share", "options", "message"),
    [
        (torch.arange(4), 0.0, {}, "test_share is 0"),
        (torch.arange(4), 1.0, {}, "test_share is 1"),
        (torch.arange(4), 0.5, {"seed": -1}, "seed is -1"),
        (torch.zeros(4), 0.5, {}, "wanted .n,. of int64"),
        (torch.zeros(4, 2).long(), 0.5, {}, r"shape \(4, 2\)"),
        (torch.zeros(0).long(), 0.5, {}, r"shape \(0,\)"),
    ],
)
def test_splits_that_make_no_sense_are_refused(labels, share, options, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(stratified_split)(labels, share, **options)


def test_labels_that_are_a_list_are_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"labels is a list.*as_tensor"):
        inspect.unwrap(stratified_split)([0, 1], 0.5)
