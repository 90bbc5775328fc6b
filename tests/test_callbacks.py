"""Callbacks of scikit-learn: what they see of a fit, and their request to stop."""

import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg.model_selection import HalvingGridSearchCV
from skreg.neural_network import MLPClassifier, MLPRegressor

ROOT = Path(__file__).resolve().parents[1]

needs_callbacks = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None,
    reason="this scikit-learn has no callbacks (they came with 1.9)",
)


def classifier(**params):
    defaults = {"early_stopping": True, "random_state": 0, "max_iter": 8}
    return MLPClassifier((5,), **(defaults | params))


class Recorder:
    """Writes down every call, and asks to stop after so many epochs."""

    def __init__(self, stop_after=None, stop_in=None):
        self.stop_after, self.stop_in = stop_after, stop_in
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(
        self, estimator, context, *, X, y, metadata, fitted_estimator=None
    ):
        self.calls.append(("end", context.task_name, context, X, y, metadata))
        self.fitted = fitted_estimator
        if context.task_name == "epoch":
            phase = context.parent.task_name
            asked = self.stop_in is None or phase == self.stop_in
            return asked and context.task_id + 1 == self.stop_after

    def names(self):
        return [call[:2] for call in self.calls]

    def epochs(self, phase=None):
        return [
            call
            for call in self.calls
            if call[:2] == ("end", "epoch")
            and phase in (None, call[2].parent.task_name)
        ]


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "fista"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_epoch_is_a_task(cancer, solver, early_stopping):
    X, y = cancer
    recorder = Recorder()
    network = classifier(
        solver=solver, early_stopping=early_stopping, tol=1e-2, max_iter=50
    )
    plain = clone(network).fit(X, y)
    network.set_callbacks(recorder).fit(X, y)
    n_epochs = network.n_iter_
    assert n_epochs == plain.n_iter_
    names = recorder.names()
    assert names[:2] == [("setup", "fit"), ("begin", "fit")]
    assert names[-2:] == [("end", "fit"), ("teardown", "fit")]
    assert names[2:-2] == [("begin", "epoch"), ("end", "epoch")] * n_epochs
    assert [call[2].task_id for call in recorder.epochs()] == list(range(n_epochs))
    # Watching changes nothing.
    for one, other in zip(network.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@needs_callbacks
def test_what_a_callback_is_given(cancer):
    X, y = cancer
    weight = np.ones(len(X))
    recorder = Recorder()
    network = classifier().set_callbacks(recorder)
    network.fit(X, y, sample_weight=weight)
    for call in recorder.epochs():
        assert call[3] is X and call[4] is y
        assert call[5] == {"sample_weight": weight}
    network.fit(X, y)
    assert recorder.epochs()[-1][5] is None


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_fitted_estimator_is_what_fit_would_give_now(cancer, early_stopping):
    X, y = cancer
    labels = np.array(["no", "yes"])[y]
    seen = []

    class Watcher(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                seen.append(fitted_estimator)

    network = classifier(
        early_stopping=early_stopping, learning_rate_init=0.5, n_iter_no_change=50
    )
    network.set_callbacks(Watcher())
    try:
        network.fit(X, labels)
    except Warning:
        pass
    assert len(seen) == 8
    for n_epochs, fitted in enumerate(seen, start=1):
        short = classifier(
            early_stopping=early_stopping,
            learning_rate_init=0.5,
            n_iter_no_change=50,
            max_iter=n_epochs,
        )
        if not early_stopping:
            with pytest.warns(Warning):
                short.fit(X, labels)
        else:
            short.fit(X, labels)
        assert fitted is not network
        assert not hasattr(fitted, "_fit_callbacks")  # which hold the data
        np.testing.assert_array_equal(fitted.predict(X), short.predict(X))
        np.testing.assert_array_equal(fitted.coefs_[0], short.coefs_[0])


@needs_callbacks
def test_the_fitted_estimator_has_the_column_names_of_this_fit(cancer):
    pd = pytest.importorskip("pandas")
    X, y = cancer
    seen = []

    class Watcher(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                seen.append(fitted_estimator)

    frame = pd.DataFrame(X).add_prefix("c")
    network = classifier(max_iter=1).set_callbacks(Watcher())
    for rows in (X, frame, frame.add_prefix("d"), X):
        network.fit(rows, y)
        # Other names, or names where there are none, are warned of.
        np.testing.assert_array_equal(seen[-1].predict(rows), network.predict(rows))


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
def test_a_request_to_stop(cancer, solver):
    network = classifier(solver=solver).set_callbacks(Recorder(stop_after=3))
    network.fit(*cancer)
    assert network.n_iter_ == 3
    assert network.stop_reason_ == "callback"
    assert network.best_iter_ <= 3


@needs_callbacks
def test_a_verbose_fit_prints_beside_callbacks(cancer, capsys):
    network = classifier(verbose=True)
    network.fit(*cancer)
    expected = capsys.readouterr().out
    recorder = Recorder()
    network.set_callbacks(recorder).fit(*cancer)
    assert capsys.readouterr().out == expected
    assert len(recorder.epochs()) == network.n_iter_ == expected.count("Iteration")


@needs_callbacks
@pytest.mark.parametrize(
    ("params", "n_subtasks"),
    [({}, 8), ({"feature_alpha": 0.5}, None), ({"refit": True}, 2), ({"refit": 3}, 4)],
)
def test_the_number_of_subtasks_is_told_where_it_is_known(cancer, params, n_subtasks):
    recorder = Recorder()
    classifier(**params).set_callbacks(recorder).fit(*cancer)
    (fit,) = [call[2] for call in recorder.calls if call[:2] == ("end", "fit")]
    assert fit.max_subtasks == n_subtasks
    if "refit" in params:
        assert {call[2].parent.max_subtasks for call in recorder.epochs()} == {8}


@needs_callbacks
def test_refit_has_phases(cancer):
    recorder = Recorder()
    network = classifier(refit=True).set_callbacks(recorder).fit(*cancer)
    names = recorder.names()
    first, second = ("begin", "early stopping"), ("begin", "refit")
    assert names.index(first) < names.index(second)
    assert names.index(("end", "early stopping")) < names.index(second)
    assert names[-3:] == [("end", "refit"), ("end", "fit"), ("teardown", "fit")]
    assert len(recorder.epochs("early stopping")) == network.n_iter_
    # Minibatches of 17, a thirtieth of the 512 training rows, out of all 569.
    n_epochs = -(-network.refit_n_updates_ // 34)
    assert len(recorder.epochs("refit")) == n_epochs

    recorder = Recorder()
    classifier(refit=3).set_callbacks(recorder).fit(*cancer)
    begun = [name for kind, name in recorder.names() if kind == "begin"]
    phases = [name for name in dict.fromkeys(begun) if name != "epoch"]
    assert phases == ["fit", "fold 1 of 3", "fold 2 of 3", "fold 3 of 3", "refit"]


@needs_callbacks
def test_a_request_to_stop_ends_the_phase_that_it_was_made_in(cancer):
    stopped = classifier(refit=True, n_iter_no_change=100, learning_rate_init=1e-4)
    first = clone(stopped).set_callbacks(Recorder(2, "early stopping")).fit(*cancer)
    assert first.stop_reason_ == "callback" and first.n_iter_ == 2
    assert first.refit_n_updates_ == first.best_iter_ * 31
    second = clone(stopped).set_callbacks(Recorder(2, "refit")).fit(*cancer)
    assert second.stop_reason_ == "max_iter" and second.best_iter_ == 8
    assert second.refit_n_updates_ == 2 * 34


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "fista"])
@pytest.mark.parametrize("n_epochs", [3, 8, 20])
def test_a_request_to_stop_ends_a_path(n_epochs, solver, cancer):
    # The dense network has eight epochs, the last of which is an end by itself.
    recorder = Recorder(stop_after=n_epochs)
    network = classifier(solver=solver, feature_alpha=1.0).set_callbacks(recorder)
    network.fit(*cancer)
    assert network.stop_reason_ == "callback"
    assert len(recorder.epochs()) == n_epochs
    assert network.predict(cancer[0]).shape == cancer[1].shape


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_frequencies", [0, 2])
def test_a_path_shows_networks_of_all_inputs(n_frequencies, cancer):
    X, y = cancer
    seen = []

    class Watcher(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                left = fitted_estimator.n_features_selected_
                seen.append((left, fitted_estimator.predict_proba(X)))

    network = classifier(early_stopping=False, n_frequencies=n_frequencies)
    network.set_params(feature_alpha=100.0, max_iter=30).set_callbacks(Watcher())
    network.fit(X, y)
    assert seen[0][0] == X.shape[1] > seen[-1][0] == network.n_features_selected_
    np.testing.assert_array_equal(seen[-1][1], network.predict_proba(X))


@needs_callbacks
def test_scoring_monitor():
    pytest.importorskip("pandas")
    from sklearn.callback import ScoringMonitor

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    y = (y - y.mean()) / y.std()
    monitor = ScoringMonitor(scoring="r2")
    network = MLPRegressor(
        (20,), early_stopping=True, learning_rate_init=0.1, random_state=0, max_iter=6
    )
    # Column names are there where the monitor predicts: no warning about them.
    network.set_callbacks(monitor).fit(X, y)
    scores = [row["r2"] for row in monitor.get_logs().data if "r2" in row]
    assert len(scores) == 7  # and one of the whole fit
    assert scores[-1] == pytest.approx(network.score(X, y))


@needs_callbacks
def test_progress_bar_and_pipeline(cancer, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    pipeline = make_pipeline(StandardScaler(), classifier())
    pipeline.set_callbacks(ProgressBar()).fit(*cancer)
    assert "MLPClassifier" in capsys.readouterr().out


@needs_callbacks
def test_callbacks_of_a_pipeline_see_the_epochs(cancer):
    recorder = Recorder()
    recorder.max_propagation_depth = None
    pipeline = make_pipeline(StandardScaler(), classifier())
    pipeline.set_callbacks(recorder).fit(*cancer)
    assert len(recorder.epochs()) == pipeline[-1].n_iter_
    assert not hasattr(pipeline[-1], "_skl_callbacks")


@needs_callbacks
@pytest.mark.parametrize("where", ["setup", "on_fit_task_begin", "on_fit_task_end"])
def test_a_callback_that_fails_leaves_nothing_behind(cancer, where):
    def fail(self, *args, **kwargs):
        raise RuntimeError("failed on purpose")

    recorder = type("Failing", (Recorder,), {where: fail})()
    network = classifier().set_callbacks(recorder)
    before = set(vars(network))
    with pytest.raises(RuntimeError, match="on purpose"):
        network.fit(*cancer)
    assert set(vars(network)) == before
    assert recorder.names()[-1] == ("teardown", "fit")


@needs_callbacks
def test_nothing_of_a_fit_is_left_on_the_estimator(cancer):
    network = classifier().set_callbacks(Recorder())
    network.fit(*cancer)
    leftover = {name for name in vars(network) if "callback" in name}
    assert leftover == {"_skl_callbacks"}
    network.set_callbacks()
    plain = classifier().fit(*cancer)
    assert set(vars(network)) == set(vars(plain))
    assert len(pickle.dumps(network)) == pytest.approx(
        len(pickle.dumps(plain)), rel=0.01
    )


OLDER = """
import sys
sys.modules["sklearn.callback"] = None  # as if it were not installed
from sklearn.datasets import load_iris
from skreg.model_selection import HalvingGridSearchCV
from skreg.neural_network import MLPClassifier
network = MLPClassifier((5,), early_stopping=True, max_iter=5, refit=True)
network.fit(*load_iris(return_X_y=True))
assert network.n_iter_ == 5
"""


def test_scikit_learn_without_callbacks():
    """Imports of the module fail, as with scikit-learn before 1.9."""
    if importlib.util.find_spec("sklearn.callback") is not None:
        # Its own modules need it here: hide it from skreg alone.
        code = OLDER.replace(
            'sys.modules["sklearn.callback"] = None  # as if it were not installed',
            "import sklearn.neural_network, sklearn.model_selection, sklearn.pipeline\n"
            "import sklearn.linear_model, sklearn.preprocessing, sklearn.metrics\n"
            'sys.modules["sklearn.callback"] = None',
        )
        code += 'assert not hasattr(network, "set_callbacks")\n'
    else:
        code = OLDER
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


@needs_callbacks
def test_halving_follows_none_and_says_so(cancer):
    search = HalvingGridSearchCV(classifier(), {"alpha": [1e-3, 1e-2]})
    search.set_callbacks(Recorder())
    with pytest.raises(ValueError, match="follows no callbacks") as error:
        search.fit(*cancer)
    assert "Set them on a GridSearchCV" in str(error.value)
    assert "needs an MLPClassifier" not in str(error.value)
