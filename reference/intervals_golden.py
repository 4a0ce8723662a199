"""Goldens of clustered, bootstrap and paired intervals, Holm, power and samples needed.

Independent libraries: statsmodels (cluster-robust OLS, Wilson, Holm), scipy (BCa and percentile bootstrap, binomial,
normal). Newcombe's method 10 and MOVER are in neither; they are written here from their papers over statsmodels' Wilson.
Run: python reference/intervals_golden.py
"""

import math
import random

import numpy
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from common import write_golden

SEED = 6


def wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    return float(low), float(high)


def clustered(rng: random.Random) -> list[dict]:
    """Means with statsmodels' cluster-robust interval (t with clusters - 1 degrees of freedom)."""
    cases = []
    for clusters, most in [(2, 1), (5, 4), (12, 3), (40, 5), (60, 1)]:
        values, names = [], []
        for cluster in range(clusters):
            base = rng.random()
            for _ in range(rng.randint(1, most)):
                values.append(round(base + rng.gauss(0, 0.2), 4))
                names.append(cluster)
        fit = sm.OLS(values, numpy.ones(len(values))).fit(
            cov_type="cluster", cov_kwds={"groups": numpy.array(names)}, use_t=True
        )
        for level in [0.9, 0.95]:
            low, high = (float(x) for x in fit.conf_int(alpha=1 - level)[0])
            cases.append(
                {"values": values, "clusters": names, "level": level, "value": float(fit.params[0]), "low": low, "high": high}
            )
    return cases


def bootstraps() -> list[dict]:
    """scipy's bounds of a bootstrap distribution that it drew, with the sample."""
    cases = []
    rng = numpy.random.default_rng(SEED)
    for sample in [rng.exponential(1, 15), rng.normal(0, 1, 30), rng.exponential(1, 12) ** 2]:
        sample = sample.round(4)
        drawn = stats.bootstrap((sample,), numpy.mean, n_resamples=400, method="percentile", rng=rng)
        for level in [0.8, 0.95]:
            bounds = {
                method: stats.bootstrap(
                    (sample,), numpy.mean, n_resamples=0, bootstrap_result=drawn, confidence_level=level, method=method
                ).confidence_interval
                for method in ["percentile", "BCa"]
            }
            cases.append(
                {
                    "values": sample.tolist(),
                    "draws": drawn.bootstrap_distribution.tolist(),
                    "level": level,
                    "percentile": [float(x) for x in bounds["percentile"]],
                    "bca": [float(x) for x in bounds["BCa"]],
                }
            )
    return cases


def newcombe(both: int, first: int, second: int, neither: int, level: float) -> tuple[float, float, float]:
    """Newcombe 1998, Stat. Med. 17:2635, method 10; second minus first. Returns value, low, high."""
    n = both + first + second + neither
    p1, p2 = (both + first) / n, (both + second) / n
    (l1, u1), (l2, u2) = wilson(both + first, n, level), wilson(both + second, n, level)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi = 0.0
    if margins:
        top = both * neither - first * second
        phi = (max(top - n / 2, 0) if top > 0 else top) / math.sqrt(margins)
    down = math.sqrt((p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2)
    up = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    return p2 - p1, p2 - p1 - down, p2 - p1 + up


CELLS = [
    (36, 0, 12, 2), (0, 12, 2, 36), (20, 10, 10, 10), (0, 0, 0, 50), (50, 0, 0, 0), (0, 40, 0, 0), (1, 2, 3, 4),
    (10, 20, 15, 5), (140, 9, 4, 87), (3, 60, 1, 36), (99, 0, 1, 0), (7, 7, 0, 86), (250, 31, 25, 94), (0, 1, 0, 0),
]


def mean_rows() -> list[dict]:
    rows = []
    for sets in [CELLS[:1], CELLS[2:4], CELLS[4:8], CELLS[8:13]]:
        for level in [0.9, 0.95]:
            parts = [newcombe(*cells, level) for cells in sets]
            k = len(parts)
            value = sum(v for v, _, _ in parts) / k
            low = value - math.sqrt(sum((v - l) ** 2 for v, l, _ in parts)) / k
            high = value + math.sqrt(sum((h - v) ** 2 for v, _, h in parts)) / k
            rows.append({"sets": sets, "level": level, "value": value, "low": low, "high": high})
    return rows


def holm_rows(rng: random.Random) -> list[dict]:
    rows = []
    for n in [1, 2, 5, 8, 20]:
        p = [round(rng.random() ** 3, 5) for _ in range(n)]
        rows.append({"pValues": p, "adjusted": [float(x) for x in multipletests(p, method="holm")[1]]})
    return rows


def wilson_power(n: int, rate: float, threshold: float, level: float) -> float:
    passing = [k for k in range(n + 1) if wilson(k, n, level)[1] <= threshold]
    return float(stats.binom.cdf(max(passing), n, rate)) if passing else 0.0


def mcnemar_power(n: int, first: float, second: float, alpha: float) -> float:
    """Sum over all tables of the two discordant counts, with scipy's binomial test."""
    share = first / (first + second)
    total = 0.0
    for m in range(n + 1):
        rejected = [k for k in range(m + 1) if m and stats.binomtest(k, m, 0.5).pvalue <= alpha]
        total += stats.binom.pmf(m, n, first + second) * sum(stats.binom.pmf(k, m, share) for k in rejected)
    return float(total)


def needed(yes: int, n: int, threshold: float, level: float) -> tuple[str, int]:
    """Brute force: the number after the last one, of a long run, at which the rate rounded against us does not pass."""
    below = yes * 1.0 / n < threshold
    last = 0
    for total in range(1, 6000):
        if below:
            passes = wilson(-(-yes * total // n), total, level)[1] <= threshold
        else:
            passes = wilson(yes * total // n, total, level)[0] > threshold
        if not passes:
            last = total
    assert last < 5000, (yes, n, threshold)
    return ("below" if below else "above"), last + 1


def main() -> None:
    rng = random.Random(SEED)
    points = [-30, -12, -8, -5, -3, -2.5, -2, -1.96, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 1.6448536, 1.96, 2, 2.1, 3, 5, 8]
    write_golden(
        "intervals",
        __file__,
        ["scipy", "statsmodels", "numpy"],
        {
            "normalCdf": {"columns": ["z", "p"], "rows": [[z, float(stats.norm.cdf(z))] for z in points]},
            "binomialCdf": {
                "columns": ["k", "n", "p", "cdf"],
                "rows": [
                    [k, n, p, float(stats.binom.cdf(k, n, p))]
                    for n in [1, 5, 20, 318, 2000]
                    for k in sorted({0, n // 10, n // 4, n // 2, n - 1})
                    for p in [0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0]
                ],
            },
            "clustered": clustered(rng),
            "bootstrap": bootstraps(),
            "newcombe": {
                "columns": ["both", "onlyFirst", "onlySecond", "neither", "level", "value", "low", "high"],
                "rows": [[*cells, level, *newcombe(*cells, level)] for cells in CELLS for level in [0.8, 0.95, 0.99]],
            },
            "meanDifference": mean_rows(),
            "holm": holm_rows(rng),
            "wilsonPower": {
                "columns": ["n", "rate", "threshold", "level", "power"],
                "rows": [
                    [n, rate, threshold, level, wilson_power(n, rate, threshold, level)]
                    for n in [10, 40, 178, 518]
                    for rate in [0.0, 0.01, 0.05, 0.09]
                    for threshold in [0.1, 0.15]
                    for level in [0.9, 0.95]
                ],
            },
            "mcnemarPower": {
                "columns": ["pairs", "onlyFirst", "onlySecond", "alpha", "power"],
                "rows": [
                    [n, first, second, alpha, mcnemar_power(n, first, second, alpha)]
                    for n in [5, 30, 100]
                    for first, second in [(0.1, 0.1), (0.05, 0.2), (0.3, 0.02), (0.0, 0.4)]
                    for alpha in [0.05, 0.01]
                ],
            },
            "promptsNeeded": {
                "columns": ["yes", "n", "threshold", "level", "side", "total"],
                "rows": [
                    [yes, n, threshold, level, *needed(yes, n, threshold, level)]
                    for yes, n, threshold in [
                        (0, 40, 0.1), (1, 40, 0.1), (2, 40, 0.1), (3, 40, 0.1), (6, 40, 0.1), (5, 40, 0.1),
                        (0, 1, 0.15), (3, 100, 0.05), (1, 3, 0.15), (10, 50, 0.15), (1, 1, 0.9), (7, 178, 0.06),
                    ]
                    for level in [0.9, 0.95]
                ],
            },
        },
        seed=SEED,
        tolerance=1e-9,
    )


if __name__ == "__main__":
    main()
