"""Goldens of the statistics: Wilson intervals, exact McNemar, normal and t quantiles.

Independent libraries: statsmodels (Wilson, Clopper-Pearson, McNemar) and scipy (quantiles, sign test).
Run: python reference/statistics_golden.py
"""

from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from common import write_golden

COUNTS = [0, 1, 2, 5, 10, 18, 40, 50, 100, 178, 318, 1000]
LEVELS = [0.8, 0.9, 0.95, 0.99]


def intervals(method: str) -> list[list[float]]:
    """Rows [successes, n, level, low, high] over a grid of counts and levels."""
    rows = []
    for n in COUNTS[1:]:
        picks = sorted({0, 1, n // 10, n // 3, n // 2, n - 1, n})
        for successes in picks:
            for level in LEVELS:
                low, high = proportion_confint(successes, n, alpha=1 - level, method=method)
                rows.append([successes, n, level, float(low), float(high)])
    return rows


def mcnemar_rows() -> list[list[float]]:
    """Rows [only first, only second, two-sided exact p]; the concordant cells do not matter."""
    rows = []
    for b in [0, 1, 2, 3, 5, 8, 13, 30, 100, 400]:
        for c in [0, 1, 2, 4, 7, 13, 29, 100, 300]:
            p = mcnemar([[7, b], [c, 11]], exact=True).pvalue if b + c else 1.0
            if b + c:
                check = min(1.0, 2 * stats.binom.cdf(min(b, c), b + c, 0.5))
                assert abs(check - p) < 1e-12, (b, c, check, p)
            rows.append([b, c, float(min(p, 1.0))])
    return rows


def main() -> None:
    probabilities = [1e-10, 1e-6, 1e-4, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75]
    probabilities += [0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9999, 1 - 1e-6]
    degrees = [1, 2, 3, 4, 5, 7, 10, 19, 30, 49, 99, 317, 1000, 99999, 100000, 10**7, 10**9]
    points = [-8, -5, -3, -1.96, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 1.6448536, 1.96, 3, 5, 8]
    write_golden(
        "statistics",
        __file__,
        ["scipy", "statsmodels", "numpy"],
        {
            "wilson": {"columns": ["successes", "n", "level", "low", "high"], "rows": intervals("wilson")},
            "clopperPearson": {"columns": ["successes", "n", "level", "low", "high"], "rows": intervals("beta")},
            "mcnemarExact": {"columns": ["onlyFirst", "onlySecond", "pValue"], "rows": mcnemar_rows()},
            "normalQuantile": {"columns": ["p", "z"], "rows": [[p, float(stats.norm.ppf(p))] for p in probabilities]},
            "normalCdf": {"columns": ["z", "p"], "rows": [[z, float(stats.norm.cdf(z))] for z in points]},
            "tQuantile": {
                "columns": ["p", "degreesOfFreedom", "t"],
                "rows": [[p, d, float(stats.t.ppf(p, d))] for p in probabilities if p >= 0.001 for d in degrees],
            },
            "binomialCdf": {
                "columns": ["k", "n", "p", "cdf"],
                "rows": [
                    [k, n, p, float(stats.binom.cdf(k, n, p))]
                    for n in [1, 5, 20, 318]
                    for k in sorted({0, n // 4, n // 2, n - 1})
                    for p in [0.01, 0.3, 0.5, 0.9]
                ],
            },
        },
        tolerance={
            "wilson": 1e-12,
            "clopperPearson": 1e-9,
            "mcnemarExact": {"relative": 1e-9},
            "normalQuantile": 1e-8,
            "normalCdf": {"relative": 1e-7},
            "tQuantile": {"relative": 1e-7},
            "binomialCdf": 1e-10,
        },
    )


if __name__ == "__main__":
    main()
