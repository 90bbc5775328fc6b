"""Searches spread over a dask cluster of two worker processes."""

import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

distributed = pytest.importorskip("distributed")
if not hasattr(joblib, "parallel_config"):
    pytest.skip("joblib.parallel_config came with 1.3", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Of the cluster's machinery: ports in use, sockets left to the garbage collector.
    pytest.mark.filterwarnings("ignore::UserWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
            ) as cluster,
            distributed.Client(cluster),
        ):
            yield cluster


@pytest.mark.parametrize("kind", [GridSearchCV, HalvingGridSearchCV])
def test_same_results_as_in_one_process(cluster, kind):
    X, y = load_breast_cancer(return_X_y=True)
    network = MLPClassifier((10,), max_iter=9, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    grid = {"mlpclassifier__alpha": np.logspace(-4, 0, 9)}
    here = kind(pipeline, grid, cv=3).fit(X, y)
    with joblib.parallel_config(backend="dask"):
        there = kind(pipeline, grid, cv=3).fit(X, y)
    for split in range(3):
        column = f"split{split}_test_score"
        np.testing.assert_array_equal(
            here.cv_results_[column], there.cv_results_[column]
        )
    assert there.n_batched_ == 9
    np.testing.assert_allclose(there.predict_proba(X), here.predict_proba(X))


def test_both_workers_train(cluster):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    network = MLPClassifier((10,), max_iter=3, random_state=0)
    processes = set()

    def score(estimator, X, y):
        import os

        return float(os.getpid())

    with joblib.parallel_config(backend="dask"):
        search = GridSearchCV(
            network, {"alpha": np.logspace(-4, 0, 8)}, scoring=score, refit=False
        ).fit(X, y)
    for split in range(5):
        processes.update(search.cv_results_[f"split{split}_test_score"])
    assert len(processes) == 2
