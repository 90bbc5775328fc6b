"""The configuration of a fit: marks, keys, and what is resolved in it."""

from dataclasses import dataclass, field, fields, replace

import numpy as np
import pytest

from skreg import MLPClassifier, MLPRegressor
from skreg._core.optimizers import OPTIMIZERS
from skreg._core.penalties import INPUT_PENALTIES, WEIGHT_PENALTIES
from skreg._core.schedules import SCHEDULES
from skreg._fitting.config import FitConfig, check_marks, parameter_names
from skreg._fitting.tasks import task_of


class Extended(MLPRegressor):
    def __init__(self, new=1):
        super().__init__()
        self.new = new


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_a_field(kind):
    known = {each.name for each in fields(FitConfig)}
    names = set(parameter_names(kind))
    assert names == set(kind().get_params())
    assert names - known == {"hidden_layer_sizes"}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_reaches_its_field(kind):
    """No parameter is read under another one's name."""
    values = {name: object() for name in kind().get_params()}
    values["hidden_layer_sizes"] = (3, 2)
    config = kind(**values)._make_config()
    for name, value in values.items():
        if name == "hidden_layer_sizes":
            assert config.hidden_units == value
        else:
            assert getattr(config, name) is value, name


def test_a_field_without_a_mark_is_refused():
    @dataclass
    class Unmarked:
        alpha: float = 0.0

    with pytest.raises(TypeError, match="field alpha of Unmarked has no scope"):
        check_marks(Unmarked)


def test_a_field_that_matters_to_the_unknown_is_refused():
    mark = {"scope": "model", "matters_to": ("weather",), "in_step": False}

    @dataclass
    class Strange:
        alpha: float = field(default=0.0, metadata=mark)

    with pytest.raises(TypeError, match="matters to .'weather'"):
        check_marks(Strange)


@pytest.mark.parametrize("to", ["batch", "data", "target", "start"])
def test_a_parameter_of_a_subclass_matters_to_everything(to):
    def key(estimator):
        return estimator._make_config().key(to)

    assert key(Extended(new=1)) == key(Extended(new=1))
    assert key(Extended(new=1)) != key(Extended(new=2))
    assert key(Extended()) != key(MLPRegressor())


@pytest.mark.parametrize("each", fields(FitConfig), ids=lambda each: each.name)
def test_networks_that_differ_in_what_a_batch_shares_have_other_batches(each):
    if each.name in ("kind", "problem_type"):
        pytest.skip("one goes with the other")
    config = MLPRegressor()._make_config()
    changed = {"extras": {"new": 1}, "hidden_units": (7,)}.get(each.name, "another")
    other = replace(config, **{each.name: changed})
    is_shared = each.metadata["scope"] == "batch"
    assert (other.key("batch") != config.key("batch")) == is_shared


def test_auto_is_resolved_once():
    config = MLPClassifier(early_stopping=True)._make_config()
    assert (config.max_iter, config.n_iter_no_change) == (600, 100)
    assert config.learning_rate_init == 3e-3
    assert config.batch_size_for(300) == 10
    # Phases of a fit keep what was resolved.
    later = replace(config, early_stopping=False)
    assert (later.max_iter, later.n_iter_no_change) == (600, 100)
    assert later.learning_rate_init == 3e-3
    assert later.batch_size_for(300) == 10
    config = MLPClassifier()._make_config()
    assert (config.max_iter, config.n_iter_no_change) == (200, 10)
    assert config.learning_rate_init == 1e-3
    assert config.batch_size_for(1000) == 200
    assert config.batch_size_for(60) == 60
    assert replace(config, batch_size=32).batch_size_for(20) == 20


def test_step_values_are_numbers_of_the_model_scope():
    config = MLPRegressor(alpha=0.5, momentum=0.3)._make_config()
    values = config.step_values()
    assert values["alpha"] == 0.5 and values["momentum"] == 0.3
    scopes = {each.name: each.metadata["scope"] for each in fields(FitConfig)}
    assert {scopes[name] for name in values} == {"model"}
    assert all(isinstance(value, float) for value in values.values())


def test_a_task_reads_the_estimator_once():
    estimator = MLPRegressor(alpha=0.5)
    task = task_of(estimator)
    estimator.alpha = 1.0
    assert task.config.alpha == 0.5


def test_the_configuration_is_frozen():
    config = MLPRegressor()._make_config()
    with pytest.raises(AttributeError):
        config.alpha = 1.0
    assert np.isfinite(config.alpha)


def test_whatever_a_step_reads_of_a_model_is_in_its_vectors():
    read = {"dropout", "learning_rate_init"}
    for table in (WEIGHT_PENALTIES, INPUT_PENALTIES, SCHEDULES):
        for kind in table.values():
            read |= set(kind.parameters)
    for kind in OPTIMIZERS.values():
        read |= set(kind.per_model)
    # "auto" is resolved by the weights, and added when a network is prepared.
    assert read - {"feature_epsilon"} == set(
        MLPRegressor()._make_config().step_values()
    )
