"""Every public function and method has types, and they are those of the core's tables.

What the types are worth to users is in typing_examples.py, which `make types` checks.
"""

import inspect
import pkgutil
import typing
from importlib import import_module
from pathlib import Path

import pytest
from sklearn.base import clone

import skreg
from skreg import MLPClassifier, MLPRegressor, _typing
from skreg._core.engines import ENGINES

PACKAGES = [
    skreg,
    *(
        import_module(f"skreg.{module.name}")
        for module in pkgutil.iter_modules(skreg.__path__)
        if module.ispkg and not module.name.startswith("_")
    ),
]
OFFERED = {
    getattr(package, name)
    for package in PACKAGES
    for name in package.__all__
    if callable(getattr(package, name))
}


def plain(member):
    """The function below properties and decorators; None if there is none."""
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    elif isinstance(member, property):
        member = member.fget
    # What `available_if` makes of a method.
    member = getattr(member, "fn", member)
    return inspect.unwrap(member) if inspect.isroutine(member) else None


def functions_of(offered):
    """The public functions of this package behind a public name."""
    if not inspect.isclass(offered):
        return {plain(offered)}
    # A named tuple and a dataclass have a constructor that nobody has written.
    names = [
        name for name in dir(offered) if name == "__init__" or not name.startswith("_")
    ]
    found = {plain(inspect.getattr_static(offered, name)) for name in names} - {None}
    return {each for each in found if getattr(each, "__module__", "")[:6] == "skreg."}


FUNCTIONS = sorted(
    {each for offered in OFFERED for each in functions_of(offered)},
    key=lambda function: (function.__module__, function.__qualname__),
)


def missing_types(function):
    """The names of the parameters without a type, and "return"."""
    signature = inspect.signature(function)
    names = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    return names + ["return"] * (signature.return_annotation is signature.empty)


def test_the_functions_that_are_looked_at():
    names = {function.__qualname__ for function in FUNCTIONS}
    assert len(names) > 110
    assert {
        "BaseMLP.fit",
        "MLPClassifier.partial_fit",
        "BaseMLP.sparsity_",
        "LossCurveDisplay.from_estimator",
        "LossCurveDisplay.plot",
        "ResampledClassifier.predict_proba",
        "diagnose",
        "config_context",
    } <= names


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_every_parameter_and_return_has_a_type(function):
    assert missing_types(function) == []


def test_missing_types_are_found():
    def half(self, X: int, y, *, z=None) -> int: ...

    def no_return(self, *args: int): ...

    assert missing_types(half) == ["y", "z"]
    assert missing_types(no_return) == ["return"]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__qualname__)
def test_types_are_names_that_are_there(function):
    """But for those of matplotlib, which is imported in `plot` alone."""
    typing.get_type_hints(function, localns={"Axes": object})


@pytest.mark.parametrize(
    "name, values",
    [
        ("activation", _typing.Activation),
        ("dropout_schedule", _typing.DropoutSchedule),
        ("feature_penalty", _typing.FeaturePenalty),
        ("learning_rate", _typing.LearningRate),
        ("loss", _typing.RegressionLoss),
        ("solver", _typing.Solver),
        ("stopping_criterion", _typing.StoppingRule),
    ],
)
def test_the_values_of_a_type_are_those_of_the_parameter(name, values):
    constraints = MLPRegressor._parameter_constraints[name]
    (options,) = [each.options for each in constraints if hasattr(each, "options")]
    assert set(typing.get_args(values)) == set(options)


def test_the_engines_of_the_type_are_those_of_the_core():
    assert typing.get_args(_typing.Engine) == ENGINES


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_scikit_learn_reads_signatures_with_types(kind):
    estimator = kind((7,), alpha=0.5)
    assert estimator.get_params()["hidden_layer_sizes"] == (7,)
    assert clone(estimator).get_params() == estimator.get_params()


def test_the_package_says_that_it_has_types():
    assert (Path(skreg.__file__).parent / "py.typed").exists()


def test_what_is_loaded_late_is_known_to_type_checkers():
    late = {*skreg._SUBMODULES, *skreg._FROM_ENSEMBLE}
    assert late < set(skreg.__all__)
    assert skreg.__all__ == sorted(skreg.__all__)
