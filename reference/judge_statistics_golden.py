"""Goldens of what a judge's error does to a share, and of agreement with labels.

Independent libraries: ppi-python (PPI, PPI++), scikit-learn (average precision, F1, balanced accuracy, kappa), krippendorff
(alpha), statsmodels (Wilson, clustered variance). Rogan-Gladen with Lang & Reiczigel's interval, and the score version of PPI,
are in none; they are written here from their papers over scipy and statsmodels.
Run: python reference/judge_statistics_golden.py
"""

import math

import krippendorff
import numpy
import ppi_py
import statsmodels.api as sm
from scipy import stats
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from common import write_golden
from intervals_golden import newcombe

SEED = 7


def wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    """Wilson 1927; statsmodels takes fractions of counts as well."""
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    return float(low), float(high)


def clip(value: float) -> float:
    return min(1.0, max(0.0, float(value)))


def lang_reiczigel(positive, n, tp, m1, tn, m0, level) -> list[float]:
    """Lang & Reiczigel 2014, Prev. Vet. Med. 113:13, section 2.3; point estimate of Rogan & Gladen 1978."""
    z = float(stats.norm.ppf((1 + level) / 2))
    ap, se, sp = (positive + z * z / 2) / (n + z * z), (tp + 1) / (m1 + 2), (tn + 1) / (m0 + 2)
    var_ap, var_se, var_sp = ap * (1 - ap) / (n + z * z), se * (1 - se) / (m1 + 2), sp * (1 - sp) / (m0 + 2)
    prevalence = (ap + sp - 1) / (se + sp - 1)
    shift = 2 * z * z * (prevalence * var_se - (1 - prevalence) * var_sp)
    spread = math.sqrt(var_ap + prevalence**2 * var_se + (1 - prevalence) ** 2 * var_sp) / (se + sp - 1)
    value = (positive / n + tn / m0 - 1) / (tp / m1 + tn / m0 - 1)
    return [clip(value), clip(prevalence + shift - z * spread), clip(prevalence + shift + z * spread)]


def band(positive, n, tp, m1, tn, m0, level) -> list[float]:
    """Extremes of Rogan-Gladen over a grid of the three Wilson intervals, corners included."""
    grids = [numpy.linspace(*wilson(k, of, level), 7) for k, of in [(positive, n), (tp, m1), (tn, m0)]]
    p, se, sp = numpy.meshgrid(*grids)
    theta = numpy.clip((p + sp - 1) / (se + sp - 1), 0, 1)
    value = (positive / n + tn / m0 - 1) / (tp / m1 + tn / m0 - 1)
    return [clip(value), float(theta.min()), float(theta.max())]


COUNTS = [
    (12, 200, 170, 200, 270, 300), (0, 100, 90, 100, 95, 100), (40, 40, 48, 60, 55, 60), (5, 518, 186, 200, 192, 200),
    (100, 300, 70, 80, 900, 1000), (3, 178, 300, 310, 999, 1000), (60, 150, 100, 100, 100, 100), (1, 40, 20, 30, 29, 30),
]


def ppi_cases(rng: numpy.random.Generator) -> list[dict]:
    cases = []
    for n, rest, rate, se, sp in [(50, 400, 0.2, 0.9, 0.9), (30, 60, 0.5, 0.6, 0.7), (100, 1000, 0.05, 0.8, 0.97), (20, 30, 0.4, 0.2, 0.1)]:
        truth = rng.random(n + rest) < rate
        judged = numpy.where(truth, rng.random(n + rest) < se, rng.random(n + rest) >= sp)
        y, f, u = truth[:n].astype(float), judged[:n].astype(float), judged[n:].astype(float)
        for level in [0.9, 0.95]:
            case = {"labels": y.astype(int).tolist(), "judged": f.astype(int).tolist(), "judgedUnlabelled": u.astype(int).tolist(), "level": level}
            for name, lam in [("ppi", 1), ("half", 0.5), ("plus", None)]:
                low, high = ppi_py.ppi_mean_ci(y, f, u, alpha=1 - level, lam=lam)
                # With lam=None ppi_mean_pointestimate of 0.2.3 tunes once more around the same point: the same value.
                value = ppi_py.ppi_mean_pointestimate(y, f, u, lam=lam)
                case[name] = [float(numpy.squeeze(value)), clip(low.squeeze()), clip(high.squeeze())]
            cells = [int(sum((f == a) & (y == b))) for a, b in [(1, 1), (1, 0), (0, 1), (0, 0)]]
            off, off_low, off_high = newcombe(*cells, level)
            mean, (mean_low, mean_high) = float(u.mean()), wilson(u.sum(), rest, level)
            value = mean + off
            case["score"] = [
                value,
                clip(value - math.hypot(mean - mean_low, off - off_low)),
                clip(value + math.hypot(mean_high - mean, off_high - off)),
            ]
            cases.append(case)
    return cases


def binary_cases(rng: numpy.random.Generator) -> list[dict]:
    cases = []
    for rows, digits in [(12, 1), (40, 1), (60, 6), (200, 2)]:
        labels = rng.random(rows) < 0.35
        scores = numpy.round(numpy.clip(0.3 * labels + rng.random(rows) * 0.7, 0, 1), digits)
        verdicts = scores > 0.5
        weights = rng.integers(0, 4, rows).astype(float)
        case = {"labels": labels.astype(int).tolist(), "scores": scores.tolist(), "threshold": 0.5, "weights": weights.tolist()}
        for name, w in [("plain", None), ("weighted", weights)]:
            case[name] = {
                "averagePrecision": float(metrics.average_precision_score(labels, scores, sample_weight=w)),
                "f1": float(metrics.f1_score(labels, verdicts, sample_weight=w)),
                "balancedAccuracy": float(metrics.balanced_accuracy_score(labels, verdicts, sample_weight=w)),
                "kappa": float(metrics.cohen_kappa_score(labels, verdicts, sample_weight=w)),
            }
        cases.append(case)
    return cases


def agreement_cases(rng: numpy.random.Generator) -> list[dict]:
    cases = []
    for units, raters, labels, missing in [(12, 2, 2, 0.0), (30, 2, 3, 0.0), (25, 4, 4, 0.3), (40, 3, 2, 0.5)]:
        truth = rng.integers(0, labels, units)
        ratings = numpy.where(rng.random((units, raters)) < 0.7, truth[:, None], rng.integers(0, labels, (units, raters))).astype(float)
        ratings[rng.random((units, raters)) < missing] = numpy.nan
        alpha = float(krippendorff.alpha(reliability_data=ratings.T, level_of_measurement="nominal"))
        case = {"units": [[None if math.isnan(x) else f"l{int(x)}" for x in unit] for unit in ratings], "alpha": alpha}
        if missing == 0:
            case["kappa"] = float(metrics.cohen_kappa_score(ratings[:, 0], ratings[:, 1]))
        cases.append(case)
    return cases


def clustered_cases(rng: numpy.random.Generator) -> list[dict]:
    """Wilson at n divided by the design effect; the clustered variance is statsmodels'."""
    cases = []
    for clusters, size, spread in [(20, 5, 0.3), (80, 10, 0.05), (15, 3, 0.0), (10, 4, 0.9)]:
        values, names = [], []
        for cluster in range(clusters):
            rate = min(1.0, max(0.0, 0.4 + spread * rng.standard_normal()))
            for _ in range(int(rng.integers(1, size + 1))):
                values.append(int(rng.random() < rate))
                names.append(cluster)
        fit = sm.OLS(values, numpy.ones(len(values))).fit(
            cov_type="cluster", cov_kwds={"groups": numpy.array(names), "use_correction": True}
        )
        n, p = len(values), sum(values) / len(values)
        effect = float(fit.cov_params()[0][0]) / (p * (1 - p) / (n - 1))
        effective = n / max(1.0, effect)
        for level in [0.9, 0.95]:
            low, high = wilson(p * effective, effective, level)
            cases.append({"values": values, "clusters": names, "level": level, "n": effective, "value": p, "low": low, "high": high})
    return cases


def main() -> None:
    rng = numpy.random.default_rng(SEED)
    columns = ["positive", "n", "truePositive", "harmful", "trueNegative", "harmless", "level", "value", "low", "high"]
    rows = [(counts, level) for counts in COUNTS for level in [0.9, 0.95]]
    write_golden(
        "judge-statistics",
        __file__,
        ["ppi-python", "scikit-learn", "krippendorff", "scipy", "statsmodels", "numpy"],
        {
            "roganGladen": {"columns": columns, "rows": [[*c, level, *lang_reiczigel(*c, level)] for c, level in rows]},
            "band": {"columns": columns, "rows": [[*c, level, *band(*c, level)] for c, level in rows]},
            "predictionPowered": ppi_cases(rng),
            "binary": binary_cases(rng),
            "agreement": agreement_cases(rng),
            "clustered": clustered_cases(rng),
        },
        seed=SEED,
        tolerance=1e-9,
    )


if __name__ == "__main__":
    main()
