"""The diagnosis: verdicts from numbers, remedies from measurements, words from both."""

import warnings
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from helpers import LOSSES
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import TruncatedSVD
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skreg import MLPClassifier, MLPRegressor
from skreg._utils.wrappers import find_model, replace_model
from skreg.augmentation import GaussianNoise
from skreg.diagnosis import Diagnosis, Remedy, _diagnose, diagnose
from skreg.diagnosis._diagnose import _beats, _ranked, _remedies_of
from skreg.diagnosis._evaluation import Evaluation, make_error
from skreg.diagnosis._references import references_for
from skreg.diagnosis._remedies import changes_for
from skreg.diagnosis._report import is_cut_short
from skreg.diagnosis._verdict import Verdict, judge


def rings(n_samples, seed=0, n_noise=0):
    """Two classes, one around the other."""
    rng = np.random.RandomState(seed)
    y = rng.randint(2, size=n_samples)
    angle = rng.uniform(0, 2 * np.pi, size=n_samples)
    radius = 1 + 1.2 * y + 0.15 * rng.normal(size=n_samples)
    X = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return np.hstack([X, rng.normal(size=(n_samples, n_noise))]), y


def quick(**params):
    """A network that learns the rings in a fraction of a second."""
    defaults = dict(
        hidden_layer_sizes=(16,),
        learning_rate_init=0.02,
        batch_size=30,
        max_iter=40,
        random_state=0,
    )
    return MLPClassifier(**{**defaults, **params})


# -- verdicts from numbers -------------------------------------------------------------


@pytest.mark.parametrize(
    "train, validation, reference, verdict",
    [
        (0.30, 0.32, 0.05, "high bias"),
        (0.00, 0.20, 0.05, "high variance"),
        (0.12, 0.22, 0.04, "high bias and high variance"),
        # A fifth of what is avoidable is too little to be named, on either side.
        (0.08, 0.24, 0.04, "high variance"),
        (0.20, 0.24, 0.04, "high bias"),
        # A gap that nothing reduces, small or a large part of the constant's error.
        (0.00, 0.06, 0.06, "neither"),
        (0.00, 0.20, 0.20, "high variance"),
        # Large against the error, but next to nothing of what can be learned.
        (0.00, 0.02, 0.012, "neither"),
        # A tenth of the error: not worth a change.
        (0.28, 0.30, 0.27, "neither"),
    ],
)
def test_verdict(train, validation, reference, verdict):
    errors = dict(avoidable_se=0.002, gap_se=0.002)
    judged = judge(train, validation, reference, 0.5, **errors)
    assert judged.name == verdict
    assert judged.avoidable == pytest.approx(validation - reference)
    assert judged.names("bias") == ("bias" in verdict)
    assert judged.names("variance") == ("variance" in verdict)


def test_what_is_not_sure_is_inconclusive():
    numbers = dict(train=0.30, validation=0.32, reference=0.05, baseline=0.5)
    assert judge(**numbers, avoidable_se=0.1, gap_se=0.1).name == "high bias"
    assert judge(**numbers, avoidable_se=0.2, gap_se=0.1).name == "inconclusive"
    # A wide gap needs to be sure, too.
    numbers = dict(train=0.0, validation=0.20, reference=0.19, baseline=0.5)
    assert judge(**numbers, avoidable_se=0.1, gap_se=0.05).name == "high variance"
    assert judge(**numbers, avoidable_se=0.1, gap_se=0.15).name == "neither"
    # Where nothing beats the constant there is no telling.
    numbers = dict(train=0.48, validation=0.5, reference=0.48, baseline=0.49)
    assert judge(**numbers, avoidable_se=0.05, gap_se=0.05).name == "inconclusive"


def test_what_is_better_than_the_reference_has_learned_something():
    # The constant is better than this reference, but not than the estimator.
    numbers = dict(train=0.08, validation=0.10, reference=0.30, baseline=0.25)
    assert judge(**numbers, avoidable_se=0.01, gap_se=0.01).name == "neither"


def test_where_both_parts_are_large_the_changes_decide():
    numbers = (0.12, 0.22, 0.04, 0.8, 0.002, 0.002)
    assert judge(*numbers, {"bias"}).name == "high bias"
    assert judge(*numbers, {"variance"}).name == "high variance"
    both = "high bias and high variance"
    assert judge(*numbers, {"bias", "variance"}).name == judge(*numbers).name == both


def test_when_training_was_cut_short():
    assert is_cut_short(["max_iter", "max_iter", "no_improvement"])
    assert is_cut_short(["max_iter", "converged"])
    assert not is_cut_short(["max_iter", "no_improvement", "no_improvement"])
    assert not is_cut_short([])


# -- what can be changed ---------------------------------------------------------------


def settings_of(estimator, aim, cut_short=False):
    return [
        change.params
        for change in changes_for(estimator, cut_short)
        if change.aim == aim
    ]


def test_changes_of_a_network():
    network = MLPClassifier((20, 10), alpha=0.01, max_iter=60)
    bias = settings_of(network, "bias", cut_short=True)
    variance = settings_of(network, "variance")
    assert {"max_iter": 120} in bias and {"max_iter": 240} in bias
    assert {"learning_rate_init": 0.005} in bias
    assert {"hidden_layer_sizes": (80, 40)} in bias
    assert {"hidden_layer_sizes": (20, 10, 10)} in bias
    assert {"alpha": 0.001} in bias
    assert {"alpha": 0.1} in variance
    assert {"alpha": 0.01, "l1_ratio": 1.0} in variance
    assert {"dropout": 0.5} in variance
    assert {"early_stopping": True} in variance
    assert {"hidden_layer_sizes": (5, 2)} in variance
    kinds = [type(s["augmentation"]).__name__ for s in variance if "augmentation" in s]
    assert kinds == ["GaussianNoise", "Mixup"]
    for settings in bias + variance:
        network.set_params(**settings)._validate_params()


def test_training_longer_is_for_training_that_was_cut_short():
    for network in (MLPClassifier(), MLPClassifier(early_stopping=True), SVC()):
        for settings in settings_of(network, "bias", cut_short=False):
            assert not {"max_iter", "learning_rate_init"} & set(settings)


def test_only_changes_that_change_something():
    network = MLPClassifier(early_stopping=True, dropout=0.5, augmentation=None)
    variance = settings_of(network, "variance")
    assert {"early_stopping": True} not in variance
    assert not any("dropout" in settings for settings in variance)
    assert {"dropout": 0.0} in settings_of(network, "bias")
    network.set_params(augmentation=GaussianNoise(), dropout=0.0)
    assert {"augmentation": None} in settings_of(network, "bias")
    assert {"dropout": 0.0} not in settings_of(network, "bias")
    plain = MLPClassifier(alpha=0.0, hidden_layer_sizes=())
    assert not any("alpha" in settings for settings in settings_of(plain, "bias"))
    assert {"hidden_layer_sizes": (100,)} in settings_of(plain, "bias")
    stump = DecisionTreeClassifier(max_depth=1)
    assert not any("max_depth" in each for each in settings_of(stump, "variance"))


@pytest.mark.parametrize(
    "sizes, changed",
    [
        (7, [(28,), (100,), (7, 7)]),
        ((8,), [(32,), (100,), (8, 8), (2,)]),
        ((25,), [(100,), (25, 25), (6,)]),
        ((63, 5), [(252, 20), (63, 5, 5), (15, 2)]),
        ((64,), [(128,), (64, 64), (16,)]),
    ],
)
def test_sizes_that_are_tried(sizes, changed):
    changes = changes_for(MLPClassifier(sizes), cut_short=False)
    tried = [each.params.get("hidden_layer_sizes") for each in changes]
    assert [each for each in tried if each] == changed
    aims = {each.aim for each in changes if each.params == {"alpha": 1e-3}}
    assert aims == {"variance"}


@pytest.mark.parametrize(
    "max_iter, longer",
    [(10, [20, 80, 320]), (11, [22, 88]), (50, [100, 400]), (51, [102, 204])],
)
def test_how_much_longer_training_is_tried(max_iter, longer):
    bias = settings_of(MLPClassifier(max_iter=max_iter), "bias", cut_short=True)
    assert [each["max_iter"] for each in bias if "max_iter" in each] == longer


def test_penalties_go_where_they_are_aimed():
    network = MLPClassifier(alpha=0.01, feature_alpha=0.5)
    assert {"feature_alpha": 0.05} in settings_of(network, "bias")
    assert {"alpha": 0.01, "l1_ratio": 1.0} in settings_of(network, "variance")
    # Averages have no zeros.
    network.set_params(weight_averaging=0.9)
    assert not any("l1_ratio" in each for each in settings_of(network, "variance"))


@pytest.mark.parametrize(
    "alpha, stronger", [(0.0, [1e-3, 1e-2, 1e-1]), (0.1, [1, 10]), (2.0, [])]
)
def test_penalties_are_tried_as_far_as_something_is_learned(alpha, stronger):
    variance = settings_of(MLPClassifier(alpha=alpha), "variance")
    tried = [each["alpha"] for each in variance if set(each) == {"alpha"}]
    assert tried == pytest.approx(stronger)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_target_is_to_be_scaled_if_its_loss_can_be(loss):
    # Counts have no other unit.
    can_be = loss != "poisson"
    network = MLPRegressor((2,), loss=loss)
    assert ({"normalize_y": True} in settings_of(network, "bias")) == can_be
    if not can_be:
        with pytest.raises(ValueError, match="normalize_y"):
            network.set_params(normalize_y=True).fit([[0.0], [1.0]], [1.0, 2.0])


@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_full_batch_solvers_know_no_dropout(solver):
    variance = settings_of(MLPClassifier(solver=solver), "variance")
    assert not any({"dropout", "augmentation"} & set(each) for each in variance)


def test_changes_of_other_estimators():
    theirs = settings_of(ScikitLearnMLP(), "variance", cut_short=True)
    assert {"alpha": 0.001} in theirs and {"early_stopping": True} in theirs
    assert not any({"dropout", "l1_ratio"} & set(settings) for settings in theirs)
    assert {"C": 0.1} in settings_of(LogisticRegression(), "variance")
    assert {"C": 10.0} in settings_of(SVC(), "bias")
    assert {"min_samples_leaf": 5} in settings_of(DecisionTreeClassifier(), "variance")
    assert {"max_depth": 6} in settings_of(DecisionTreeClassifier(max_depth=2), "bias")
    assert {"n_neighbors": 15} in settings_of(KNeighborsRegressor(), "variance")
    assert changes_for(LinearRegression(), cut_short=False) == []


def test_models_inside_others():
    pipeline = make_pipeline(StandardScaler(), quick())
    assert {"mlpclassifier__alpha": 0.001} in settings_of(pipeline, "variance")
    nested = TransformedTargetRegressor(make_pipeline(StandardScaler(), Ridge()))
    prefix, model = find_model(nested)
    assert prefix == "regressor__ridge__" and isinstance(model, Ridge)
    replaced = replace_model(nested, KNeighborsRegressor())
    assert isinstance(find_model(replaced)[1], KNeighborsRegressor)
    assert isinstance(find_model(nested)[1], Ridge)


@pytest.mark.parametrize("model", [LogisticRegression(), Ridge()])
def test_references_come_after_the_steps_of_the_estimator(model):
    steps = make_pipeline(OneHotEncoder(), TruncatedSVD(2), model)
    references = references_for(steps, 100, is_sparse=False, seed=3)
    assert len({name for name, _ in references}) == len(references) == 4
    for _, reference in references:
        kinds = [type(step) for step in reference[:-1]]
        assert kinds == [OneHotEncoder, TruncatedSVD]
        assert is_classifier(reference) == is_classifier(model)
    for _, reference in references[:3]:
        (seed,) = (
            value
            for name, value in reference[-1].get_params().items()
            if name.endswith("random_state")
        )
        assert seed == 3


# -- which changes are remedies --------------------------------------------------------


def remedy(aim, cause, change, change_se=0.01):
    return Remedy({}, aim, cause, 0.1, 0.2, change, change_se)


def test_remedies_are_sure_and_aimed_at_the_verdict():
    bias, variance = remedy("bias", "too small", -0.1), remedy("variance", "", -0.2)
    unsure = remedy("bias", "too small", -0.1, change_se=0.11)
    verdicts = {"high bias": [bias], "high variance": [variance]}
    verdicts |= {"high bias and high variance": [variance, bias]}
    verdicts |= {"neither": [], "inconclusive": []}
    for name, expected in verdicts.items():
        verdict = Verdict(name, 0.1, 0.01, 0.5)
        assert _remedies_of(verdict, [variance, bias, unsure]) == expected


@pytest.mark.parametrize("noise, is_better", [(0.02, True), (0.2, False)])
def test_a_constant_is_beaten_by_two_standard_errors(noise, is_better):
    differences = 0.1 + noise * np.array([-1, 0, 1])
    baseline = Evaluation(np.full(3, 0.5), np.full(3, 0.5), [])
    measure = SimpleNamespace(se=lambda each: np.std(each, ddof=1) / np.sqrt(3))
    assert _beats(0.5 - differences, baseline, measure) == is_better
    assert not _beats(0.5 + differences, baseline, measure)
    assert not _beats(np.array([0.1, np.nan, 0.1]), baseline, measure)


@pytest.mark.parametrize("gain, is_first", [(0.06, True), (0.04, False)])
def test_first_finish_training(gain, is_first):
    wider = remedy("bias", "too small", -0.1)
    longer = remedy("bias", "trained too little", -gain)
    worse = remedy("variance", "", 0.1)
    ranked = [each for each, _ in _ranked([(worse, 0), (longer, 0), (wider, 0)])]
    assert ranked == ([longer, wider, worse] if is_first else [wider, longer, worse])


# -- planted faults --------------------------------------------------------------------


@pytest.fixture(scope="module")
def too_small():
    X, y = rings(150)
    network = quick(hidden_layer_sizes=(1,), n_iter_no_change=3)
    network.set_params(tol=1e-3, max_iter=200)
    return network, X, y, diagnose(network, X, y, cv=3, random_state=0)


@pytest.fixture(scope="module")
def too_short():
    X, y = rings(150)
    network = quick(max_iter=2, learning_rate_init=0.005)
    return network, X, y, diagnose(network, X, y, cv=3, random_state=0)


@pytest.fixture(scope="module")
def too_flexible():
    X, y = rings(60, n_noise=20)
    flipped = np.random.RandomState(1).rand(60) < 0.2
    network = quick(hidden_layer_sizes=(60,), alpha=0.0)
    y = np.where(flipped, 1 - y, y)
    return network, X, y, diagnose(network, X, y, cv=3, random_state=0)


def test_too_small(too_small):
    network, X, y, diagnosis = too_small
    assert diagnosis.verdict == "high bias"
    assert diagnosis.cause == "too small"
    assert "hidden_layer_sizes" in diagnosis.remedies[0].params
    assert "max_iter" not in diagnosis.stop_reasons
    assert not any("max_iter" in remedy.params for remedy in diagnosis.tried)
    assert "max_iter" not in str(diagnosis)
    assert diagnosis.reference_error < 0.1 < diagnosis.train_error
    assert diagnosis.baseline_error == pytest.approx(0.5, abs=0.1)


def test_too_short(too_short):
    network, X, y, diagnosis = too_short
    assert diagnosis.verdict == "high bias"
    assert diagnosis.cause == "trained too little"
    assert diagnosis.stop_reasons == {"max_iter": 3}
    assert diagnosis.evidence[0].startswith("max_iter ended training in 3 of 3 folds")
    text = str(diagnosis)
    assert text.index("max_iter ended training") < text.index("validation error")


def test_the_end_of_a_schedule_is_no_unfinished_training(too_short):
    network, X, y, _ = too_short
    falling = clone(network).set_params(learning_rate="cosine")
    diagnosis = diagnose(falling, X, y, cv=3, random_state=0)
    assert diagnosis.stop_reasons == {"end_of_schedule": 3}
    assert "max_iter ended training" not in str(diagnosis)
    # A longer schedule may be better all the same.
    assert any("max_iter" in remedy.params for remedy in diagnosis.tried)


def test_over_penalized():
    X, y = rings(150)
    diagnosis = diagnose(quick(alpha=0.3), X, y, cv=3, random_state=0)
    assert diagnosis.verdict == "high bias"
    assert diagnosis.cause == "penalized too much"
    assert diagnosis.remedies[0].params["alpha"] < 0.3


def test_too_flexible(too_flexible):
    network, X, y, diagnosis = too_flexible
    assert diagnosis.verdict == "high variance"
    assert diagnosis.train_error == 0
    assert diagnosis.bias_share == 0
    assert all(r.change < -r.change_se for r in diagnosis.remedies)
    assert {r.aim for r in diagnosis.remedies} <= {"variance"}
    assert {r.aim for r in diagnosis.tried} == {"bias", "variance"}


def test_fine_as_it_is():
    X, y = rings(150)
    diagnosis = diagnose(quick(), X, y, cv=3, random_state=0)
    assert diagnosis.verdict == "neither"
    assert diagnosis.cause is None and diagnosis.remedies == []
    assert diagnosis.tried
    assert "Best of what was tried" in str(diagnosis)


# -- the numbers are those of cross-validation -----------------------------------------


def test_errors_are_those_of_cross_validation(too_flexible):
    network, X, y, diagnosis = too_flexible

    def by_hand(**params):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = cross_validate(
                clone(network).set_params(**params),
                X,
                y,
                cv=3,
                return_train_score=True,
            )
        return 1 - scores["train_score"], 1 - scores["test_score"]

    train, validation = by_hand()
    assert diagnosis.train_error == pytest.approx(train.mean())
    assert diagnosis.validation_error == pytest.approx(validation.mean())
    assert diagnosis.gap == pytest.approx((validation - train).mean())
    error = validation.std(ddof=1) / np.sqrt(3)
    assert diagnosis.validation_error_se == pytest.approx(error)
    assert diagnosis.learning_curve["n_rows"] == [10, 20, 40]
    assert diagnosis.learning_curve["validation_error"][-1] == validation.mean()
    changes = [remedy.change for remedy in diagnosis.tried]
    assert changes == sorted(changes)
    for wanted in ("dropout", "early_stopping", "augmentation"):
        remedy = next(each for each in diagnosis.tried if wanted in each.params)
        # With dropout or augmentation, too, errors are those of clean rows.
        train, changed = by_hand(**remedy.params)
        differences = changed - validation
        assert remedy.train_error == pytest.approx(train.mean())
        assert remedy.validation_error == pytest.approx(changed.mean())
        assert remedy.change == pytest.approx(differences.mean())
        factor = np.sqrt(1 / 3 + 20 / 40)
        assert remedy.change_se == pytest.approx(differences.std(ddof=1) * factor)


def test_the_reference_is_the_best_of_all(too_small):
    *_, diagnosis = too_small
    least = min(remedy.validation_error for remedy in diagnosis.tried)
    assert diagnosis.reference_error <= least
    assert diagnosis.avoidable_error == pytest.approx(
        diagnosis.validation_error - diagnosis.reference_error
    )
    assert "this estimator with" in diagnosis.reference or "network" in (
        diagnosis.reference
    )


def test_a_target_error_replaces_the_references(too_small):
    network, X, y, found = too_small
    options = dict(cv=3, random_state=0)
    easy = diagnose(network, X, y, target_error=found.validation_error, **options)
    assert easy.verdict == "neither"
    assert easy.reference == "target_error" and easy.remedies == []
    assert easy.validation_error == found.validation_error
    hard = diagnose(network, X, y, target_error=0.0, **options)
    assert hard.verdict == "high bias"
    assert hard.avoidable_error == hard.validation_error


@pytest.fixture
def judged(monkeypatch):
    """The arguments of each verdict."""
    calls = []

    def recorded(*numbers, **errors):
        calls.append(errors)
        return judge(*numbers, **errors)

    monkeypatch.setattr(_diagnose, "judge", recorded)
    return calls


def test_a_verdict_rests_on_the_errors_of_differences_on_the_same_folds(judged):
    X, y = regression()
    tree = DecisionTreeRegressor(max_depth=3, random_state=0)
    found = diagnose(tree, X, y, cv=KFold(3), target_error=0.1)
    scores = cross_validate(tree, X, y, cv=KFold(3), return_train_score=True)
    differences = scores["train_score"] - scores["test_score"]
    (errors,) = judged
    assert errors["gap_se"] == pytest.approx(differences.std(ddof=1) / np.sqrt(3))
    # The training sets of folds overlap.
    expected = scores["test_score"].std(ddof=1) * np.sqrt(1 / 3 + 30 / 60)
    assert errors["avoidable_se"] == pytest.approx(expected)
    assert found.avoidable_error_se == errors["avoidable_se"]
    # Nothing that was tried is as good as what was asked for.
    assert found.reference_error == 0.1 < found.tried[0].validation_error
    assert found.avoidable_error == pytest.approx(found.validation_error - 0.1)


def test_a_model_whose_score_fails_is_no_reference():
    def score(estimator, X, y):
        if not isinstance(estimator, scored):
            raise ValueError("It has no score.")
        return estimator.score(X, y)

    scored = Ridge, DummyRegressor
    found = diagnose(Ridge(), *regression(), cv=KFold(3), scoring=score)
    assert found.tried and "this estimator" in found.reference
    scored = DummyRegressor
    with pytest.raises(ValueError, match="It has no score"):
        diagnose(Ridge(), *regression(), cv=KFold(3), scoring=score)


def test_the_error_of_what_is_avoidable_is_that_of_the_best_change(monkeypatch):
    monkeypatch.setattr(_diagnose, "references_for", lambda *args: [])
    X, y = regression()
    forest = DecisionTreeRegressor(max_depth=1, random_state=0)
    found = diagnose(forest, X, y, cv=KFold(3))
    best = found.tried[0]
    assert found.reference == f"this estimator with {best}"
    assert found.reference_error == best.validation_error
    assert found.avoidable_error_se == pytest.approx(best.change_se)


def test_changes_decide_only_if_they_helped_by_two_standard_errors(judged):
    X, y = regression()
    for model, helpful in (
        (DecisionTreeRegressor(max_depth=1, random_state=0), set()),
        (KNeighborsRegressor(12), {"bias"}),
    ):
        found = diagnose(model, X, y, cv=KFold(3), target_error=0.1)
        gains = [(-each.change / each.change_se, each.aim) for each in found.tried]
        assert judged.pop()["helpful"] == helpful
        assert {aim for gain, aim in gains if gain > 2} == helpful
        # All that helped did so by more than one.
        assert all(gain > 1 for gain, _ in gains if gain > 0)


class Memory(DummyClassifier):
    """Keeps the rows that it is fitted on, and those that it is scored on."""

    fitted_on, scored_on = [], []

    def fit(self, X, y):
        Memory.fitted_on.append(X[:, 0])
        return super().fit(X, y)

    def score(self, X, y):
        Memory.scored_on.append(X[:, 0].tolist())
        return super().score(X, y)


def test_the_rows_of_a_learning_curve_are_drawn_and_stay():
    Memory.fitted_on.clear()
    Memory.scored_on.clear()
    X, y = np.arange(60.0)[:, None], np.arange(60) % 2
    splits = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    found = diagnose(Memory(), X, y, cv=splits, target_error=0.1, random_state=0)
    assert found.learning_curve["n_rows"] == [10, 20, 40]
    for (train, _), few, more in zip(
        splits, Memory.fitted_on[-4:-2], Memory.fitted_on[-2:], strict=True
    ):
        assert set(few) < set(more) < set(train.astype(float))
        assert (np.diff(few) > 0).all()
        assert few.max() > train[0] + 10 and more.max() > train[0] + 20
    # Each on its rows, and on those of the fold.
    folds = [test.tolist() for _, test in splits] * 3
    expected = [*(rows.tolist() for rows in Memory.fitted_on), *folds]
    assert sorted(Memory.scored_on) == sorted(expected)


class Demanding(DummyClassifier):
    """Needs fifteen rows."""

    def fit(self, X, y):
        if len(X) < 15:
            raise ValueError("too few rows")
        return super().fit(X, y)


def test_a_learning_curve_has_no_point_of_too_few_rows_for_a_fit():
    X, y = np.zeros((60, 1)), np.arange(60) % 2
    found = diagnose(Demanding(), X, y, cv=3, target_error=0.1, random_state=0)
    assert found.learning_curve["n_rows"] == [20, 40]
    assert np.isfinite(found.learning_curve["validation_error"]).all()


def test_remedies_do_what_they_say(too_small):
    network, X, y, diagnosis = too_small
    X_fresh, y_fresh = rings(1000, seed=1)
    remedied = clone(network).set_params(**diagnosis.remedies[0].params)
    before, after = (
        model.fit(X, y).score(X_fresh, y_fresh) for model in (clone(network), remedied)
    )
    assert after > before + 0.1


def test_the_estimator_stays_as_it_is(too_small):
    network, *_ = too_small
    assert network.hidden_layer_sizes == (1,) and not hasattr(network, "coefs_")


# -- words -----------------------------------------------------------------------------


def test_text(too_short):
    *_, diagnosis = too_short
    text = str(diagnosis)
    lines = text.splitlines()
    assert lines[0].startswith("Verdict: high bias (trained too little)")
    first = diagnosis.remedies[0]
    (line,) = [line for line in lines if line.startswith(f"{first} ")]
    assert f"{first.change:+.2g} +- {first.change_se:.1g}" in line
    for label in ("training error", "validation error", "gap", "reference"):
        assert any(line.startswith(label) for line in lines)
    assert all(sentence in text for sentence in diagnosis.evidence)
    assert max(map(len, lines[3:])) < 250


@pytest.mark.parametrize(
    "curve, words", [([0.5, 0.3, 0.3], "hardly fell"), ([0.5, 0.5, 0.3], "fell by 0.2")]
)
def test_what_more_rows_would_do_is_told_by_the_end_of_the_curve(curve, words):
    assert f"From 20 to 40 rows the validation error {words}" in str(told(curve))


def told(curve=(0.5, 0.4, 0.3), avoidable=0.2, constant=0.5, **found):
    """A Diagnosis with errors 0.15 and 0.3, and by default a reference of 0.1."""
    errors = dict.fromkeys(("train_error_se", "validation_error_se", "gap_se"), 0.01)
    return Diagnosis(
        *("high bias and high variance", None, [], []),
        **dict(train_error=0.15, validation_error=0.3, gap=0.15, **errors),
        **dict(reference_error=0.3 - avoidable, reference="target_error"),
        **dict(avoidable_error=avoidable, avoidable_error_se=0.01, bias_share=0.0),
        baseline_error=constant,
        learning_curve=dict(
            n_rows=[10, 20, 40], train_error=[0.1] * 3, validation_error=curve
        ),
        **found,
    )


def test_the_numbers_of_the_evidence():
    text = str(told())
    assert "validation error 0.3 is 0.2 +- 0.01 above the reference 0.1" in text
    assert "training error 0.15 is itself 0.05 above the reference" in text
    assert "0.15 above the training error, 30% of the error of a constant" in text


def test_a_gap_has_no_share_of_a_constant_without_error():
    assert "is 0.15 above the training error.\n" in str(told(constant=0.0))


@pytest.mark.parametrize("avoidable", [0.0, -0.1])
def test_what_is_no_worse_than_the_reference_is_not_said_to_be_above_it(avoidable):
    text = str(told(avoidable=avoidable))
    assert f"0.3 is no more than the reference {0.3 - avoidable:.1g}" in text
    assert "+- 0.01 above the reference" not in text


@pytest.mark.parametrize("n_diverged", [0, 1, 4])
def test_it_is_said_that_training_diverged(n_diverged):
    reasons = {"diverged": n_diverged, "converged": 4 - n_diverged}
    text = str(told(stop_reasons=reasons))
    is_said = f"Training diverged in {n_diverged} of 4 folds" in text
    assert is_said == (n_diverged > 0)


@pytest.mark.parametrize("n_cut, is_said", [(1, False), (2, True), (4, True)])
def test_it_is_said_that_half_of_the_folds_were_cut_short(n_cut, is_said):
    reasons = {"max_iter": n_cut, "converged": 4 - n_cut}
    text = str(told(stop_reasons=reasons))
    assert (f"max_iter ended training in {n_cut} of 4 folds" in text) == is_said


@pytest.mark.parametrize("n_rare, is_said", [(4, True), (5, False)])
def test_it_is_said_that_a_class_has_fewer_rows_than_there_are_folds(n_rare, is_said):
    text = str(told(class_counts={"a": 50, "b": n_rare}, n_folds=5))
    assert (f"fewer rows ({n_rare}) than folds (5)" in text) == is_said


def test_the_rows_that_one_class_misses_are_those_of_the_others():
    text = str(told(only_class="b", class_counts={"a": 50, "b": 10}, n_folds=5))
    assert "'b', for all rows, and finds none of the 50 of 60 rows" in text


def test_html(too_short):
    *_, diagnosis = too_short
    html = diagnosis._repr_html_()
    assert "<strong>high bias (trained too little)</strong>" in html
    assert html.count("<table>") == html.count("</table>") == 3
    diagnosis.reference, before = "<b>", diagnosis.reference
    assert "<b>" not in diagnosis._repr_html_()
    diagnosis.reference = before


# -- any estimator, any score ----------------------------------------------------------


@pytest.mark.parametrize(
    "scoring, sign",
    [("neg_log_loss", -1), ("roc_auc", 1), (None, 1)],
)
def test_errors_from_scores(scoring, sign):
    X, y = rings(60)
    model = LogisticRegression().fit(X, y)
    error = make_error(model, scoring)(model, X, y)
    assert error > 0
    score = cross_validate(model, X, y, scoring=scoring, cv=[(np.arange(60),) * 2])
    expected = -score["test_score"] if sign < 0 else 1 - score["test_score"]
    assert error == pytest.approx(expected[0])


def regression(n_samples=90):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, 3))
    return X, X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=n_samples)


def test_a_linear_model_has_high_bias():
    X, y = regression()
    estimator = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), Ridge()), transformer=StandardScaler()
    )
    diagnosis = diagnose(estimator, X, y, cv=KFold(3), random_state=0)
    assert diagnosis.verdict == "high bias"
    assert diagnosis.stop_reasons == {}
    assert "regressor__ridge__alpha" in diagnosis.tried[0].params


def test_a_tree_has_high_variance():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(120, 10)), rng.randint(2, size=120)
    X[:, 0] += y
    diagnosis = diagnose(DecisionTreeClassifier(), X, y, cv=3, random_state=0)
    assert diagnosis.verdict == "high variance"
    assert diagnosis.train_error == 0


@pytest.mark.parametrize("kind", ["skreg", "scikit-learn", "forest"])
def test_pipelines_and_dataframes(kind):
    pandas = pytest.importorskip("pandas")
    X, y = rings(60)
    X = pandas.DataFrame(X, columns=["a", "b"])
    y = np.array(["in", "out"])[y]
    models = {
        "skreg": quick(max_iter=3),
        "scikit-learn": ScikitLearnMLP((4,), max_iter=3),
        "forest": RandomForestClassifier(5),
    }
    pipeline = make_pipeline(StandardScaler(), models[kind])
    options = dict(cv=2, random_state=0, scoring="neg_log_loss", target_error=0.5)
    diagnosis = diagnose(pipeline, X, y, **options)
    again = diagnose(pipeline, X, y, **options)
    assert str(diagnosis) == str(again)
    assert [r.change for r in diagnosis.tried] == [r.change for r in again.tried]
    expected = {} if kind == "forest" else {"max_iter": 2}
    assert diagnosis.stop_reasons == expected
    assert diagnosis.train_error > 0
    name = pipeline.steps[-1][0]
    assert all(
        each.startswith(f"{name}__") for r in diagnosis.tried for each in r.params
    )


def test_processes_change_nothing():
    X, y = regression(60)
    network = MLPRegressor((4,), solver="lbfgs", max_iter=30)
    options = dict(cv=2, random_state=0, target_error=0.1)
    one = diagnose(network, X, y, **options)
    two = diagnose(network, X, y, n_jobs=2, **options)
    assert one.verdict == two.verdict
    assert one.validation_error == pytest.approx(two.validation_error)
    assert [r.change for r in one.tried] == pytest.approx([r.change for r in two.tried])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("max_iter, reason", [(-1, "other"), (1, "max_iter")])
def test_a_machine_counts_the_iterations_of_each_pair_of_classes(
    n_classes, max_iter, reason
):
    X, y = rings(60)
    y = np.where(X[:, 0] > 1, n_classes - 1, y)
    # A limit of -1 is none, and training can be no longer.
    found = diagnose(SVC(max_iter=max_iter), X, y, cv=3, target_error=0.0)
    assert found.stop_reasons == {reason: 3}
    is_longer = ["max_iter" in each.params for each in found.tried]
    assert any(is_longer) == (max_iter == 1)


def test_references_learn_from_sparse_rows():
    X, y = rings(90)
    found = diagnose(
        LogisticRegression(), sparse.csr_matrix(X), y, cv=3, random_state=0
    )
    assert found.verdict == "high bias"
    assert found.reference_error < found.validation_error - 0.2


# -- errors ----------------------------------------------------------------------------


def test_errors_say_what_is_missing():
    X, y = rings(30)
    with pytest.raises(TypeError, match="neither a classifier nor a regressor"):
        diagnose(KMeans(), X, y)
    with pytest.raises(ValueError, match="target_error must be a number"):
        diagnose(LogisticRegression(), X, y, target_error="low")
    with pytest.raises(ValueError, match="at least two"):
        diagnose(LogisticRegression(), X, y, cv=ShuffleSplit(1))
    with pytest.raises(ValueError, match="not finite on some folds"):
        diagnose(LogisticRegression(), X, y, scoring=lambda *data: np.nan)
    with pytest.raises(ValueError, match="alpha"):
        diagnose(quick(alpha=-1.0), X, y)
    with pytest.raises(ValueError, match="NaN"):
        diagnose(quick(), np.where(X > 1, np.nan, X), y)


# -- classes that are not told apart ---------------------------------------------------


def rare(n_rows=100, n_rare=1, names=("no", "yes")):
    X = np.random.default_rng(0).normal(size=(n_rows, 4))
    y = np.repeat([names[1], names[0]], [n_rare, n_rows - n_rare])
    return X, y


def constant(**settings):
    return DummyClassifier(strategy="most_frequent", **settings)


def look_at(estimator, X, y, **settings):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        settings = dict(target_error=0.0, random_state=0) | settings
        return diagnose(estimator, X, y, **settings)


@pytest.mark.parametrize("n_rare", [1, 2, 10, 20])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_one_class_for_all_rows_is_said(n_rare, in_pipeline):
    X, y = rare(n_rare=n_rare)
    model = make_pipeline(StandardScaler(), constant()) if in_pipeline else constant()
    diagnosis = look_at(model, X, y)
    assert diagnosis.only_class == "no"
    assert diagnosis.class_counts == {"no": 100 - n_rare, "yes": n_rare}
    first, second, *rest = diagnosis.evidence
    assert f"one class, 'no', for all rows, and finds none of the {n_rare} of" in first
    assert f"accuracy of {100 - n_rare}%" in second
    # The second is not defined where a fold has none of the class.
    other = " or 'average_precision'" if n_rare >= 5 else ""
    assert f"scoring='balanced_accuracy'{other} would tell" in second
    assert ("fewer rows" in rest[0]) == (n_rare < 5)
    assert first in str(diagnosis) and "&#x27;no&#x27;" in diagnosis._repr_html_()


def test_a_model_that_tells_its_training_rows_apart_does_not_predict_one_class():
    X, y = np.arange(40.0)[:, None], np.repeat(["yes", "no"], [3, 37])
    X[:3] -= 100
    # Both classes are in the training rows of each fold, one in the others.
    splits = [(np.r_[:20], np.r_[20:40]), (np.r_[:3, 20:40], np.r_[4:20])]
    found = look_at(KNeighborsClassifier(1), X, y, cv=splits)
    assert found.train_error == 0 and found.only_class is None
    found = look_at(constant(), X, y, cv=splits)
    assert found.only_class == "no"


def test_a_network_that_is_cut_short_beside_one_class():
    X, y = rare()
    diagnosis = look_at(quick(max_iter=2), X, y, cv=3, target_error=None)
    assert diagnosis.better_scoring == ["balanced_accuracy"]
    # What beats it predicts one class.
    if diagnosis.only_class is None:
        assert (
            "clearly smaller error than predicting the class 'no'"
            in diagnosis.evidence[0]
        )


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_several_classes_have_another_scoring(scoring):
    X, _ = rare()
    y = np.repeat([3, 1, 2], [90, 6, 4])
    diagnosis = look_at(constant(), X, y, scoring=scoring)
    assert diagnosis.only_class == 3
    assert diagnosis.better_scoring == ["balanced_accuracy", "f1_macro"]


def test_a_scoring_that_tells_is_not_advised_against():
    X, y = rare(n_rare=10)
    diagnosis = look_at(constant(), X, y, scoring="balanced_accuracy")
    assert diagnosis.only_class == "no" and diagnosis.better_scoring is None
    assert "scoring=" not in str(diagnosis)


def test_of_balanced_classes_the_score_is_not_to_blame():
    X, y = rare(n_rare=50)
    diagnosis = look_at(constant(), X, y)
    assert diagnosis.only_class == "no" and diagnosis.better_scoring is None
    assert "finds none of the 50" in diagnosis.evidence[0]


def test_what_tells_classes_apart_is_not_suspected():
    X, y = rare(n_rare=10)
    X[:10] += 4
    diagnosis = look_at(LogisticRegression(), X, y, target_error=None)
    assert diagnosis.only_class is None and not diagnosis.class_counts
    # Nor are balanced classes in noise.
    y = np.repeat(["no", "yes"], 50)
    assert not look_at(LogisticRegression(), X[::-1], y[::2].repeat(2)).class_counts


def test_what_only_reaches_the_constant_is_no_remedy():
    X, y = rare(300, 3)
    network = MLPClassifier((20,), max_iter=40, learning_rate_init=0.02, alpha=1e-4)
    found = look_at(network, X, y, target_error=None)
    # One row better is luck.
    assert found.better_scoring[0] == "balanced_accuracy"
    assert found.class_counts == {"no": 297, "yes": 3}
    assert found.baseline_error == pytest.approx(0.01)
    assert all(each.validation_error < 0.0099 for each in found.remedies)
    change = Remedy({}, "variance", "too large", 0.01, 0.01, -0.02, 0.001)
    verdict = Verdict("high variance", 0.02, 0.001, 0.0)
    assert _remedies_of(verdict, [change], 0.01) == []
    assert _remedies_of(verdict, [change], 0.02) == [change]


@pytest.mark.parametrize("scoring", ["average_precision", "roc_auc"])
def test_folds_without_a_class_are_named(scoring):
    X, y = rare(100, 1, names=(0, 1))
    with pytest.raises(ValueError, match=f"scoring='{scoring}'") as caught:
        look_at(constant(), X, y, cv=3, scoring=scoring)
    assert "missing in" in str(caught.value) and "lower cv" in str(caught.value)


def test_a_metric_warns_once_a_call():
    X, y = rare(100, 1, names=(0, 1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        diagnose(quick(max_iter=3), X, y, cv=3, scoring="balanced_accuracy")
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == len(set(texts)) and any("y_true" in text for text in texts)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_columns_that_overflow_are_no_warnings_of_numpy(n_jobs):
    X, y = rings(40)
    with (
        warnings.catch_warnings(record=True) as caught,
        joblib.parallel_backend("threading"),
    ):
        warnings.simplefilter("always")
        diagnose(quick(max_iter=3), 1e200 + X, y, cv=2, n_jobs=n_jobs)
    assert [each.message for each in caught if each.category is RuntimeWarning] == []


@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_folds_and_the_networks(routing):
    X, y = rings(120)
    groups = np.arange(120) // 10
    network = quick(early_stopping=True, validation_splitter=GroupShuffleSplit(1))
    model = make_pipeline(StandardScaler(), network)
    options = dict(groups=groups, random_state=0, target_error=0.1)
    with config_context(enable_metadata_routing=routing):
        found = diagnose(model, X, y, cv=GroupKFold(3), **options)
        assert found.n_folds == 3 and found.tried
        # Nor do they disturb what has no use for them.
        diagnose(LogisticRegression(), X, y, cv=3, **options)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        diagnose(model, X, y, cv=3, groups=groups[:-1])


def test_a_target_in_its_own_unit_is_to_be_scaled():
    """Prices: nothing else helps, and what hardly helps is no remedy."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 3))
    y = 2e5 + 8e4 * X[:, 0] + 1e4 * rng.normal(size=150)
    network = MLPRegressor((10,), max_iter=60, random_state=0)
    found = diagnose(network, X, y, cv=3, target_error=0.1, random_state=0)
    assert (found.verdict, found.cause) == ("high bias", "y is not scaled")
    assert found.remedies[0].params == {"normalize_y": True}
    before = found.validation_error
    assert all(remedy.change < -0.01 * before for remedy in found.remedies)
    scaled = MLPRegressor((10,), normalize_y=True, max_iter=60, random_state=0)
    causes = {tried.cause for tried in diagnose(scaled, X, y, cv=3).tried}
    assert "y is not scaled" not in causes


def test_a_target_that_is_not_scaled_comes_before_longer_training():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = 1e-3 * (4 + X[:, 0] + 0.1 * rng.normal(size=120))
    network = MLPRegressor((10,), early_stopping=True, max_iter=30, random_state=0)
    # So few and short steps that all folds end equally far away.
    network.set_params(batch_size=72, learning_rate_init=1e-3)
    found = diagnose(network, X, y, cv=3, random_state=0)
    assert found.cause == "y is not scaled"
    assert found.remedies[0].params == {"normalize_y": True}
