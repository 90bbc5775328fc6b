"""Networks on sets of rows: each as it would be alone, whatever they share."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from skreg import MLPClassifier
from skreg._fitting import fit, run_batch
from skreg._fitting.members import (
    fit_members,
    member_tasks,
    stack_up,
)
from skreg._fitting.tasks import Seeds

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
Y = (X[:, 0] + 0.3 * rng.normal(size=120) > 0).astype(int)


def network(**params):
    return MLPClassifier((6,), max_iter=5, batch_size=20, random_state=0, **params)


def params_of(estimators, row_sets, **options):
    found = dict(fit_members(estimators, X, Y, row_sets, **options))
    assert all(outcome.error is None for outcome in found.values())
    return [found[index].state.params for index in range(len(estimators))]


def test_members_are_as_they_would_be_alone():
    halves = [np.arange(60), np.arange(60, 120), None]
    together = params_of([network()] * 3, halves)
    for params, rows in zip(together, halves, strict=True):
        (alone,) = params_of([network()], [rows])
        np.testing.assert_allclose(params, alone, rtol=1e-12)
    whole = network().fit(X, Y)
    np.testing.assert_allclose(together[2][:24], whole.coefs_[0].ravel()[:24])


@pytest.fixture
def streams_in_training(monkeypatch):
    """The streams of every batch that trains."""
    found, train = [], run_batch.train

    def spy(network, models, *args, **kwargs):
        found.append([model.stream for model in models])
        return train(network, models, *args, **kwargs)

    monkeypatch.setattr(run_batch, "train", spy)
    return found


def test_members_may_share_minibatches_and_differ_in_their_start(streams_in_training):
    seeds = [Seeds(weights=k, minibatches=7) for k in range(3)]
    params = params_of([network()] * 3, [None] * 3, seeds=seeds)
    (streams,) = streams_in_training
    assert streams[0] is streams[1] is streams[2]
    assert not np.allclose(params[0], params[1])
    for own, seed in zip(params, seeds, strict=True):
        (alone,) = params_of([network()], [None], seeds=[seed])
        np.testing.assert_allclose(own, alone, rtol=1e-12)


def test_each_draw_has_a_seed_of_its_own():
    def start_of(**seeds):
        (task,) = member_tasks(
            [network(early_stopping=True)], [None], seeds=[Seeds(**seeds)]
        )
        preparation = fit.Preparation(X, Y, None)
        model = preparation.prepare(0, task).model
        order = model.stream.next_epoch(True).tolist()
        return model.params.tolist(), sorted(model.stream.rows), order

    base = start_of(weights=1, split=1, minibatches=1)
    for place, name in enumerate(["weights", "split", "minibatches"]):
        other = start_of(**{"weights": 1, "split": 1, "minibatches": 1} | {name: 2})
        differ = [one != two for one, two in zip(base, other, strict=True)]
        assert differ == [k == place for k in range(3)]


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_data_of_members_are_stacked_row_by_row(is_sparse, is_weighted):
    parts = [
        SimpleNamespace(
            X=sparse.csr_array(X[rows]) if is_sparse else X[rows],
            y=Y[rows],
            sample_weight=rng.uniform(size=40) if is_weighted else None,
        )
        for rows in (np.arange(40), np.arange(40, 80), np.arange(80, 120))
    ]
    stack = stack_up(parts)
    for part, rows in zip(parts, stack.row_sets, strict=True):
        found = stack.X[rows]
        if is_sparse:
            found, part.X = found.toarray(), part.X.toarray()
        np.testing.assert_array_equal(found, part.X)
        np.testing.assert_array_equal(stack.y[rows], part.y)
        if is_weighted:
            np.testing.assert_array_equal(stack.sample_weight[rows], part.sample_weight)
    assert (stack.sample_weight is None) != is_weighted
