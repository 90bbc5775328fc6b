"""The tables on which benchmarks compare test errors: reading, splitting, errors.

A folder holds ``<set>.npz`` with `X` (NaN where missing), `y` and ``meta``, JSON with
"task" and "group": A for tables of classes, B for tables of numbers, C for images;
other groups are left out. scikit-learn's bundled sets come with them, and are alone
where no folder is given. Every other set of A and B, by name, is where defaults were
chosen ("chosen on"); the verdict is that of the others ("held back").

Training rows are capped; columns, and the target of a regression, are standardised by
them. Import this after `_threads.use_one_thread()`: it imports NumPy.
"""

import json
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MOST_TRAINING_ROWS = 3000
MOST_TEST_ROWS = 5000
TEST_SHARE = 0.25

BUNDLED = {
    "breast_cancer": (datasets.load_breast_cancer, "classification"),
    "diabetes": (datasets.load_diabetes, "regression"),
    "digits": (datasets.load_digits, "classification"),
    "iris": (datasets.load_iris, "classification"),
    "wine": (datasets.load_wine, "classification"),
}

# Of the sets above; their columns are pixels, as are those of group C.
BUNDLED_IMAGES = {"digits"}

PARTS = {
    "held back": "A and B, held back",
    "chosen on": "A and B, chosen on",
    "C": "C, images",
    "bundled": "scikit-learn's bundled sets",
}


def read(path):
    with np.load(path, allow_pickle=False) as file:
        meta = json.loads(str(file["meta"]))
        return file["X"].astype(np.float64), file["y"], meta["task"]


def sets_of(folder):
    """By name: (part, function that gives X, y and the task)."""
    sets = {}
    if folder is not None:
        group_of = {}
        for path in sorted(Path(folder).glob("*.npz")):
            with np.load(path, allow_pickle=False) as file:
                group_of[path.stem] = json.loads(str(file["meta"]))["group"]
        tables = sorted(name for name, group in group_of.items() if group in "AB")
        parts = dict.fromkeys(tables, "held back")
        parts |= dict.fromkeys(tables[::2], "chosen on")
        parts |= {name: "C" for name, group in group_of.items() if group == "C"}
        for name, part in parts.items():
            path = Path(folder) / f"{name}.npz"
            sets[name] = part, lambda path=path: read(path)
    for name, (load, task) in BUNDLED.items():
        sets[name] = (
            "bundled",
            lambda load=load, task=task: (
                *load(return_X_y=True),
                task,
            ),
        )
    return sets


def split(X, y, task, seed):
    """Scaled training and test rows."""
    X, X_test, y, y_test = _split_rows(X, y, task, seed)
    scaler = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    X, X_test = scaler.fit_transform(X), scaler.transform(X_test)
    if task == "regression":
        mean, deviation = y.mean(), y.std()
        y, y_test = (y - mean) / deviation, (y_test - mean) / deviation
    return X, X_test, y, y_test


def split_images(X, y, seed):
    """Training and test rows of images, whose pixels have one scale: 0 to 1."""
    X, X_test, y, y_test = _split_rows(X, y, "classification", seed)
    brightest = X.max()
    return X / brightest, X_test / brightest, y, y_test


def _split_rows(X, y, task, seed):
    classes = y if task == "classification" else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, random_state=seed, stratify=classes
    )
    X, y = X[:MOST_TRAINING_ROWS], y[:MOST_TRAINING_ROWS]
    return X, X_test[:MOST_TEST_ROWS], y, y_test[:MOST_TEST_ROWS]


def error_of(prediction, y, task):
    """Share of wrong classes, or mean squared error in units of y's variance."""
    if task == "classification":
        return float(np.mean(prediction != y))
    return float(np.mean((prediction - y) ** 2))


def lines_of(path):
    """The JSON lines of a file of results; none where there is no file yet."""
    path = Path(path)
    rows = path.read_text().splitlines() if path.exists() else []
    return [json.loads(row) for row in rows]
