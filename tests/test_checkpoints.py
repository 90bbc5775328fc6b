"""An interrupted or killed search goes on after its last rung, to equal results."""

import errno
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPClassifierCV, MLPRegressorCV
from skreg._utils.checkpoints import Checkpoint
from skreg.model_selection import HalvingGridSearchCV, HalvingRandomSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NETWORK = MLPClassifier((5,), max_iter=18, random_state=0)
SMALL_SPACE = {
    "hidden_layer_sizes": [(5,)],
    "max_iter": [5],
    "alpha": [1e-4, 1e-3, 1e-2, 0.1],
}


def halving(folder=None, **params):
    grid = {"alpha": [1e-4, 1e-2, 1.0], "learning_rate_init": [1e-2, 0.05, 0.1]}
    search = HalvingGridSearchCV(NETWORK, grid, cv=2, checkpoint=folder)
    return search.set_params(**params)


def drawn(folder=None, **params):
    space = {"alpha": loguniform(1e-4, 1)}
    return HalvingRandomSearchCV(
        NETWORK, space, n_candidates=9, cv=2, random_state=0, checkpoint=folder
    ).set_params(**params)


def ensemble(folder=None, **params):
    return MLPClassifierCV(
        SMALL_SPACE, n_candidates=4, cv=8, random_state=0, checkpoint=folder
    ).set_params(**params)


def numbers(table):
    """The columns of `cv_results_` without times."""
    return {
        name: np.asarray(column)
        for name, column in table.items()
        if "time" not in name and name not in ("params", "error")
    }


def assert_equal_searches(found, expected):
    for name, column in numbers(expected.cv_results_).items():
        assert_array_equal(numbers(found.cv_results_)[name], column, err_msg=name)
    assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    for name in ("n_resources_", "n_candidates_", "n_batched_", "weights_"):
        if hasattr(expected, name):
            assert_array_equal(getattr(found, name), getattr(expected, name))


class Rungs:
    """Counts the rungs that a search goes through, and interrupts it after some."""

    def __init__(self, monkeypatch, most=np.inf):
        self.n_done, self._most = 0, most
        for kind, name in (
            (HalvingGridSearchCV, "_run_rung"),
            (HalvingRandomSearchCV, "_run_rung"),
        ):
            monkeypatch.setattr(kind, name, self._counting(getattr(kind, name)))
        from skreg.ensemble._search import FoldSearch

        monkeypatch.setattr(FoldSearch, "advance", self._counting(FoldSearch.advance))

    def _counting(self, method):
        def counted(*args, **kwargs):
            if self.n_done == self._most:
                raise KeyboardInterrupt
            self.n_done += 1
            return method(*args, **kwargs)

        return counted


@pytest.mark.parametrize("n_done", [0, 1, 2])
@pytest.mark.parametrize("make", [halving, drawn, ensemble])
def test_an_interrupted_search_goes_on(make, n_done, tmp_path, monkeypatch):
    expected = make().fit(X, Y)
    folder = tmp_path / "made" / "at once"
    search = make(folder)
    with monkeypatch.context() as patch:
        Rungs(patch, most=n_done)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, Y)
    assert len(list(folder.iterdir())) == (n_done > 0)
    with monkeypatch.context() as patch:
        rungs = Rungs(patch)
        search.fit(X, Y)
    assert rungs.n_done == 3 - n_done
    assert_equal_searches(search, expected)
    assert list(folder.iterdir()) == []
    assert not any("checkpoint" in name for name in vars(search) if name[-1] == "_")


@pytest.mark.parametrize(
    "make, after", [(halving, "_refit"), (drawn, "_refit"), (ensemble, "_keep")]
)
def test_a_search_interrupted_after_its_last_rung_trains_none_again(
    make, after, tmp_path, monkeypatch
):
    def interrupt(*args):
        raise KeyboardInterrupt

    expected, search = make().fit(X, Y), make(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(type(search), after, interrupt)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, Y)
    with monkeypatch.context() as patch:
        rungs = Rungs(patch)
        search.fit(X, Y)
    assert rungs.n_done == 0
    assert_equal_searches(search, expected)
    assert list(tmp_path.iterdir()) == []


def test_faults_that_were_found_before_an_interrupt_are_told_of(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    network = clone(NETWORK).set_params(learning_rate_init=0.05)
    search = halving(tmp_path, estimator=network, param_grid={"alpha": [10.0, 20.0]})
    with monkeypatch.context() as patch:
        patch.setattr(HalvingGridSearchCV, "_judged", interrupt)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="1 of 1 candidates predict the same"):
        search.fit(X, Y)


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on(tmp_path, monkeypatch):
    code = """
import os, sys
from test_checkpoints import X, Y, drawn
search = drawn(sys.argv[1])
kind = type(search)
save = kind._make_checkpoint

def make_checkpoint(self, *args):
    checkpoint = save(self, *args)
    write = checkpoint.save
    checkpoint.save = lambda state: (write(state), os._exit(9))
    return checkpoint

kind._make_checkpoint = make_checkpoint
search.fit(X, Y)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        cwd=__file__.rpartition("/")[0],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 9, done.stderr
    rungs = Rungs(monkeypatch)
    search = drawn(tmp_path).fit(X, Y)
    assert rungs.n_done == 2
    monkeypatch.undo()
    assert_equal_searches(search, drawn().fit(X, Y))


def test_survivors_go_on_from_where_they_stood(tmp_path, monkeypatch):
    interrupted(halving(tmp_path), monkeypatch)
    run_rung, states = HalvingGridSearchCV._run_rung, []

    def watched(self, run, candidates, resources, earlier, refit):
        states.append(
            {key: found.state.progress.n_epochs for key, found in earlier.items()}
        )
        return run_rung(self, run, candidates, resources, earlier, refit)

    monkeypatch.setattr(HalvingGridSearchCV, "_run_rung", watched)
    search = halving(tmp_path).fit(X, Y)
    # Three candidates on two folds each, after the epochs of the first rung.
    assert list(states[0].values()) == [search.n_resources_[0]] * 6


def interrupted(search, monkeypatch, X=X, y=Y, **params):
    with monkeypatch.context() as patch:
        Rungs(patch, most=1)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, y, **params)


@pytest.mark.parametrize("make", [halving, ensemble])
def test_another_search_does_not_take_it_over(make, tmp_path, monkeypatch):
    interrupted(make(tmp_path), monkeypatch)
    rungs = Rungs(monkeypatch)
    others = [
        lambda: make(tmp_path).fit(X + 1e-6, Y),
        lambda: make(tmp_path).fit(X, Y[::-1].copy()),
        lambda: make(
            tmp_path, scoring="neg_log_loss" if make is halving else "accuracy"
        ).fit(X, Y),
        lambda: make(tmp_path, cv=4).fit(X, Y),
    ]
    for fit in others:
        rungs.n_done = 0
        fit()
        assert rungs.n_done == 3
    rungs.n_done = 0
    make(tmp_path, n_jobs=2, verbose=1).fit(X, Y)
    assert rungs.n_done == 2


@pytest.mark.parametrize(
    "changed", [{"refit": "accuracy"}, {"factor": 2}, {"return_train_score": True}]
)
def test_what_survives_and_what_is_scored_is_part_of_it(changed, tmp_path, monkeypatch):
    scores = {"scoring": ["neg_log_loss", "accuracy"], "refit": "neg_log_loss"}
    interrupted(halving(tmp_path, **scores), monkeypatch)
    rungs = Rungs(monkeypatch)
    search = halving(tmp_path, **scores).set_params(**changed).fit(X, Y)
    assert rungs.n_done == len(search.n_resources_)


def test_weights_of_rows_are_part_of_it(tmp_path, monkeypatch):
    interrupted(halving(tmp_path), monkeypatch)
    interrupted(ensemble(tmp_path), monkeypatch)
    rungs = Rungs(monkeypatch)
    for make in (halving, ensemble):
        rungs.n_done = 0
        make(tmp_path).fit(X, Y, sample_weight=np.linspace(1, 2, len(Y)))
        assert rungs.n_done == 3


def test_weights_of_scores_alone_are_part_of_it(tmp_path, monkeypatch):
    with sklearn.config_context(enable_metadata_routing=True):
        network = clone(NETWORK).set_fit_request(sample_weight=False)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        search = halving(tmp_path, estimator=network, scoring=scorer)
        interrupted(search, monkeypatch, sample_weight=np.ones(len(Y)))
        rungs = Rungs(monkeypatch)
        search.fit(X, Y, sample_weight=np.linspace(1, 2, len(Y)))
    assert rungs.n_done == 3


def test_networks_without_a_seed_keep_the_one_of_their_fold(tmp_path, monkeypatch):
    # Networks of this solver begin anew in each rung, from their seed.
    network = MLPClassifier((5,), max_iter=18, solver="lbfgs")
    tables = []
    for folder in (None, tmp_path):
        search = halving(folder, scoring="neg_log_loss", refit=False)
        search.set_params(estimator=network, param_grid={"alpha": [0.01, 0.1, 1.0]})
        np.random.seed(0)  # noqa: NPY002 - it is what random_state=None means
        if folder is not None:
            interrupted(search, monkeypatch)
            np.random.seed(1)  # noqa: NPY002
        tables.append(numbers(search.fit(X, Y).cv_results_))
    for name, column in tables[0].items():
        assert_array_equal(tables[1][name], column, err_msg=name)


def test_how_folds_and_estimator_came_about_is_no_part_of_it(tmp_path, monkeypatch):
    def make():
        return halving(tmp_path, cv=KFold(2, shuffle=True, random_state=0).split(X))

    network = MLPClassifier((5,), max_iter=18, random_state=0)
    interrupted(make().set_params(estimator=network), monkeypatch)
    rungs = Rungs(monkeypatch)
    make().set_params(estimator=network.fit(X, Y)).fit(X, Y)
    assert rungs.n_done == 2


def test_an_ensemble_of_what_there_is_can_be_completed(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Rungs(patch, most=1)
        with pytest.warns(UserWarning, match="interrupted"):
            model = ensemble(tmp_path, keep_interrupted=True).fit(X, Y)
    assert model.stop_reason_ == "interrupted"
    model.set_params(time_budget=1e-9).fit(X, Y)
    assert model.stop_reason_ == "time_budget"
    with monkeypatch.context() as patch:
        rungs = Rungs(patch)
        model.set_params(time_budget=None).fit(X, Y)
        assert rungs.n_done == 2
    assert_equal_searches(model, ensemble().fit(X, Y))
    assert list(tmp_path.iterdir()) == []


def test_regressions_too(tmp_path, monkeypatch):
    def make(folder):
        return MLPRegressorCV(
            SMALL_SPACE, n_candidates=4, random_state=0, checkpoint=folder
        )

    expected = make(None).fit(X[:, 1:], X[:, 0]).predict(X[:, 1:])
    search = make(tmp_path)
    interrupted(search, monkeypatch, X[:, 1:], X[:, 0])
    found = search.fit(X[:, 1:], X[:, 0]).predict(X[:, 1:])
    assert_array_equal(found, expected)


def test_a_broken_file_is_passed_over(tmp_path):
    checkpoint = Checkpoint(tmp_path, "Search", 1)
    checkpoint.save({"a": 1})
    assert Checkpoint(tmp_path, "Search", 1).load() == {"a": 1}
    assert Checkpoint(tmp_path, "Search", 2).load() is None
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"half a pickle")
    with pytest.warns(UserWarning, match="cannot be read, so that training begins"):
        assert checkpoint.load() is None


def test_a_state_that_cannot_be_written_is_no_reason_to_end(tmp_path):
    checkpoint = Checkpoint(tmp_path, "Search", 1)
    checkpoint.save({"a": 1})
    with pytest.warns(UserWarning, match="could not be written"):
        checkpoint.save(lambda: None)
    # The state before is still there, and nothing else.
    assert checkpoint.load() == {"a": 1}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("make", [halving, ensemble])
def test_a_search_without_room_for_its_checkpoint_goes_on(make, tmp_path, monkeypatch):
    def dump(state, file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    expected = make().fit(X, Y)
    monkeypatch.setattr("skreg._utils.checkpoints.joblib.dump", dump)
    with pytest.warns(UserWarning, match=f"not be written.*{errno.ENOSPC}"):
        search = make(tmp_path).fit(X, Y)
    assert_equal_searches(search, expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [drawn, ensemble])
def test_what_is_drawn_anew_in_each_call_is_warned_about(make, tmp_path):
    with pytest.warns(UserWarning, match="does nothing with random_state=None"):
        make(tmp_path, random_state=None).fit(X, Y)
    # A RandomState is a seed, too, and without a checkpoint there is nothing to say.
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        make(tmp_path, random_state=np.random.RandomState(0)).fit(X, Y)
        make(random_state=None).fit(X, Y)


def test_what_cannot_be_identified_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="can be pickled"):
        halving(tmp_path, scoring=lambda *args: 1.0).fit(X, Y)


@pytest.mark.parametrize("library", [np, sklearn], ids=["numpy", "sklearn"])
def test_what_another_version_has_written_is_not_read(library, tmp_path, monkeypatch):
    Checkpoint(tmp_path, "search", 1).save("state")
    assert Checkpoint(tmp_path, "search", 1).load() == "state"
    assert Checkpoint(tmp_path, "search", 2).load() is None
    monkeypatch.setattr(library, "__version__", "0.1")
    assert Checkpoint(tmp_path, "search", 1).load() is None


def test_a_call_that_has_succeeded_leaves_no_file(tmp_path):
    checkpoint = Checkpoint(tmp_path, "search", 1)
    checkpoint.save("state")
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
