"""When training ends, and what the record of its epochs keeps."""

import numpy as np
import pytest
from helpers import first_stop

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.stopping import (
    Curves,
    GeneralizationLoss,
    Patience,
    Progress,
    ProgressQuotient,
    StopReason,
    SuccessiveIncreases,
)
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train
from skreg._core.validation import Holdout

# -- patience --------------------------------------------------------------------------


def epochs_until_stop(scores, n_iter_no_change, tol):
    """The first epoch, from 1, after which patience stops; None if it does not."""
    patience = Patience(n_iter_no_change, tol)
    for epoch, score in enumerate(scores, start=1):
        if patience.update(score):
            return epoch
    return None


@pytest.mark.parametrize(
    "scores, n_iter_no_change, tol, epoch",
    [
        # More than n_iter_no_change epochs in a row.
        ([1, 1, 1, 1, 1], 2, 0.1, 4),
        ([1, 0, 0, 0, 0], 2, 0.1, 4),
        ([1, 0, 0, 2, 1, 1, 1], 2, 0.1, 7),
        # tol: reaching the best plus tol is an improvement.
        ([1, 2, 3, 4], 1, 1.0, None),
        ([1, 1.5, 2, 2.5], 1, 1.0, 3),
        # The best moves with every step, so small ones do not add up.
        ([0, 0.25, 0.5, 0.75, 1.0], 2, 0.5, 4),
        # tol=0: equal is good enough.
        ([1, 1, 1, 1], 1, 0.0, None),
        ([3, 2, 1, 0], 1, 0.0, 3),
        ([3, 2, 1, 0], np.inf, 0.0, None),
    ],
)
def test_patience(scores, n_iter_no_change, tol, epoch):
    assert epochs_until_stop(scores, n_iter_no_change, tol) == epoch


def test_patience_is_one_loss_or_score_alike():
    # What scikit-learn's two rules (for losses, for scores) say, written out.
    rng = np.random.default_rng(0)
    for _ in range(200):
        losses = np.cumsum(rng.normal(-0.05, 0.2, 30))
        best, count, expected = np.inf, 0, None
        for epoch, loss in enumerate(losses, start=1):
            count = count + 1 if loss > best - 0.01 else 0
            best = min(best, loss)
            if count > 3:
                expected = epoch
                break
        assert epochs_until_stop(-losses, 3, 0.01) == expected


def test_patience_starts_again_after_a_reset():
    patience = Patience(1, 0.1)
    assert [patience.update(score) for score in (1, 1, 1)] == [False, False, True]
    patience.reset_count()
    assert [patience.update(score) for score in (1, 1)] == [False, True]
    patience.reset_count()
    assert not patience.update(2)
    assert patience.best_score == 2


# -- Prechelt's criteria, on curves written by hand ------------------------------------


@pytest.mark.parametrize(
    "losses, threshold, epoch",
    [
        # GL = 100 (E / E_opt - 1): 0, 0, 0, 4, 10
        ([1.0, 0.8, 0.5, 0.52, 0.55], 5.0, 5),
        ([1.0, 0.8, 0.5, 0.52, 0.55], 3.0, 4),
        ([1.0, 0.8, 0.5, 0.52, 0.55], 11.0, None),
        # Greater than, not at least: GL is 25 exactly.
        ([4.0, 5.0, 5.5], 25.0, 3),
        # Of the smallest loss so far, not of the last one.
        ([1.0, 1.04, 1.08, 1.12], 5.0, 3),
        # Losses that fall never fire; nor does a plateau.
        ([3.0, 2.0, 1.0, 0.5, 0.5, 0.5], 1e-9, None),
        # At a loss of zero any other is infinitely worse.
        ([1.0, 0.0, 0.0, 1e-12], 5.0, 4),
    ],
)
def test_generalization_loss(losses, threshold, epoch):
    assert first_stop(GeneralizationLoss(threshold), losses) == epoch


@pytest.mark.parametrize(
    "validation, training, threshold, strip_length, epoch",
    [
        # Strips of 2. P = 1000 (1.5 / (2 * 0.5) - 1) = 500, then 1000 (0.9 / 0.8 - 1)
        # = 125, then 0; GL = 10, 20, 20: quotients 0.02, 0.16, infinite.
        ([1, 1.1, 1.1, 1.2, 1.2, 1.2], [1, 0.5, 0.5, 0.4, 0.4, 0.4], 0.1, 2, 4),
        ([1, 1.1, 1.1, 1.2, 1.2, 1.2], [1, 0.5, 0.5, 0.4, 0.4, 0.4], 0.2, 2, 6),
        ([1, 1.1, 1.1, 1.2, 1.2, 1.2], [1, 0.5, 0.5, 0.4, 0.4, 0.4], 0.01, 2, 2),
        # Only at the end of a strip: GL is 100 in the middle of the second.
        ([1, 1, 1, 2, 1, 1], [1] * 6, 1.0, 3, None),
        ([1, 1, 1, 2, 1, 2], [1] * 6, 1.0, 3, 6),
        # The smallest training loss of the strip need not be its last:
        # P = 1000 (6 / (3 * 1) - 1) = 1000, GL = 50.
        ([1, 1, 1.5], [3, 1, 2], 0.049, 3, 3),
        ([1, 1, 1.5], [3, 1, 2], 0.051, 3, None),
        # No progress and no loss is no reason; nor is training that has ended at 0.
        ([1, 1, 1, 1], [1, 1, 1, 1], 1.0, 2, None),
        ([1, 1, 1, 1], [0, 0, 0, 0], 1.0, 2, None),
        ([1, 1, 1, 2], [0, 0, 0, 0], 1.0, 2, 4),
    ],
)
def test_progress_quotient(validation, training, threshold, strip_length, epoch):
    criterion = ProgressQuotient(threshold, strip_length)
    assert first_stop(criterion, validation, training) == epoch


@pytest.mark.parametrize(
    "losses, n_strips, strip_length, epoch",
    [
        # One strip of one epoch: as soon as the validation error rises.
        ([3, 2, 1, 1.1], 1, 1, 4),
        ([3, 2, 2, 2], 1, 1, None),
        ([3, 4], 1, 1, 2),
        # Ends of strips of two: 2, 3, 4 and 2, 3, 1, 2, 3.
        ([9, 2, 9, 3, 9, 4], 2, 2, 6),
        ([9, 2, 9, 3, 9, 1, 9, 2, 9, 3], 2, 2, 10),
        # The first strip has nothing to be compared with.
        ([1, 2, 3, 4, 5], 1, 5, None),
        # In a row: one fall begins the count anew.
        ([1, 2, 3, 2, 3, 4, 5], 3, 1, 7),
    ],
)
def test_successive_increases(losses, n_strips, strip_length, epoch):
    assert first_stop(SuccessiveIncreases(n_strips, strip_length), losses) == epoch


def test_what_each_criterion_looks_at():
    falling, rising = [3.0, 2.0, 1.0, 0.5], [1.0, 2.0, 3.0, 4.0]
    # The score falls while the validation loss falls too.
    scores = [0.9, 0.8, 0.7, 0.6]
    assert first_stop(SuccessiveIncreases(1, 1), falling, scores=scores) == 2
    assert first_stop(GeneralizationLoss(5), falling, scores=scores) is None
    # And the other way round.
    scores = [0.6, 0.7, 0.8, 0.9]
    assert first_stop(SuccessiveIncreases(1, 1), rising, scores=scores) is None
    assert first_stop(GeneralizationLoss(5), rising, scores=scores) == 2


@pytest.mark.parametrize(
    "criterion, losses",
    [
        (GeneralizationLoss(5), [1.0, 2.0]),
        (ProgressQuotient(1.0, 2), [1.0, 2.0]),
        (SuccessiveIncreases(1, 1), [1.0, 2.0]),
    ],
)
def test_a_reset_forgets_what_was_seen(criterion, losses):
    assert first_stop(criterion, losses) == 2
    criterion.reset_count()
    assert not criterion.update(-3.0, 1.0, 3.0)
    criterion.reset_count()
    assert first_stop(criterion, losses) == 2


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: GeneralizationLoss(0), "threshold=0"),
        (lambda: ProgressQuotient(strip_length=0), "strip_length=0"),
        (lambda: ProgressQuotient(threshold=-1), "threshold=-1"),
        (lambda: SuccessiveIncreases(n_strips=0), "n_strips=0"),
        (lambda: GeneralizationLoss().set_params(thresh=1), "thresh"),
    ],
)
def test_bad_parameters_are_named(make, name):
    with pytest.raises(ValueError, match=name):
        make()


# -- the record of epochs --------------------------------------------------------------


def params(value):
    return np.full(3, float(value))


def test_without_validation_the_last_parameters_are_kept():
    progress = Progress(Patience(1, 0.1))
    row = params(1)
    assert progress.end_epoch(row, 5.0, 4.0) is None
    row[...] = 2  # the optimizer goes on in place
    np.testing.assert_array_equal(progress.kept, params(1))
    assert progress.end_epoch(row, 6.0, 5.5) is None
    assert progress.end_epoch(row, 7.0, 6.0) is StopReason.NO_IMPROVEMENT
    np.testing.assert_array_equal(progress.kept, params(2))
    assert progress.curves.loss == [5.0, 6.0, 7.0]
    assert progress.curves.data_loss == [4.0, 5.5, 6.0]
    assert progress.best_iter is None and progress.n_epochs == 3


def test_without_validation_patience_is_with_the_objective():
    # What the data's loss gains the penalty takes, or gives.
    worse, better = Progress(Patience(1, 0.0)), Progress(Patience(1, 0.0))
    reasons = [
        (worse.end_epoch(params(k), 5.0 + k, 4.0 - k), better.end_epoch(*args))
        for k, args in enumerate((params(k), 5.0 - k, 4.0 + k) for k in range(3))
    ]
    assert reasons == [(None, None), (None, None), (StopReason.NO_IMPROVEMENT, None)]
    assert (worse.best_score, better.best_score) == (-5.0, -3.0)


def test_with_validation_the_best_parameters_are_kept():
    progress = Progress(Patience(1, 0.0))
    # An improvement below tol moves the best; an equal score does not.
    scores = [0.1, 0.5, 0.5, 0.4, 0.3]
    reasons = []
    for epoch, score in enumerate(scores, start=1):
        row = params(epoch)
        reasons.append(progress.end_epoch(row, -epoch, -epoch, (score, 1 - score)))
        row[...] = np.nan
    assert reasons == [None, None, None, None, StopReason.NO_IMPROVEMENT]
    np.testing.assert_array_equal(progress.kept, params(2))
    assert progress.best_iter == 2 and progress.best_score == 0.5
    assert progress.curves.validation_scores == scores
    assert progress.curves.validation_loss == [1 - score for score in scores]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["loss", "score", "params"])
def test_what_is_not_finite_ends_training_and_is_not_kept(where, bad):
    progress = Progress(Patience(5, 0.0))
    assert progress.end_epoch(params(1), 1.0, 1.0, (0.5, 0.5)) is None
    row, loss, score = params(2), 1.0, 0.9
    if where == "loss":
        loss = bad
    elif where == "score":
        score = bad
    else:
        row[1] = bad
    reason = progress.end_epoch(row, loss, loss, (score, 0.1))
    assert reason is StopReason.DIVERGED
    np.testing.assert_array_equal(progress.kept, params(1))
    assert progress.best_iter == 1 and progress.best_score == 0.5
    if where == "score":
        assert np.isnan(progress.curves.validation_scores[1])


def test_curves_hold_python_floats():
    progress = Progress(Patience(5, 0.0))
    one = np.float32(1)
    progress.end_epoch(params(1), one, one, (one, one))
    curves = progress.curves
    for curve in (
        curves.loss,
        curves.data_loss,
        curves.validation_loss,
        curves.validation_scores,
    ):
        assert [type(value) for value in curve] == [float]
    assert type(curves.lowest_loss) is float
    assert type(progress.best_score) is float


def test_going_on_leaves_the_earlier_record_as_it_was():
    earlier = Progress(Patience(1, 0.0))
    earlier.end_epoch(params(1), 1.0, 1.0, (0.5, 0.5))
    earlier.end_epoch(params(2), 1.0, 1.0, (0.4, 0.5))
    curves = earlier.curves.copy()
    later = Progress(Patience(7, 7.0), curves)
    later.continue_from(earlier)
    assert later.n_epochs == 0
    # The criterion goes on too: one more epoch without improvement ends it.
    reason = later.end_epoch(params(3), 1.0, 1.0, (0.3, 0.5))
    assert reason is StopReason.NO_IMPROVEMENT
    np.testing.assert_array_equal(later.kept, params(1))
    assert earlier.criterion.n_without_improvement == 1
    assert len(earlier.curves.loss) == 2 and len(later.curves.loss) == 3
    later.end_epoch(params(4), 1.0, 1.0, (0.9, 0.5))
    assert later.best_iter == 4
    np.testing.assert_array_equal(earlier.kept, params(1))


def test_curves_that_go_on_count_from_the_first_epoch_on():
    earlier = Curves(unit=2.0)
    for loss, score in ((0.5, 0.1), (0.25, 0.2), (1.0, 0.3)):
        earlier.append(loss, loss / 2)
        earlier.append_validation(score, loss)
    progress = Progress(Patience(np.inf, 0.0), Curves.after(earlier))
    for k, score in enumerate((0.4, 0.6, 0.5)):
        progress.end_epoch(params(k), 2.0, 1.0, (score, 3.0))
    curves = progress.curves
    assert progress.best_iter == 5 and progress.n_epochs == 3
    assert curves.n_validated == 6 and curves.lowest_loss == 0.5
    whole = curves.copy()
    curves.join()
    for joined in (whole, curves):
        assert joined.loss == [1.0, 0.5, 2.0, 4.0, 4.0, 4.0]
        assert joined.data_loss == [0.5, 0.25, 1.0, 2.0, 2.0, 2.0]
        assert joined.validation_loss == [1.0, 0.5, 2.0, 6.0, 6.0, 6.0]
        assert joined.validation_scores == [0.1, 0.2, 0.3, 0.4, 0.6, 0.5]
        assert joined.lowest_loss == 0.5 and joined.n_validated == 6
        joined.append(0.1, 0.1)
        assert joined.loss[-1] == joined.data_loss[-1] == joined.lowest_loss == 0.2


def test_reasons_are_the_strings_users_see():
    assert str(StopReason.NO_IMPROVEMENT) == "no_improvement"
    assert StopReason.LEARNING_RATE == "learning_rate_too_small"


# -- in training --------------------------------------------------------------------


def make_problem(n_rows=60):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_rows, 3))
    return X, X[:, :1] + rng.normal(size=(n_rows, 1))


def train_one(settings=None, patience=None, **hyper_parameters):
    X, Y = make_problem()
    network = Network((3, 8, 1), "relu", SquaredError())
    random_state = np.random.RandomState(0)
    model = Model(
        network.initialize(random_state, float),
        Stream(np.arange(40), random_state),
        Progress(patience or Patience(np.inf, 0.0)),
        **hyper_parameters,
    )
    settings = settings or Settings("adam", batch_size=10)
    (result,) = train(network, [model], X, Y, settings)
    return network, X, Y, result


def test_training_keeps_the_parameters_of_the_best_validation_score():
    X, Y = make_problem()
    seen = []

    def score(params):
        coefs, intercepts = network.unpack(params)
        hidden = np.maximum(X[40:] @ coefs[0] + intercepts[0], 0)
        residual = hidden @ coefs[1] + intercepts[1] - Y[40:]
        seen.append(params.copy())
        return -np.mean(residual**2)

    network = Network((3, 8, 1), "relu", SquaredError())
    _, _, _, result = train_one(
        patience=Patience(5, 0.0),
        holdout=Holdout(X, Y, np.arange(40, 60)),
        score=score,
        learning_rate_init=0.1,
    )
    progress, scores = result.progress, result.progress.curves.validation_scores
    assert result.stop_reason is StopReason.NO_IMPROVEMENT
    assert progress.best_iter == 1 + int(np.argmax(scores)) < len(scores)
    np.testing.assert_array_equal(progress.kept, seen[progress.best_iter - 1])
    np.testing.assert_array_equal(result.params, seen[-1])
    # The loss of the same rows is half of what the scorer says.
    np.testing.assert_allclose(progress.curves.validation_loss, -np.array(scores) / 2)


def test_training_scores_by_the_loss_over_its_unit():
    X, Y = make_problem()
    weight = np.random.default_rng(2).uniform(size=20)
    network, _, _, result = train_one(
        holdout=Holdout(X, Y, np.arange(40, 60), weight, unit=4.0), max_iter=3
    )
    curves = result.progress.curves
    np.testing.assert_allclose(
        curves.validation_scores, -np.array(curves.validation_loss) / 4
    )
    coefs, intercepts = network.unpack(result.params)
    hidden = np.maximum(X[40:] @ coefs[0] + intercepts[0], 0)
    residual = (hidden @ coefs[1] + intercepts[1] - Y[40:])[:, 0]
    np.testing.assert_allclose(
        curves.validation_loss[-1], np.average(residual**2, weights=weight) / 2
    )


def test_adaptive_rates_fall_to_their_smallest_and_end_training():
    settings = Settings("sgd", batch_size=10, learning_rate="adaptive")
    result = train_one(
        settings,
        # Nothing is ever an improvement: the rate falls after every second epoch.
        patience=Patience(1, 1e9),
        learning_rate_init=0.1,
    )[-1]
    assert result.stop_reason is StopReason.LEARNING_RATE
    # 0.1 / 5^8 is the first below 1e-6; the epoch that finds it so is the last.
    np.testing.assert_allclose(result.optimizer_state["learning_rate"], 0.1 / 5**8)
    # The first epoch improves on nothing at all, from minus infinity.
    assert result.progress.n_epochs == 1 + 2 * 9


def test_inverse_scaling_counts_the_rows_seen():
    settings = Settings("sgd", batch_size=10, learning_rate="invscaling")
    result = train_one(settings, learning_rate_init=0.1, power_t=0.3, max_iter=4)[-1]
    assert result.n_samples_seen == 4 * 40
    np.testing.assert_allclose(
        result.optimizer_state["learning_rate"], 0.1 / (4 * 40 + 1) ** 0.3
    )
    assert result.stop_reason is StopReason.MAX_ITER


def test_a_report_can_end_training():
    X, Y = make_problem()
    network = Network((3, 1), "relu", SquaredError())
    models = [
        Model(np.zeros(4), Stream(np.arange(60), np.random.RandomState(k)), progress)
        for k, progress in enumerate(Progress(Patience(np.inf, 0)) for _ in range(3))
    ]
    calls = []

    def report(index, progress):
        calls.append((index, progress.n_epochs))
        if (index, progress.n_epochs) in [(1, 1), (0, 3), (2, 2)]:
            return StopReason.CONVERGED
        return None

    results = train(network, models, X, Y, Settings("adam", 20), report=report)
    assert [result.progress.n_epochs for result in results] == [3, 1, 2]
    assert {result.stop_reason for result in results} == {StopReason.CONVERGED}
    assert calls == [(0, 1), (1, 1), (2, 1), (0, 2), (2, 2), (0, 3)]


def test_an_interrupt_propagates_or_ends_training_with_what_there_is():
    X, Y = make_problem()
    network = Network((3, 1), "relu", SquaredError())

    def run(keep_interrupted):
        models = [
            Model(
                np.zeros(4),
                Stream(np.arange(60), np.random.RandomState(k)),
                Progress(Patience(np.inf, 0)),
            )
            for k in range(2)
        ]

        def report(index, progress):
            if progress.n_epochs == 3:
                raise KeyboardInterrupt

        return train(
            network,
            models,
            X,
            Y,
            Settings("adam", 20),
            report=report,
            keep_interrupted=keep_interrupted,
        )

    with pytest.raises(KeyboardInterrupt):
        run(False)
    for result in run(True):
        assert result.stop_reason is StopReason.INTERRUPTED
        assert result.progress.n_epochs == 3
        np.testing.assert_array_equal(result.progress.kept, result.params)
