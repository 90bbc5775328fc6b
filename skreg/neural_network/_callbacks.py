"""Callbacks of `sklearn.callback`, where the installed scikit-learn has them.

A fit is a task whose subtasks are its epochs; with `refit`, its subtasks are the phases
(the folds, the training on all rows), and the epochs are theirs. An epoch's task begins
and ends when the epoch has ended: only then is it known to have taken place.
"""

from .._core.stopping import StopReason
from .._fitting.stopping import max_iter_of
from .._fitting.tasks import predicting_attributes

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Nothing: estimators have no `set_callbacks`."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitCallbacks", "with_callbacks"]


class FitCallbacks:
    """The callbacks of one fit.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        The one that `fit` was called of; `_init_callback_context` is its own.
    X, y : array-like
        As the user gave them.
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
        """Those of an estimator; None where it has none."""
        if not getattr(estimator, "_skl_callbacks", None):
            return None
        return cls(estimator, X, y, sample_weight)

    def _n_phases(self):
        """Parts of a fit with `refit`; 0 without it."""
        refit = self._estimator.refit
        return (1 if isinstance(refit, bool) else refit) + 1 if refit else 0

    def _n_epochs(self):
        """The most there can be; None where that is not known."""
        # The way to a feature penalty has epochs of its own.
        has_path = self._estimator.feature_alpha > 0
        return None if has_path else max_iter_of(self._estimator)

    def report(self, scratch, phase, network, encoding):
        """What to call after each epoch; it returns a reason to stop, or None.

        Parameters
        ----------
        scratch : MLPClassifier or MLPRegressor
            The copy of the estimator that is trained: it knows the columns of X.
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
        """The context whose subtasks are the epochs."""
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
        """After a fit that has succeeded."""
        self._end_phases()
        self._context.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: {}
        )

    def _fitted(self, scratch, progress, network, encoding):
        """What makes a fitted estimator, as if training had ended here."""
        if progress.kept is None:
            return None
        fitted = predicting_attributes(network, encoding, progress.kept)
        fitted["n_features_in_"] = scratch.n_features_in_
        # None where the columns have lost the names that they had in an earlier fit.
        names = getattr(scratch, "feature_names_in_", None)
        if names is not None or hasattr(self._estimator, "feature_names_in_"):
            fitted["feature_names_in_"] = names
        return fitted
