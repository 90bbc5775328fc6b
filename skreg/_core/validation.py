"""Validation rows, and what they say of a batch of models."""

from dataclasses import dataclass

import numpy as np

from .objective import Objective
from .targets import OneHot

__all__ = ["Holdout", "Validator"]


@dataclass(frozen=True)
class Holdout:
    """Validation rows.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    Y : ndarray or OneHot of shape (n_samples, n_outputs)
    rows : ndarray of int of shape (n_rows,)
        The validation rows in X and Y.
    sample_weight : ndarray of shape (n_rows,) or None
    unit : float
        What the loss is divided by to give (minus) a score.
    """

    X: object
    Y: np.ndarray | OneHot
    rows: np.ndarray
    sample_weight: np.ndarray | None = None
    unit: float = 1.0


class Validator:
    """Scores `n_models` networks on the same validation rows.

    Parameters
    ----------
    network : network.Network
    holdout : Holdout
    scores : list of callable or None
        ``score(params)`` of each model; minus the loss over its unit where None.
    """

    def __init__(self, network, holdout, scores):
        self.n_models = len(scores)
        self._unit, self._scores = holdout.unit, scores
        self._objective = Objective(
            network,
            None,
            holdout.X,
            holdout.Y,
            holdout.rows,
            holdout.sample_weight,
            n_models=self.n_models,
        )

    def __call__(self, params):
        """A pair (score, loss) for every model.

        Parameters
        ----------
        params : ndarray of shape (n_models, n_params)
        """
        losses = self._objective.data_loss(params)
        return [
            (self._score(row, loss, score), loss)
            for row, loss, score in zip(params, losses, self._scores, strict=True)
        ]

    def _score(self, params, loss, score):
        if score is None:
            return -loss / self._unit
        # Scorers refuse predictions that are not finite.
        return score(params) if np.isfinite(loss) else np.nan
