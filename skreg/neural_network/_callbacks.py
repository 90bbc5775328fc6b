"""Callbacks of `sklearn.callback`, if the installed scikit-learn has them.

A fit is a task whose subtasks are its epochs. With `refit` its subtasks are the phases
(the folds and the training on all rows), and the subtasks of a phase are its epochs. An
epoch's task begins and ends after the epoch, because only then is it known that there
was one.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from .._core.stopping import StopReason
from .._fitting.automatic import max_iter_of
from .._fitting.tasks import predicting_attributes

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """An empty mixin: estimators have no `set_callbacks`."""

    def _with_callbacks(method):
        return method


__all__ = ["CallbackSupportMixin", "FitCallbacks", "with_callbacks"]

Method = TypeVar("Method", bound=Callable[..., Any])


def with_callbacks(method: Method) -> Method:
    """Decorate `fit` to end the callbacks' tasks, where there are callbacks."""
    return _with_callbacks(method)


class FitCallbacks:
    """The callbacks of one fit.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        The estimator whose `fit` the user called, which has the callbacks.
    X, y : array-like
        The data as the user gave them.
    sample_weight : array-like or None
    """

    def __init__(self, estimator, X, y, sample_weight):
        self._estimator = estimator
        metadata = None
        if sample_weight is not None:
            metadata = {"sample_weight": sample_weight}
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._phases = {}
        self._context = estimator._init_callback_context(
            max_subtasks=self._n_phases() or self._n_epochs()
        )
        self._context.call_on_fit_task_begin(**self._data)

    @classmethod
    def of(cls, estimator, X, y, sample_weight):
        """The callbacks of an estimator, or None if it has none."""
        if not getattr(estimator, "_skl_callbacks", None):
            return None
        return cls(estimator, X, y, sample_weight)

    def _n_phases(self):
        """The number of phases of a fit with `refit`; 0 without it."""
        refit = self._estimator.refit
        return (1 if isinstance(refit, bool) else refit) + 1 if refit else 0

    def _n_epochs(self):
        """The largest number of epochs of a phase; None if it is not known."""
        # A path to a feature penalty has epochs that `max_iter` does not limit.
        has_path = self._estimator.feature_alpha > 0
        return None if has_path else max_iter_of(self._estimator)

    def report(self, scratch, phase, network, encoding):
        """A function to call after each epoch, which returns a reason to stop, or None.

        Parameters
        ----------
        scratch : MLPClassifier or MLPRegressor
            The copy of the estimator that is trained, which has the attributes of the
            columns of X.
        phase : str or None
        network : network.Network
        encoding : LabelEncoding, TargetScaling or None
        """

        def report(progress):
            context = self._phase(phase).subcontext(task_name="epoch")
            context.call_on_fit_task_begin(**self._data)
            stops = context.call_on_fit_task_end(
                **self._data,
                reconstruction_attributes=lambda: self._fitted(
                    scratch, progress, network, encoding
                ),
            )
            return StopReason.CALLBACK if stops else None

        return report

    def _phase(self, phase):
        """The context whose subtasks are the epochs of a phase."""
        if not self._n_phases():
            return self._context
        phase = phase or "early stopping"
        if phase not in self._phases:
            if phase == "refit":
                self._end_phases()
            self._phases[phase] = self._context.subcontext(
                task_name=phase, max_subtasks=self._n_epochs()
            )
            self._phases[phase].call_on_fit_task_begin(**self._data)
        return self._phases[phase]

    def _end_phases(self):
        for context in self._phases.values():
            context.call_on_fit_task_end(**self._data)
        self._phases = {}

    def end(self):
        """Tell the callbacks that the fit has succeeded."""
        self._end_phases()
        self._context.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: {}
        )

    def _fitted(self, scratch, progress, network, encoding):
        """The attributes of the estimator as if training had ended now."""
        if progress.kept is None:
            return None
        fitted = predicting_attributes(network, encoding, progress.kept)
        fitted["n_features_in_"] = scratch.n_features_in_
        # The names are None if only an earlier fit had columns with names.
        names = getattr(scratch, "feature_names_in_", None)
        if names is not None or hasattr(self._estimator, "feature_names_in_"):
            fitted["feature_names_in_"] = names
        return fitted
