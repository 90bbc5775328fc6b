"""Fitted networks as scikit-learn's, and from there as ONNX graphs."""

import copy
import pickle
import subprocess
import sys
from inspect import signature

import numpy as np
import pytest
from helpers import BOTH
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import neural_network as sklearn_networks
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from skreg.model_selection import GridSearchCV
from skreg.neural_network import to_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HAS_POISSON = "loss" in signature(sklearn_networks.MLPRegressor).parameters
PARAMS = {"hidden_layer_sizes": (7, 5), "max_iter": 8, "random_state": 0}
EACH_HIDDEN = pytest.mark.parametrize("hidden_layer_sizes", [(), (6,), (7, 5)])
LABELS = {
    "binary": lambda y: (y == 1).astype(int),
    "multiclass": lambda y: y,
    "strings": lambda y: np.array(["a", "b", "c"])[y],
    "two strings": lambda y: np.array(["no", "yes", "no"])[y],
    "booleans": lambda y: y == 1,
    "multilabel": lambda y: np.c_[y == 0, y > 0, y == 2, y < 2].astype(int),
}


def targets_of(y, n_outputs=2):
    return 1e3 - 50.0 * y if n_outputs == 1 else np.c_[y, 1e3 - 50.0 * y]


# -- predictions -----------------------------------------------------------------------


@EACH_HIDDEN
@pytest.mark.parametrize("kind", LABELS)
def test_classifiers_predict_the_same(kind, hidden_layer_sizes, iris):
    X, y = iris[0], LABELS[kind](iris[1])
    params = PARAMS | {"hidden_layer_sizes": hidden_layer_sizes}
    network = MLPClassifier(**params, learning_rate_init=0.01).fit(X, y)
    theirs = network.to_sklearn()
    assert type(theirs) is sklearn_networks.MLPClassifier
    assert_allclose(theirs.predict_proba(X), network.predict_proba(X), rtol=1e-10)
    assert_array_equal(theirs.predict(X), network.predict(X))
    assert theirs.predict(X).dtype == network.predict(X).dtype
    assert theirs.score(X, y) == network.score(X, y)
    assert_array_equal(theirs.classes_, network.classes_)
    # It has the attributes that a fit of theirs sets, in the same shapes.
    fitted = clone(theirs).fit(X, y)
    for name in ("out_activation_", "n_layers_", "n_outputs_", "n_features_in_"):
        assert getattr(theirs, name) == getattr(fitted, name)
    assert vars(theirs._label_binarizer).keys() == vars(fitted._label_binarizer).keys()
    for name in ("coefs_", "intercepts_"):
        ours = [each.shape for each in getattr(theirs, name)]
        assert ours == [each.shape for each in getattr(fitted, name)]
    # It goes on with a new optimizer, and early stopping alone reads the best weights.
    without = {"_optimizer", "_best_coefs", "_best_intercepts"}
    assert vars(fitted).keys() - vars(theirs).keys() == without


@EACH_HIDDEN
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "quantile"]
)
def test_regressors_predict_the_same(
    loss, normalize_y, n_outputs, hidden_layer_sizes, iris
):
    X, y = iris
    y = targets_of(y, n_outputs)
    params = PARAMS | {"hidden_layer_sizes": hidden_layer_sizes, "max_iter": 30}
    network = MLPRegressor(
        **params, loss=loss, quantile=0.7, normalize_y=normalize_y
    ).fit(X, y)
    theirs = network.to_sklearn()
    assert type(theirs) is sklearn_networks.MLPRegressor
    assert_allclose(theirs.predict(X), network.predict(X), rtol=1e-10, atol=1e-10)
    assert theirs.predict(X).shape == network.predict(X).shape
    clone(theirs).fit(X, y)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@BOTH
def test_activations(activation, Estimator, iris):
    X, y = iris
    network = Estimator(**PARAMS, activation=activation).fit(X, y)
    # A parameter that is set after the fit changes no prediction.
    network.set_params(activation="gelu", hidden_layer_sizes=3)
    theirs = network.to_sklearn()
    assert (theirs.activation, theirs.hidden_layer_sizes) == (activation, (7, 5))
    assert_allclose(theirs.predict(X), network.predict(X), rtol=1e-10)


@pytest.mark.skipif(not HAS_POISSON, reason="scikit-learn >= 1.7 has loss='poisson'")
def test_poisson(iris):
    X, y = iris
    network = MLPRegressor(**PARAMS, loss="poisson").fit(X, y)
    theirs = network.to_sklearn()
    assert theirs.loss == "poisson"
    assert_allclose(theirs.predict(X), network.predict(X), rtol=1e-10)
    theirs.partial_fit(X, y)


def test_poisson_of_an_older_version(iris, monkeypatch):
    class Older:
        def __init__(self, **params):
            raise AssertionError

    Older.__signature__ = signature(lambda hidden_layer_sizes: None)
    network = MLPRegressor(**PARAMS, loss="poisson").fit(*iris)
    monkeypatch.setattr(sklearn_networks, "MLPRegressor", Older)
    with pytest.raises(ValueError, match=r"loss='poisson' needs scikit-learn 1\.7"):
        network.to_sklearn()


@BOTH
@pytest.mark.parametrize("normalize_y", [False, True])
def test_float32_and_sparse_rows(normalize_y, Estimator, iris):
    X, y = iris[0].astype(np.float32), iris[1]
    network = Estimator(**PARAMS).fit(X, y)
    if Estimator is MLPRegressor:
        network.set_params(normalize_y=normalize_y).fit(X, y + 1e8 * normalize_y)
    theirs = network.to_sklearn()
    for rows in (X, X.astype(float), sparse.csr_matrix(X)):
        assert theirs.predict(rows).dtype == network.predict(rows).dtype
        assert_allclose(theirs.predict(rows), network.predict(rows), rtol=1e-5)
    assert theirs.coefs_[0].dtype == np.float32


@BOTH
def test_column_names(Estimator, iris):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(iris[0], columns=list("abcd"))
    theirs = Estimator(**PARAMS).fit(X, iris[1]).to_sklearn()
    assert_array_equal(theirs.feature_names_in_, X.columns)
    theirs.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        theirs.predict(X[list("bacd")])


# -- what scikit-learn has no network for ----------------------------------------------


@BOTH
@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_activations_that_scikit_learn_lacks(activation, Estimator, iris):
    X, y = iris
    network = Estimator(**PARAMS, activation=activation).fit(X, y)
    with pytest.raises(ValueError, match=f"^activation='{activation}'.*'relu'"):
        network.to_sklearn()
    # Without a hidden layer there is nothing to activate.
    network.set_params(hidden_layer_sizes=()).fit(X, y)
    theirs = network.to_sklearn()
    assert_allclose(theirs.predict(X), network.predict(X), rtol=1e-10)
    clone(theirs).fit(X, y)


def test_several_quantiles(iris):
    X, y = iris
    params = {**PARAMS, "loss": "quantile"}
    network = MLPRegressor(**params, quantile=[0.2, 0.8]).fit(X, y)
    with pytest.raises(ValueError, match="^quantile=.*do not sort"):
        network.to_sklearn()
    assert_allclose(network.prune().predict(X), network.predict(X), rtol=1e-10)
    network.set_params(quantile=0.2).fit(X, y)
    theirs = network.to_sklearn()
    assert_allclose(theirs.predict(X), network.predict(X), rtol=1e-10)


@BOTH
def test_waves(Estimator, iris):
    X, y = iris
    network = Estimator(**PARAMS, n_frequencies=4).fit(X, y)
    with pytest.raises(ValueError, match="^n_frequencies=4.*n_frequencies=0"):
        network.to_sklearn()
    # Waves that nothing reads are none.
    network.coefs_[0][4:] = 0
    for each in (network, network.prune()):
        theirs = each.to_sklearn()
        assert_allclose(theirs.predict(X), network.predict(X), rtol=1e-10)


def test_a_single_class(iris):
    network = MLPClassifier(**PARAMS).fit(iris[0], np.ones(150, dtype=int))
    with pytest.raises(ValueError, match="single class"):
        network.to_sklearn()


# -- parameters, and life afterwards ---------------------------------------------------


def test_parameters_in_the_unit_of_scikit_learn(iris):
    X, y = iris
    given = MLPClassifier(**PARAMS, alpha=0.01, l1_ratio=0.25)
    theirs = given.set_params(batch_size=50).fit(X, y).to_sklearn()
    assert theirs.alpha == pytest.approx(0.01 * 0.75 * 50)
    assert (theirs.batch_size, theirs.learning_rate_init) == (50, 0.001)
    theirs = given.set_params(batch_size="auto").fit(X, y).to_sklearn()
    assert theirs.alpha == pytest.approx(0.01 * 0.75 * 150)
    assert (theirs.batch_size, theirs.max_iter, theirs.n_iter_no_change) == (
        *("auto", 8, 10),
    )
    given.set_params(batch_size=50)
    for solver in ("fista", "lbfgs"):
        theirs = given.set_params(solver=solver).fit(X, y).to_sklearn()
        assert (theirs.solver, theirs.alpha) == ("lbfgs", pytest.approx(1.125))
    given.set_params(solver="adam", early_stopping=True, learning_rate="cosine")
    given.set_params(batch_size="auto")
    given.set_params(validation_fraction=30, max_iter="auto", n_iter_no_change=np.inf)
    given.set_params(max_iter=9).fit(X, y)
    theirs = given.to_sklearn()
    assert theirs.learning_rate == "constant"
    assert theirs.learning_rate_init == 0.003
    assert theirs.validation_fraction == pytest.approx(0.2)
    assert theirs.batch_size == 4
    assert theirs.n_iter_no_change == np.inf
    assert theirs.validation_scores_ == given.validation_scores_
    assert theirs.best_validation_score_ == given.best_validation_score_
    clone(theirs).fit(X, y)
    # No epoch is better than the best one so far, whose weights come back.
    theirs.set_params(warm_start=True, tol=10, n_iter_no_change=1, max_iter=3)
    theirs.best_validation_score_ = 1.1
    theirs.fit(X, y)
    assert_allclose(theirs.predict_proba(X), given.predict_proba(X), rtol=1e-10)


@pytest.mark.parametrize("refit", [True, 3])
def test_all_rows_count_after_a_refit(refit, iris):
    X, y = iris
    network = MLPRegressor(early_stopping=True, refit=refit, n_iter_no_change=2)
    network.set_params(random_state=0, learning_rate_init=0.1, alpha=0.01)
    theirs = network.fit(X, y).to_sklearn()
    # The second training is shorter than the first one, of which the curve is.
    assert network.best_iter_ < network.n_iter_
    # About a thirtieth of the rows, of which the last epoch need not see all.
    assert theirs.batch_size in (4, 5)
    assert theirs.alpha == pytest.approx(0.01 * theirs.batch_size)
    network.set_params(solver="lbfgs", learning_rate_init="auto").fit(X, y)
    assert network.best_iter_ < network.n_iter_
    assert network.to_sklearn().alpha == pytest.approx(0.01 * 150)
    network.set_params(warm_start=True).fit(X, y)
    assert network.to_sklearn().alpha == pytest.approx(0.01 * 150, rel=0.3)


def test_their_training_is_ours_with_the_parameters_of_the_export(iris):
    X, y = iris
    network = MLPClassifier(**PARAMS, alpha=0.02, batch_size=50, tol=0).fit(X, y)
    theirs = clone(network.to_sklearn()).fit(X, y)
    for W, other in zip(theirs.coefs_, network.coefs_, strict=True):
        assert_allclose(W, other, rtol=1e-6)


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
def test_life_afterwards(solver, Estimator, iris):
    X, y = iris
    network = Estimator(**PARAMS, solver=solver).fit(X, y)
    theirs = network.to_sklearn()
    assert (theirs.n_iter_, theirs.t_) == (network.n_iter_, network.t_)
    assert (theirs.loss_, theirs.best_loss_) == (network.loss_, network.best_loss_)
    copied = pickle.loads(pickle.dumps(theirs))
    assert_array_equal(copied.predict(X), theirs.predict(X))
    assert not hasattr(clone(theirs), "coefs_")
    assert repr(theirs).startswith(Estimator.__name__)
    copied.set_params(warm_start=True).fit(X, y)
    if solver in ("adam", "sgd"):
        theirs.partial_fit(X, y).partial_fit(X, y)
        assert len(theirs.loss_curve_) == len(network.loss_curve_) + 2
        assert theirs.loss_curve_[-1] < theirs.loss_curve_[0]
        theirs.set_params(warm_start=True, early_stopping=False).fit(X, y)


@BOTH
def test_nothing_is_shared(Estimator, iris):
    X, y = iris
    state = np.random.RandomState(0)
    network = Estimator(**{**PARAMS, "random_state": state}).fit(X, y)
    expected, before = network.predict(X), pickle.dumps(network)
    theirs = network.to_sklearn()
    for _ in range(2):
        theirs.partial_fit(X, y)
    theirs.set_params(max_iter=2).fit(X, y)
    for each in [*theirs.coefs_, *theirs.intercepts_]:
        each[:] = 0
    theirs.loss_curve_.append(0)
    assert_array_equal(network.predict(X), expected)
    assert pickle.dumps(network) == before


# -- around a network ------------------------------------------------------------------


def test_the_result_needs_no_skreg(iris, tmp_path):
    X, y = iris
    model = make_pipeline(StandardScaler(), MLPClassifier(**PARAMS)).fit(X, y)
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps((to_sklearn(model), X, model.predict(X))))
    code = f"""
import pickle, sys
with open({str(path)!r}, "rb") as file:
    model, X, expected = pickle.load(file)
assert (model.predict(X) == expected).all()
assert "skreg" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_wrappers(iris):
    X, y = iris[0] * 3 + 7, iris[1]
    network = MLPRegressor(**PARAMS, normalize_y=True)
    pipeline = make_pipeline(StandardScaler(), "passthrough", network)
    model = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    model.fit(X, y)
    theirs = to_sklearn(model)
    assert_allclose(theirs.predict(X), model.predict(X), rtol=1e-10)
    assert type(theirs.regressor_[-1]) is sklearn_networks.MLPRegressor
    assert type(theirs.regressor[-1]) is sklearn_networks.MLPRegressor
    assert type(model.regressor_[-1]) is MLPRegressor
    clone(theirs).fit(X, y)
    # Nothing is shared with it.
    expected = model.predict(X)
    theirs.regressor_[0].mean_[:] = 0
    theirs.transformer_.mean_[:] = 5
    assert_array_equal(model.predict(X), expected)


def test_searches_give_their_best_estimator(iris):
    X, y = iris
    search = GridSearchCV(MLPClassifier(**PARAMS), {"alpha": [1e-3, 1.0]}, cv=2)
    theirs = to_sklearn(search.fit(X, y))
    assert type(theirs) is sklearn_networks.MLPClassifier
    assert_allclose(theirs.predict_proba(X), search.predict_proba(X), rtol=1e-10)


def test_other_estimators(iris):
    X, y = iris
    logistic = LogisticRegression().fit(X, y)
    theirs = to_sklearn(logistic)
    assert theirs is not logistic
    assert_array_equal(theirs.predict(X), logistic.predict(X))
    bagging = BaggingClassifier(MLPClassifier(**PARAMS), n_estimators=2).fit(X, y)
    with pytest.raises(ValueError, match="no estimator of scikit-learn.*Bagging"):
        to_sklearn(bagging)
    space = {"max_iter": [2]}
    search = MLPClassifierCV(space, n_candidates=1, cv=2).fit(X, y)
    with pytest.raises(ValueError, match="as this MLPClassifierCV does"):
        to_sklearn(search)
    with pytest.raises(ValueError, match="as this Pipeline|as this MLPClassifierCV"):
        to_sklearn(make_pipeline(StandardScaler(), search))


# -- ensembles -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "multiclass", "strings", "booleans"])
def test_ensembles_of_classifiers(kind, iris):
    X, y = iris[0], LABELS[kind](iris[1])
    model = make_pipeline(StandardScaler(), MLPClassifier(**PARAMS))
    ensemble = FoldEnsembleClassifier(model, cv=3, random_state=0).fit(X, y)
    for theirs in (ensemble.to_sklearn(), to_sklearn(ensemble)):
        assert type(theirs).__name__ == "VotingClassifier"
        assert_allclose(theirs.predict_proba(X), ensemble.predict_proba(X), rtol=1e-10)
        assert_array_equal(theirs.predict(X), ensemble.predict(X))
        assert theirs.n_features_in_ == 4
        assert len(theirs.named_estimators_) == 3
    clone(theirs).fit(X, y)
    assert theirs.transform(X).shape[:2] == (3, 150)
    # Nothing is shared with it.
    state = pickle.dumps(ensemble)
    theirs.estimators_[0][-1].coefs_[0][:] = 0
    theirs.classes_[:] = theirs.classes_[0]
    assert pickle.dumps(ensemble) == state


def test_ensembles_of_regressors(iris):
    pd = pytest.importorskip("pandas")
    X, y = pd.DataFrame(iris[0], columns=list("abcd")), iris[1] * 100.0
    network = MLPRegressor(**PARAMS, normalize_y=True)
    ensemble = FoldEnsembleRegressor(network, cv=3, random_state=0).fit(X, y)
    theirs = to_sklearn(ensemble)
    assert type(theirs).__name__ == "VotingRegressor"
    assert_allclose(theirs.predict(X), ensemble.predict(X), rtol=1e-10)
    assert_array_equal(theirs.feature_names_in_, X.columns)
    theirs.feature_names_in_[:] = "other"
    assert_array_equal(ensemble.feature_names_in_, X.columns)
    clone(theirs).fit(X, y)


def test_ensembles_that_were_trained_on_chunks(iris):
    X, y = iris
    network = MLPRegressor(**PARAMS)
    ensemble = FoldEnsembleRegressor(network, cv=2, random_state=0).partial_fit(X, y)
    theirs = ensemble.to_sklearn()
    assert_allclose(theirs.predict(X), ensemble.predict(X), rtol=1e-10)
    labels = FoldEnsembleClassifier(MLPClassifier(**PARAMS), cv=2, random_state=0)
    labels.partial_fit(X, y, classes=np.unique(y))
    proba = labels.to_sklearn().predict_proba(X)
    assert_allclose(proba, labels.predict_proba(X), rtol=1e-10)


def test_ensembles_that_scikit_learn_lacks(iris):
    X, y = iris
    network, cv = MLPClassifier(**PARAMS), 2
    labels = FoldEnsembleClassifier(network, cv=cv).fit(X, LABELS["multilabel"](y))
    with pytest.raises(ValueError, match="several labels"):
        labels.to_sklearn()
    votes = FoldEnsembleClassifier(LinearSVC(), cv=cv).fit(X, y)
    with pytest.raises(ValueError, match="predict_proba"):
        votes.to_sklearn()
    rows = np.arange(150)
    cv = [(rows[:100], rows[100:]), (rows[50:], rows[:50])]
    unseen = FoldEnsembleClassifier(LogisticRegression(), cv=cv).fit(X, y)
    with pytest.raises(ValueError, match="has seen 2 of 3 classes"):
        unseen.to_sklearn()
    # Networks know all classes.
    knowing = FoldEnsembleClassifier(network, cv=cv).fit(X, y)
    assert_allclose(knowing.to_sklearn().predict_proba(X), knowing.predict_proba(X))
    outputs = FoldEnsembleRegressor(MLPRegressor(**PARAMS), cv=2)
    with pytest.raises(ValueError, match="several outputs"):
        outputs.fit(X, targets_of(y)).to_sklearn()


def test_the_default_of_an_ensemble_has_waves(iris):
    X, y = iris
    ensemble = FoldEnsembleClassifier(cv=2).fit(X[::3], y[::3])
    with pytest.raises(ValueError, match="n_frequencies=16") as caught:
        ensemble.to_sklearn()
    (note,) = caught.value.__notes__
    assert "FoldEnsembleClassifier(estimator=None)" in note


def test_the_default_of_an_ensemble_with_many_columns(iris):
    X, y = iris
    X = np.tile(X[::3], 51) * 3 + 1
    ensemble = FoldEnsembleRegressor(cv=2).fit(X, y[::3])
    assert_allclose(ensemble.to_sklearn().predict(X), ensemble.predict(X), atol=1e-5)
    assert pickle.dumps(ensemble.to_sklearn()).count(b"skreg") == 0
    first = copy.deepcopy(ensemble.estimators_[0])
    first[0].set_params(scaling="robust")
    with pytest.raises(ValueError, match="scaling='standard' or 'none'"):
        to_sklearn(first)


# -- ONNX ------------------------------------------------------------------------------


@pytest.fixture
def run_onnx():
    """Convert an estimator, and run its graph on rows: the outputs as arrays."""
    skl2onnx = pytest.importorskip("skl2onnx")
    runtime = pytest.importorskip("onnxruntime")

    def run(estimator, X):
        options = {"zipmap": False} if hasattr(estimator, "classes_") else None
        graph = skl2onnx.to_onnx(estimator, X[:1], options=options)
        settings = runtime.SessionOptions()
        settings.log_severity_level = 3
        settings.intra_op_num_threads = 1
        session = runtime.InferenceSession(
            graph.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        return session.run(None, {session.get_inputs()[0].name: X})

    return run


def check_classes(run_onnx, model, theirs, X):
    labels, proba = run_onnx(theirs, X)
    assert_allclose(proba, model.predict_proba(X), atol=1e-5)
    assert_array_equal(labels, model.predict(X))


@EACH_HIDDEN
@pytest.mark.parametrize("kind", LABELS)
def test_onnx_of_classifiers(kind, hidden_layer_sizes, run_onnx, iris):
    X, y = iris[0].astype(np.float32), LABELS[kind](iris[1])
    params = PARAMS | {"hidden_layer_sizes": hidden_layer_sizes, "max_iter": 40}
    network = MLPClassifier(**params, learning_rate_init=0.02).fit(X, y)
    check_classes(run_onnx, network, network.to_sklearn(), X)


@EACH_HIDDEN
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_onnx_of_regressors(n_outputs, hidden_layer_sizes, run_onnx, iris):
    X, y = iris[0].astype(np.float32), targets_of(iris[1], n_outputs)
    params = PARAMS | {"hidden_layer_sizes": hidden_layer_sizes}
    network = MLPRegressor(**params, normalize_y=True, loss="huber").fit(X, y)
    (predicted,) = run_onnx(network.to_sklearn(), X)
    expected = network.predict(X)
    # skl2onnx makes a single column of several outputs.
    assert_allclose(predicted.reshape(expected.shape), expected, rtol=1e-4)


def test_onnx_of_a_pipeline_and_a_pruned_network(run_onnx, iris):
    X, y = iris[0].astype(np.float32) * 3 + 1, iris[1]
    network = MLPClassifier(**PARAMS, alpha=0.01, l1_ratio=1.0, solver="fista")
    model = make_pipeline(StandardScaler(), network).fit(X, y)
    check_classes(run_onnx, model, to_sklearn(model), X)
    small = network.prune()
    X = model[0].transform(X)
    check_classes(run_onnx, network, small.to_sklearn(), X)


@pytest.mark.parametrize("kind", ["multiclass", "strings", "binary"])
def test_onnx_of_ensembles(kind, run_onnx, iris):
    X, y = iris[0].astype(np.float32), LABELS[kind](iris[1])
    model = make_pipeline(StandardScaler(), MLPClassifier(**PARAMS))
    ensemble = FoldEnsembleClassifier(model, cv=3, random_state=0).fit(X, y)
    check_classes(run_onnx, ensemble, to_sklearn(ensemble), X)
    model = make_pipeline(StandardScaler(), MLPRegressor(**PARAMS))
    ensemble = FoldEnsembleRegressor(model, cv=3, random_state=0).fit(X, iris[1])
    (predicted,) = run_onnx(to_sklearn(ensemble), X)
    assert_allclose(predicted[:, 0], ensemble.predict(X), atol=1e-5)
