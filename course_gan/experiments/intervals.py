r"""How sure a few seeds make us: intervals for a share (Wilson), a mean (Student) and a median (order statistics).

Each covers the true value in 95 of 100 repetitions (`level`): exactly for the mean of normal values, at least so
often for the median of continuous ones, and about so often, on average over the shares there can be, for the share.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from course_gan.inputs import require_count


@dataclass(frozen=True)
class Share:
    """So many of so many runs, with its Wilson interval.

    >>> print(Share(8, 10))
    8 of 10 (49–94 %)
    """

    successes: int
    runs: int
    level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse a share that there cannot be."""
        wilson(self.successes, self.runs, self.level)

    @property
    def share(self) -> float:
        """The share itself, between 0 and 1."""
        return self.successes / self.runs

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return wilson(self.successes, self.runs, self.level)[0]

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return wilson(self.successes, self.runs, self.level)[1]

    def __str__(self) -> str:
        """The share as the book writes it."""
        return f"{self.successes} of {self.runs} ({100 * self.low:.0f}–{100 * self.high:.0f} %)"


@dataclass(frozen=True)
class Interval:
    """An estimate from `runs` values, with the ends of its interval.

    >>> print(Interval(0.531, 0.412, 0.65, runs=10))
    0.531 (0.412 to 0.65, 10 runs)
    """

    estimate: float
    low: float
    high: float
    runs: int
    level: float = 0.95

    def __str__(self) -> str:
        """Estimate and interval, to three digits."""
        if self.runs == 1:
            return f"{self.estimate:.3g} (1 run)"
        return f"{self.estimate:.3g} ({self.low:.3g} to {self.high:.3g}, {self.runs} runs)"


def wilson(successes: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    r"""Wilson's interval for a share: all $p$ with $|\hat p - p| \le z \sqrt{p(1-p)/n}$, that is

    $\frac{\hat p + z^2/2n \pm z \sqrt{\hat p (1 - \hat p)/n + z^2/4n^2}}{1 + z^2/n}$ with $\hat p$ = successes / runs.

    Unlike $\hat p \pm z \sqrt{\hat p(1 - \hat p)/n}$ it stays within 0 and 1, and 10 of 10 does not make it a point.

    Reference: Wilson, Probable inference, the law of succession, and statistical inference, 1927; Brown, Cai and
    DasGupta, Interval estimation for a binomial proportion, 2001 (which recommends it for small n).

    >>> low, high = wilson(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    require_count("runs", runs)
    require_count("successes", successes, 0)
    if successes > runs:
        raise ValueError(f"successes is {successes} of {runs} runs; wanted no more than there are runs.")
    z, share = _quantile(level), successes / runs
    middle = share + z**2 / (2 * runs)
    half = z * math.sqrt(share * (1 - share) / runs + z**2 / (4 * runs**2))
    scale = 1 + z**2 / runs
    # At 0 and n the formula gives exactly 0 and 1, but rounding may leave a 1e-17.
    low = 0.0 if successes == 0 else (middle - half) / scale
    return low, 1.0 if successes == runs else (middle + half) / scale


def mean_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    r"""The mean with Student's interval, $\bar x \pm t_{n-1} s / \sqrt n$ with $s^2 = \frac1{n-1} \sum (x - \bar x)^2$.

    One value alone says nothing of its spread: the interval is then unbounded.  With a NaN or an infinity among the
    values, the ends are NaN: leave out no failed run in silence.

    Reference: Student, The probable error of a mean, 1908.

    >>> print(mean_interval([1.0, 2.0, 3.0, 4.0]))
    2.5 (0.446 to 4.55, 4 runs)
    """
    _quantile(level)
    values = _numbers(values)
    runs = len(values)
    mean = _mean(values)
    if runs == 1:
        return Interval(mean, -math.inf, math.inf, 1, level)
    if not math.isfinite(mean):
        return Interval(mean, math.nan, math.nan, runs, level)
    # hypot and not a sum of squares, which would overflow, or vanish and leave an interval without width.
    deviation = math.hypot(*(value - mean for value in values)) / math.sqrt(runs - 1)
    half = float(stats.t.ppf((1 + level) / 2, runs - 1)) * deviation / math.sqrt(runs)
    return Interval(mean, mean - half, mean + half, runs, level)


def median_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    r"""The median with the interval between two order statistics, $[x_{(k)}, x_{(n+1-k)}]$, whatever the distribution.

    It misses the median only if fewer than k of n fair coins show heads, or fewer than k show tails, so k is the
    largest number with $2 P(\mathrm{Bin}(n, \tfrac12) < k) \le 1 - $ `level`.  Five values or fewer have no such k at
    95 %: the interval is then unbounded.  With a NaN among the values, everything is NaN.

    Reference: David and Nagaraja, Order Statistics, 3rd edition, 2003, §7.1.

    >>> print(median_interval([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]))
    3.5 (1 to 9, 8 runs)
    """
    _quantile(level)
    values = _numbers(values)
    runs = len(values)
    if any(map(math.isnan, values)):
        return Interval(math.nan, math.nan, math.nan, runs, level)
    ordered = sorted(values)
    median = _mean([ordered[(runs - 1) // 2], ordered[runs // 2]])
    k = 0
    while 2 * stats.binom.cdf(k, runs, 0.5) <= 1 - level:
        k += 1
    if k == 0:
        return Interval(median, -math.inf, math.inf, runs, level)
    return Interval(median, ordered[k - 1], ordered[runs - k], runs, level)


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level:g}; wanted a number between 0 and 1, such as 0.95.")
    return float(stats.norm.ppf((1 + level) / 2))


def _numbers(values: Any) -> list[float]:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"values is a {type(values).__name__} ({error}); wanted numbers, one a run.") from None
    if not numbers:
        raise ValueError("There are no values; wanted at least one. Did every seed fail?")
    return numbers


def _mean(values: Sequence[float]) -> float:
    if not all(map(math.isfinite, values)):
        return sum(values) / len(values)
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # of the sum, and not of the mean
        return math.fsum(value / len(values) for value in values)
