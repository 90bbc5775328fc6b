r"""Moving averages of the parameters, which are judged and kept in their place.

With the parameters ``w_i`` after epoch ``i`` and a decay ``d``, the average after epoch
``n`` is

.. math:: a_n = \frac{1 - d}{1 - d^n} \sum_{i=1}^n d^{n-i} w_i

(Izmailov et al. 2018; Polyak & Juditsky 1992, for whom all epochs count alike, as they
do here when ``d`` comes near to one). The factor makes the weights of the epochs sum to
one from the first epoch on. Training knows nothing of the average.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Average", "Averages"]


@dataclass(frozen=True)
class Average:
    """One model's average.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    n_epochs : int
        How many epochs it is of.
    """

    params: np.ndarray
    n_epochs: int


class Averages:
    """The averages of a batch of models.

    Parameters
    ----------
    decays : ndarray of shape (n_models,)
        With zero the average is the last epoch's parameters.
    earlier : list of (Average or None)
        Averages to go on with.
    params : ndarray of shape (n_models, n_params)
        For their shape and type.
    """

    def __init__(self, decays, earlier, params):
        self._decays = decays
        self._params = np.zeros_like(params)
        self._n_epochs = np.zeros(len(params), dtype=int)
        for k, average in enumerate(earlier):
            if average is not None:
                self._params[k], self._n_epochs[k] = average.params, average.n_epochs

    def after_epoch(self, params):
        """Take an epoch's parameters; the averages, valid until the next epoch."""
        self._n_epochs += 1
        share = (1 - self._decays) / (1 - self._decays**self._n_epochs)
        share = share[:, None]
        self._params *= 1 - share
        self._params += share * params
        return self._params

    def keep(self, models):
        """Forget all models but these (an index array)."""
        self._decays = self._decays[models]
        self._params, self._n_epochs = self._params[models], self._n_epochs[models]

    def export(self, model):
        """One model's average; None if it has none."""
        if self._decays[model] == 0:
            return None
        return Average(self._params[model].copy(), int(self._n_epochs[model]))
