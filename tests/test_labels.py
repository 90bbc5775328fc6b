"""Labels of any container and dtype: learned as they are, or an error that advises."""

from datetime import date

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

from skreg import MLPClassifier
from skreg.augmentation import AugmentingResampler, GaussianNoise
from skreg.diagnosis import bias_variance_decomposition
from skreg.feature_selection import SparseInputSelector
from skreg.model_selection import GridSearchCV

pd = pytest.importorskip("pandas")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(40, 3))
NUMBERS = (X[:, 0] > 0).astype(int)
STRINGS = np.where(NUMBERS == 1, "yes", "no")


def network(**kwargs):
    return MLPClassifier((3,), max_iter=2, random_state=0, **kwargs)


def with_first(values, first):
    return np.array([first, *values[1:]], dtype=object)


ADVICE = {
    "ints": (NUMBERS.astype(object), r"type int .* y\.astype\(int\)"),
    "a Series": (pd.Series(NUMBERS, dtype=object), r"y\.astype\(int\)"),
    "NumPy's ints": (np.array([*NUMBERS], dtype=object), r"y\.astype\(int\)"),
    "three classes": (with_first(NUMBERS, 2), r"y\.astype\(int\)"),
    "bools": (NUMBERS.astype(bool).astype(object), r"type bool .* y\.astype\(bool\)"),
    "floats": (NUMBERS.astype(float).astype(object), r"y\.astype\(float\)"),
    "bools and ints": (with_first(NUMBERS, True), r"bool and int .* y\.astype\(int\)"),
    "mixed": (with_first(STRINGS, 1), r"int and str .* y\.astype\(str\)"),
    "dates": (with_first([date(2020, 1, 1)] * 40, date(2021, 1, 1)), r"type date"),
    "one-hot": (np.eye(2)[NUMBERS].astype(int).astype(object), r"y\.astype\(int\)"),
    "nullable one-hot": (
        pd.DataFrame(np.eye(2)[NUMBERS]).astype("Int64"),
        r"y\.astype\(int\)",
    ),
    "None": (with_first(STRINGS, None), r"y holds missing labels \(None\)\. Leave"),
    "NaN": (with_first(STRINGS, np.nan), r"missing labels \(nan\)"),
    "NA": (pd.Series(["a", pd.NA] * 20, dtype="string"), r"missing labels \(<NA>\)"),
    "a category": (pd.Series(["a", "b", None, "b"] * 10, dtype="category"), "missing"),
    "None in a list": ([None, *STRINGS[1:].tolist()], r"missing labels \(None\)"),
}


@pytest.mark.parametrize("y, advice", ADVICE.values(), ids=ADVICE)
def test_labels_of_dtype_object_are_advised(y, advice):
    with pytest.raises(ValueError, match=advice):
        network().fit(X, y)


@pytest.mark.parametrize(
    "name, fit",
    [
        ("y", lambda y: network().partial_fit(X, y, classes=[0, 1])),
        ("classes", lambda y: network().partial_fit(X, NUMBERS, classes=y[:2])),
        (
            "y_val",
            lambda y: network(early_stopping=True).fit(X, NUMBERS, X_val=X, y_val=y),
        ),
        ("y", lambda y: GridSearchCV(network(), {"alpha": [1.0]}, cv=2).fit(X, y)),
        ("y", lambda y: AugmentingResampler(GaussianNoise()).fit_resample(X, y)),
        ("y", lambda y: SparseInputSelector(network()).fit(X, y)),
        (
            "y_test",
            lambda y: bias_variance_decomposition(
                network(), X, NUMBERS, X_test=X, y_test=y, loss="log_loss", n_rounds=2
            ),
        ),
    ],
)
def test_wherever_labels_are_given_the_error_names_them(name, fit):
    with pytest.raises(ValueError, match=rf"{name} holds .* {name}\.astype\(int\)"):
        fit(NUMBERS.astype(object))


@pytest.mark.parametrize(
    "y",
    [
        NUMBERS,
        NUMBERS.astype(bool),
        NUMBERS.astype(float),
        NUMBERS.tolist(),
        STRINGS,
        STRINGS.astype(object),
        STRINGS.tolist(),
        pd.Series(NUMBERS, dtype="Int64"),
        pd.Series(NUMBERS.astype(bool), dtype="boolean"),
        pd.Series(STRINGS, dtype="string"),
        pd.Series(STRINGS, dtype="category"),
        pd.Series(NUMBERS, dtype="category"),
        pd.DataFrame({"y": NUMBERS}),
        np.eye(2, dtype=bool)[NUMBERS],
        pd.DataFrame(np.eye(2)[NUMBERS]),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_other_labels_are_learned_as_in_sklearn(y):
    fitted = network(early_stopping=True).fit(X, y)
    expected = SklearnMLPClassifier((3,), max_iter=2, random_state=0).fit(X, y)
    assert fitted.classes_.tolist() == expected.classes_.tolist()
    assert fitted.predict(X).shape == expected.predict(X).shape
    assert set(fitted.predict(X).ravel()) <= set(fitted.classes_)


def test_nullable_numbers_that_are_missing():
    y = pd.Series([0, 1, None, 1] * 10, dtype="Int64")
    with pytest.raises(ValueError, match="y contains NaN"):
        network().fit(X, y)


def test_labels_of_polars():
    pl = pytest.importorskip("polars")
    assert network().fit(X, pl.Series(STRINGS.tolist())).classes_.tolist() == [
        "no",
        "yes",
    ]
    with pytest.raises(ValueError, match=r"y holds missing labels \(None\)"):
        network().fit(X, pl.Series(["a", "b", None, "b"] * 10))
