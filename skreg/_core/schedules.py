"""Schedules: how the rates of a batch of models change while it trains.

A schedule of the learning rate is an object with two verbs, and any minibatch solver
can have any of them:

- ``after_epoch(rates, reasons, fired, n_samples_seen)`` changes the rates in place
  after an epoch, and answers for each model with its reason to stop: mostly the one it
  was given.
- ``before_steps(rates, n_updates, n_planned)`` gives the rates of some updates. It is
  None in schedules that change nothing within an epoch, and then nobody asks.

A new one is a subclass of `Schedule` with an entry in `SCHEDULES`. A schedule of
dropout is a function with an entry in `DROPOUT_SCHEDULES`.
"""

import numpy as np

from .stopping import StopReason
from .tables import entry_of

__all__ = [
    "DROPOUT_SCHEDULES",
    "SCHEDULES",
    "Adaptive",
    "Constant",
    "Cosine",
    "InvScaling",
    "Schedule",
    "make_schedule",
]


class Schedule:
    """Base of the schedules: the rates stay what they are.

    Parameters
    ----------
    models : list of objects with the schedule's parameters as attributes
        Each has `learning_rate_init`, `power_t` and `warmup_fraction`, among others.
    """

    # The attributes of the models that a schedule reads.
    parameters = ()

    # Whether the rates depend on when training will end. Then every phase of a training
    # has to know the end of all of it, and training without an end cannot follow it.
    depends_on_end = False

    # Whether the rates only change where a stopping criterion fires.
    needs_criterion = False

    # ``before_steps(rates, n_updates, n_planned)``: the rates of some updates, an array
    # ``(n_steps, n_models)``. `n_updates`, of the same shape, counts the updates before
    # each, those of earlier phases of the model's training included, and `n_planned :
    # (n_models,)` all that there are to be. `rates : (n_models,)` are those after the
    # last epoch and must not be changed.
    before_steps = None

    def __init__(self, models):
        self._vectors = {
            name: np.array([getattr(model, name) for model in models], dtype=float)
            for name in self.parameters
        }

    def keep(self, models):
        """Forget all models but these (an index array)."""
        for name, vector in self._vectors.items():
            self._vectors[name] = vector[models]

    def after_epoch(self, rates, reasons, fired, n_samples_seen):
        """Change the rates after an epoch.

        Parameters
        ----------
        rates : ndarray of shape (n_models,)
            Changed in place.
        reasons : list of (StopReason or None)
            Why each model would stop now.
        fired : list of bool
            Whether it is the model's stopping criterion that gave this reason.
        n_samples_seen : ndarray of int of shape (n_models,)
            Rows that each model has been trained on so far.

        Returns
        -------
        list of (StopReason or None)
            Why each model stops. None where a criterion fired lets the model go on, and
            its criterion begins to count anew.
        """
        return reasons


class Constant(Schedule):
    """The initial rates until the end."""


class InvScaling(Schedule):
    """``learning_rate_init / (n_samples_seen + 1)^power_t`` after every epoch."""

    parameters = ("learning_rate_init", "power_t")

    def after_epoch(self, rates, reasons, fired, n_samples_seen):
        # One by one, as floats of NumPy: the power of an array may differ from that of
        # its entries in the last bit, and where Python's raises it is infinite.
        vectors = zip(*self._vectors.values(), n_samples_seen, strict=True)
        rates[:] = [
            initial / np.float64(n_seen + 1) ** power
            for initial, power, n_seen in vectors
        ]
        return reasons


class Adaptive(Schedule):
    """A lower rate instead of an end, whenever the stopping criterion fires.

    The divisor and the smallest rate, at which training ends after all, are
    scikit-learn's.
    """

    needs_criterion = True

    DIVISOR = 5.0
    SMALLEST_RATE = 1e-6

    def after_epoch(self, rates, reasons, fired, n_samples_seen):
        answers = list(reasons)
        for k in np.flatnonzero(fired):
            if rates[k] > self.SMALLEST_RATE:
                rates[k] /= self.DIVISOR
                answers[k] = None
            else:
                answers[k] = StopReason.LEARNING_RATE
        return answers


class Cosine(Schedule):
    r"""Half a cosine down to zero at the end, after a rise at the beginning.

    Before the update that follows ``t`` of all ``T`` updates, the share of the initial
    rate is

    .. math:: \frac{1}{2} \left(1 + \cos\left(\pi \frac{t - w}{T - w}\right)\right)

    (Loshchilov & Hutter 2017, without restarts). It is ``(t + 1) / w`` in the first
    ``w`` updates, a fraction `warmup_fraction` of ``T`` rounded to whole ones, so that
    no update is lost on a rate of zero.
    """

    parameters = ("warmup_fraction",)
    depends_on_end = True

    def before_steps(self, rates, n_updates, n_planned):
        n_rising = np.rint(self._vectors["warmup_fraction"] * n_planned)
        rising = (n_updates + 1) / np.maximum(n_rising, 1)
        n_falling = np.maximum(n_planned - n_rising, 1)
        position = np.clip((n_updates - n_rising) / n_falling, 0.0, 1.0)
        falling = (1 + np.cos(np.pi * position)) / 2
        return rates * np.where(n_updates < n_rising, rising, falling)


SCHEDULES = {
    "constant": Constant,
    "invscaling": InvScaling,
    "adaptive": Adaptive,
    "cosine": Cosine,
}


def make_schedule(name, models):
    """The schedule of a batch.

    Parameters
    ----------
    name : str
        An entry of `SCHEDULES`.
    models : list of objects with the schedules' parameters as attributes

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        Where there is no schedule of this name.
    """
    return entry_of(SCHEDULES, name, "learning_rate")(models)


def _flat_then_cosine(position):
    """One in the first half of training, then half a cosine down to zero at its end."""
    second_half = np.clip(2 * position - 1, 0.0, 1.0)
    return (1 + np.cos(np.pi * second_half)) / 2


# ``share(position)``, the share of its rate that a model drops units with, by the share
# of its updates that are done, ``(n_models,)``: so it depends on the end of training.
# None where the rates stay what they are.
DROPOUT_SCHEDULES = {"constant": None, "cosine": _flat_then_cosine}
