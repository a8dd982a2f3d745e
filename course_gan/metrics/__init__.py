"""Measures of a generator: distances between samples or their features, two-sample tests, modes, copies.

Features are rows (n, d): of points the points themselves, of images what `extract` takes from a classifier.
"""

from course_gan.metrics.classifier import digits_classifier, load_classifier, save_classifier, train_classifier
from course_gan.metrics.extrapolation import Extrapolation, fid_infinity
from course_gan.metrics.features import Classifier, as_bytes, as_images, extract
from course_gan.metrics.frechet import fid, frechet_bias, frechet_distance
from course_gan.metrics.inception import Inception, inception
from course_gan.metrics.inception_score import inception_score, inception_score_of_logits, inception_scores
from course_gan.metrics.kid import kid, kid_of_subsets
from course_gan.metrics.memorization import Memorization, memorization
from course_gan.metrics.mmd import Discrepancy, mmd, mmd_squared, mmd_test
from course_gan.metrics.modes import (
    expected_modes_hit,
    high_quality_ceiling,
    mode_histogram_floor,
    mode_histogram_kl,
    modes,
    modes_hit,
)
from course_gan.metrics.precision_recall import DensityCoverage, PrecisionRecall, density_coverage, precision_recall
from course_gan.metrics.statistics import FeatureStatistics, feature_statistics
from course_gan.metrics.two_sample import Accuracy, classifier_test, nearest_neighbor_test

__all__ = [
    "Accuracy",
    "Classifier",
    "DensityCoverage",
    "Discrepancy",
    "Extrapolation",
    "FeatureStatistics",
    "Inception",
    "Memorization",
    "PrecisionRecall",
    "as_bytes",
    "as_images",
    "classifier_test",
    "density_coverage",
    "digits_classifier",
    "expected_modes_hit",
    "extract",
    "feature_statistics",
    "fid",
    "fid_infinity",
    "frechet_bias",
    "frechet_distance",
    "high_quality_ceiling",
    "inception",
    "inception_score",
    "inception_score_of_logits",
    "inception_scores",
    "kid",
    "kid_of_subsets",
    "load_classifier",
    "memorization",
    "mmd",
    "mmd_squared",
    "mmd_test",
    "mode_histogram_floor",
    "mode_histogram_kl",
    "modes",
    "modes_hit",
    "nearest_neighbor_test",
    "precision_recall",
    "save_classifier",
    "train_classifier",
]
