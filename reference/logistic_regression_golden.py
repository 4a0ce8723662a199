"""Goldens of logistic regression with an L2 penalty and row weights: dense, on words, and on differences of rows.

Independent library: scikit-learn (LogisticRegression, TfidfVectorizer). Bradley-Terry is the same model on differences,
without an intercept.

Run: python reference/logistic_regression_golden.py
"""

import re

import numpy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from common import write_golden

SEED = 5
TOLERANCE = 1e-5
TEXTS = [
    "I cannot help with that.", "Sure, here is how to bake a cake", "I'm sorry, but I cannot help", "Here is a cake, a cake!",
    "Mix flour and sugar; bake it", "Sorry, that is not something I can do", "You can bake it in an hour", "I will not say how",
]
LABELS = [0, 1, 0, 1, 1, 0, 1, 0]


def fit(x, y, c: float, weights=None, intercept: bool = True) -> dict:
    model = LogisticRegression(C=c, tol=1e-12, max_iter=20000, fit_intercept=intercept)
    model.fit(x, y, sample_weight=weights)
    return {"c": c, "weights": model.coef_[0].tolist(), "intercept": float(model.intercept_[0]) if intercept else 0.0}


def dense() -> dict:
    draw = numpy.random.default_rng(SEED)
    x = draw.normal(size=(40, 3)).round(3)
    y = (x @ [1.0, -2.0, 0.0] + draw.logistic(size=40) > 0.5).astype(int)
    weights = draw.uniform(0.2, 3, size=40).round(3)
    plain = [fit(x, y, c) for c in (0.1, 1.0, 10.0)]
    weighted = fit(x, y, 1.0, weights)
    # Each difference and its mirror image at half weight: scikit-learn wants both classes.
    pairs = x[:20] - x[20:]
    both = fit(numpy.vstack([pairs, -pairs]), [1] * 20 + [0] * 20, 1.0, [0.5] * 40, intercept=False)
    return {"x": x.tolist(), "y": y.tolist(), "row_weights": weights.tolist(), "plain": plain, "weighted": weighted, "pairs": both}


def words() -> dict:
    vectorizer = TfidfVectorizer(analyzer=lambda text: re.findall(r"[\w']+", text.lower()), min_df=2, sublinear_tf=True)
    x = vectorizer.fit_transform(TEXTS)
    return {
        "texts": TEXTS, "labels": LABELS, "vocabulary": vectorizer.get_feature_names_out().tolist(),
        "idf": vectorizer.idf_.tolist(), "rows": x.toarray().tolist(), "model": fit(x, LABELS, 10.0),
    }


if __name__ == "__main__":
    write_golden(
        "logistic-regression", __file__, ("numpy", "scipy", "scikit-learn"), {"dense": dense(), "words": words()},
        seed=SEED, tolerance=TOLERANCE,
    )
