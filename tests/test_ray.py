"""Searches spread over the workers of ray by joblib, where ray is installed."""

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.ensemble import FoldEnsembleClassifier
from skreg.model_selection import GridSearchCV

ray = pytest.importorskip("ray")
joblib_of_ray = pytest.importorskip("ray.util.joblib")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Of ray's own making.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    joblib_of_ray.register_ray()
    yield
    ray.shutdown()


def test_same_results_as_in_one_process(cluster):
    X, y = load_breast_cancer(return_X_y=True)
    network = MLPClassifier((10,), max_iter=9, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network)
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1e-2]}, cv=3)
    ensemble = FoldEnsembleClassifier(pipeline, cv=3, random_state=0)
    expected = search.fit(X, y).cv_results_["mean_test_score"].copy()
    expected_proba = ensemble.fit(X, y).predict_proba(X)
    with joblib.parallel_config(backend="ray", n_jobs=2):
        search.set_params(n_jobs=2).fit(X, y)
        ensemble.set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected)
    np.testing.assert_allclose(ensemble.predict_proba(X), expected_proba)
