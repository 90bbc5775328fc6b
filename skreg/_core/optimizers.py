r"""First-order optimizers on the whole buffer: SGD and Adam, each with a proximal step.

A step is begun and ended around the backward pass::

    scale = optimizer.begin_step()      the gradient is wanted times this factor
    ...                                 backward pass writes scale * gradient
    optimizer.end_step()                penalty, moments, update, proximal step

so that what Adam's bookkeeping multiplies the gradient with goes into the small output
delta instead of a pass over all parameters.

To others an optimizer is plain data: named arrays ``(n_models, n_params)`` and named
vectors ``(n_models,)``. Its own steps work on vectors as *factors*: a Python float
where all models agree, else a column ``(n_models, 1)``. Arithmetic is written once for
both.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import daxpy, saxpy

from .buffers import aligned_copy, aligned_empty
from .periodic import RATE
from .tables import entry_of

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Optimizer",
    "OptimizerState",
    "as_factor",
    "make_optimizer",
]

# Passes over this many parameters at a time find them in the second-level cache again
# (measured: 1.2 times faster on a 784-256 layer).
_CHUNK = 16_384

# Rows shorter than this are updated by broadcasting instead of one axpy a row, whose
# call costs about a microsecond.
_SHORT_ROW = 1_000


def as_factor(values):
    """A vector over models as a float where it is constant, else as a column."""
    values = np.asarray(values, dtype=np.float64)
    # A list of a few floats is compared in a tenth of the time of an array.
    floats = values.tolist()
    is_constant = floats.count(floats[0]) == len(floats)
    return floats[0] if is_constant else values[:, None].copy()


def _at(factor, models):
    """The factor of some models (a slice or an index array)."""
    return factor if isinstance(factor, float) else factor[models]


def _column(factor, n_models):
    return np.broadcast_to(factor, (n_models, 1))[:, 0]


def _operand(factor, dtype):
    """The factor as an operand that does not turn float32 products into float64."""
    return factor if isinstance(factor, float) else factor.astype(dtype)


class _Part:
    """A part of a buffer, as rows and, where it is contiguous, flat."""

    def __init__(self, rows):
        self.rows = rows
        self.flat = rows.reshape(-1) if rows.flags.c_contiguous else None


def _axpy(y, factor, x, scratch):
    """``y += factor * x`` for three parts of one shape."""
    axpy = daxpy if y.rows.dtype == np.float64 else saxpy
    if isinstance(factor, float) and y.flat is not None:
        axpy(x.flat, y.flat, a=factor)
    elif y.rows.shape[1] < _SHORT_ROW:
        np.multiply(x.rows, _operand(factor, y.rows.dtype), out=scratch.rows)
        y.rows += scratch.rows
    else:
        factors = _column(factor, len(y.rows))
        for y_row, x_row, a in zip(y.rows, x.rows, factors, strict=True):
            axpy(x_row, y_row, a=a)


def _chunks(n_models, n_params):
    """Index pairs that cut a buffer into contiguous parts of about `_CHUNK` entries."""
    if n_params > _CHUNK:
        return [
            (slice(k, k + 1), slice(start, min(start + _CHUNK, n_params)))
            for k in range(n_models)
            for start in range(0, n_params, _CHUNK)
        ]
    n_rows = max(1, _CHUNK // n_params)
    return [
        (slice(k, min(k + n_rows, n_models)), slice(None))
        for k in range(0, n_models, n_rows)
    ]


@dataclass
class OptimizerState:
    """What an optimizer remembers of every model, as plain named arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray of shape (n_models, n_params)
        Moments.
    vectors : dict of str to ndarray of shape (n_models,)
        Counters and scales.
    """

    arrays: dict
    vectors: dict

    @classmethod
    def fresh(cls, kind, params):
        """The state in which an optimizer, a subclass of `Optimizer`, begins."""
        return cls(
            {name: aligned_copy(np.zeros_like(params)) for name in kind.arrays},
            {name: np.full(len(params), start) for name, start in kind.vectors.items()},
        )

    def keep(self, models):
        """Forget all models but these (an index array)."""
        for name, array in self.arrays.items():
            self.arrays[name] = aligned_copy(array[models])
        for name, vector in self.vectors.items():
            self.vectors[name] = vector[models]

    def export(self, model):
        """One model's moments and counters by name: copies, and floats."""
        state = {name: array[model].copy() for name, array in self.arrays.items()}
        for name, vector in self.vectors.items():
            state[name] = float(vector[model])
        return state

    def load(self, exported):
        """Make the models' states what was exported before; None leaves one as it is.

        Parameters
        ----------
        exported : list of (dict or None)
        """
        for model, state in enumerate(exported):
            if state is not None:
                for name, values in (self.arrays | self.vectors).items():
                    values[model] = state[name]


class Optimizer(ABC):
    """What all optimizers share; a new one is a subclass with an entry in `OPTIMIZERS`.

    A subclass says what it remembers and what it reads, and defines `begin_step` and
    `end_step`. In these the moments are `arrays`, and everything that is a vector over
    models is a factor: the counters and the hyper-parameters under their own names,
    the learning rates as `rate`.

    Parameters
    ----------
    network : network.Network
        For the layout.
    penalty : penalties.Penalty
    params : ndarray of shape (n_models, n_params)
        Updated in place.
    learning_rate : array-like of shape (n_models,)
        Until others are set.
    **settings
        The hyper-parameters that the class names.

    Attributes
    ----------
    params, gradients : ndarray of shape (n_models, n_params)
    """

    # The names of the moments, which begin at zero, and those of the counters with the
    # values at which they begin.
    arrays: tuple = ()
    vectors: dict = {}
    # The names of the hyper-parameters: those that each model has for itself, which
    # are given as vectors and become factors under their own names, and those that all
    # models share.
    per_model: tuple = ()
    shared: tuple = ()

    def __init__(self, network, penalty, params, learning_rate, **settings):
        self._network, self._penalty = network, penalty
        self._settings = {
            name: np.array(settings.pop(name), dtype=np.float64)
            for name in self.per_model
        }
        for name in self.shared:
            setattr(self, name, settings.pop(name))
        if settings:
            raise TypeError(f"{type(self).__name__} does not know {sorted(settings)}.")
        self._state = OptimizerState.fresh(type(self), params)
        self.set_rates(learning_rate)
        self._bind(params)

    def _bind(self, params):
        """Take `params` as the parameters, and make the views that a step needs."""
        self.params = params
        self.gradients = aligned_empty(params.shape, params.dtype)
        self._scratch = aligned_empty(params.shape, params.dtype)
        self._make_factors()
        # Asked once: it takes three microseconds to answer.
        self._is_proximal = self._penalty.is_proximal
        self._weights = self._network.weights(params)
        self._penalty.majorize(self._weights)
        self._l2 = as_factor(self._penalty.weight_decay)
        arrays = (params, self.gradients, self._scratch)
        flat_weights = self._network.flat_weights
        self._l2_terms = [
            tuple(_Part(view) for view in views)
            for views in zip(*(flat_weights(array) for array in arrays), strict=True)
        ]
        arrays += tuple(self._state.arrays.values())
        chunks = _chunks(*params.shape)
        self._parts = [
            (index[0], *(_Part(array[index]) for array in arrays)) for index in chunks
        ]
        # Of each part of the scratch, the parameters of periodic features; or None.
        self._slow_parts = [self._slow_part(self._scratch, index) for index in chunks]

    def _slow_part(self, array, index):
        """What is in a part of a buffer of the parameters that have the lower rate."""
        models, columns = index
        n_slow = self._network.n_periodic - (columns.start or 0)
        return array[index][:, :n_slow] if n_slow > 0 else None

    def _make_factors(self):
        """Turn all vectors over models into factors under their own names."""
        for name, vector in (self._settings | self._state.vectors).items():
            setattr(self, name, as_factor(vector))

    def keep(self, models):
        """Forget all models but these (an index array). The penalty is kept first."""
        self.set_rates(_column(self.rate, len(self.params))[models])
        for name, vector in self._settings.items():
            self._settings[name] = vector[models]
        self.state.keep(models)
        self._bind(aligned_copy(self.params[models]))

    def import_states(self, states):
        """Continue from exported states; None where a model starts afresh."""
        self._state.load(states)
        self.tie(self._network, self._penalty, self._state)
        self._make_factors()

    @staticmethod
    def tie(network, penalty, state):
        """Give imported moments the form that the penalty needs: mostly their own."""
        return

    def set_rates(self, rates):
        """Go on with these learning rates, ``(n_models,)``, from the next step on."""
        self.rate = as_factor(rates)

    @property
    def state(self):
        """What is remembered of every model, up to date: an `OptimizerState`."""
        for name, vector in self._state.vectors.items():
            factor = getattr(self, name)
            vector[:] = factor if isinstance(factor, float) else factor[:, 0]
        return self._state

    def export_state(self, model):
        """One model's moments and counters by name: copies, and floats."""
        return self.state.export(model)

    @abstractmethod
    def begin_step(self):
        """Begin a step: the factor by which it wants the gradient multiplied."""

    @abstractmethod
    def end_step(self):
        """Update the parameters by the gradients, which are overwritten."""

    def _add_l2(self, scale):
        """Add ``scale * l2 * W`` to the gradients of the weights."""
        factor = scale * self._l2
        if isinstance(factor, float) and factor == 0.0:
            return
        for W, G, scratch in self._l2_terms:
            _axpy(G, factor, W, scratch)


def _average_groups(W, models, groups):
    """Replace the entries of each group of inputs by their mean, in some models.

    Parameters
    ----------
    W : ndarray of shape (n_models, n_features, n_units)
    models : slice or index array
    groups : penalties.InputGroups
    """
    n_entries = (groups.row_counts * W.shape[2]).astype(W.dtype)
    means = groups.sum(W[models].sum(axis=2)) / n_entries
    W[models] = groups.spread(means)[:, :, None]


class SGD(Optimizer):
    r"""Stochastic gradient descent with (Nesterov's) momentum.

    ``u = momentum u - rate g``, then ``w += u``, or ``w += momentum u - rate g`` with
    Nesterov's momentum (Sutskever et al. 2013). In both cases a constant gradient moves
    ``w`` by ``rate / (1 - momentum)`` a step in the end, and this is the step of the
    proximal operator: with any smaller one a fixed point belongs to a weaker penalty.
    """

    arrays = ("_velocity",)
    per_model = ("momentum",)
    shared = ("nesterovs_momentum",)

    def begin_step(self):
        return 1.0

    def end_step(self):
        self._add_l2(1.0)
        n_slow = self._network.n_periodic
        if n_slow:
            self.gradients[:, :n_slow] *= RATE
        for models, w, g, scratch, u in self._parts:
            momentum, rate = _at(self.momentum, models), _at(self.rate, models)
            u.rows *= _operand(momentum, u.rows.dtype)
            _axpy(u, -rate, g, scratch)
            if self.nesterovs_momentum:
                _axpy(w, momentum, u, scratch)
                _axpy(w, -rate, g, scratch)
            else:
                w.rows += u.rows
        if self._is_proximal:
            # A momentum of one has no such step. It comes with no penalty of its own,
            # and any finite step of the prox leaves its model as it is.
            remaining = np.maximum(1 - self.momentum, np.finfo(np.float64).eps)
            step = _column(self.rate / remaining, len(self.params))
            step = step.astype(self.params.dtype)[:, None, None]
            steps = [step] * len(self._weights)
            if n_slow:
                # Mixing matrices are the last.
                steps[-1] = RATE * step
            self._penalty.prox(self._weights, steps, step[:, :, 0])


class Adam(Optimizer):
    r"""Adam (Kingma & Ba 2015), to scikit-learn's letter, with ProxGen's L1 step.

    With ``c_t = sqrt(1 - beta_2^t)`` and ``D = sqrt(v) + epsilon`` the smooth step is
    ``w - rate c_t / (1 - beta_1^t) m / D``, and the proximal step has size ``rate c_t /
    D``: the correction of the first moment belongs to the smooth step alone (Yun,
    Lozano & Yang 2021, algorithm 1).

    The moments are stored as ``M = m / s_m`` and ``V = v / s_v``, where ``s_m =
    beta_1^t`` and ``s_v = beta_2^t``, so that decay costs no pass over them: instead
    the gradient enters with a growing factor. Before that factor gets large the scale
    is put back into the moments.
    """

    arrays = ("_M", "_V")
    vectors = {"_n_steps": 0.0, "_m_scale": 1.0, "_v_scale": 1.0}
    per_model = ("beta_1", "beta_2", "epsilon")

    # Smallest scale kept outside of a moment. V grows by its inverse, and float32 ends
    # at 1e38.
    _SMALLEST_SCALE = 1e-10

    def _bind(self, params):
        super()._bind(params)
        groups = self._penalty.tied_groups
        self._tied = None
        if groups is not None:
            self._V_of_inputs = self._network.weights(self._state.arrays["_V"])[0]
            self._gradients_of_inputs = self._network.weights(self.gradients)[0]
            tied = self._penalty.tied_models
            if len(tied):
                # A slice is a view, an index array makes copies.
                self._tied = slice(None) if len(tied) == len(params) else tied
        # Elementwise steps are a buffer more, and not every penalty asks for them.
        self._step_parts = self._weight_step_sizes = None
        if self._penalty.needs_elementwise_steps:
            step_sizes = aligned_empty(params.shape, params.dtype)
            self._weight_step_sizes = self._network.weights(step_sizes)
            chunks = _chunks(*params.shape)
            self._step_parts = [step_sizes[index] for index in chunks]
            self._slow_steps = [self._slow_part(step_sizes, index) for index in chunks]

    def begin_step(self):
        self._n_steps = self._n_steps + 1.0
        self._m_scale = self._decayed("_M", self._m_scale * self.beta_1)
        self._v_scale = self._decayed("_V", self._v_scale * self.beta_2)
        self._gradient_scale = ((1 - self.beta_2) / self._v_scale) ** 0.5
        return self._gradient_scale

    def _decayed(self, name, scale):
        """The scale to go on with: itself, or 1 after it went into the moment."""
        smallest = scale if isinstance(scale, float) else scale.min()
        if smallest >= self._SMALLEST_SCALE:
            return scale
        moment = self._state.arrays[name]
        moment *= _operand(scale, moment.dtype)
        # Denormal numbers slow every later pass.
        moment[np.abs(moment) < np.finfo(moment.dtype).tiny] = 0
        return 1.0

    def end_step(self):
        scale = self._gradient_scale
        self._add_l2(scale)
        gain = (1 - self.beta_1) / (self._m_scale * scale)
        correction = (1 - self.beta_2**self._n_steps) ** 0.5
        v_root = self._v_scale**0.5
        epsilon = self.epsilon / v_root
        step = self.rate * correction / v_root
        update = -step * self._m_scale / (1 - self.beta_1**self._n_steps)
        parts = range(len(self._parts))
        if self._tied is None:
            for part in parts:
                self._accumulate(part, gain)
                self._update(part, epsilon, step, update)
        else:
            for part in parts:
                self._accumulate(part, gain)
            groups = self._penalty.tied_groups
            _average_groups(self._gradients_of_inputs, self._tied, groups)
            for part in parts:
                self._update(part, epsilon, step, update)
        if self._is_proximal:
            group_steps = None
            if self._penalty.tied_groups is not None:
                group_steps = self._group_step_sizes(epsilon, step)
            self._penalty.prox(self._weights, self._weight_step_sizes, group_steps)

    def _accumulate(self, part, gain):
        """Add to the first moment; square the gradient."""
        models, _, g, scratch, M, _ = self._parts[part]
        _axpy(M, _at(gain, models), g, scratch)
        np.multiply(g.rows, g.rows, out=g.rows)

    def _update(self, part, epsilon, step, update):
        """Add the squared gradient to the second moment, and step."""
        models, w, squared, scratch, M, V = self._parts[part]
        root = scratch.rows
        V.rows += squared.rows
        np.sqrt(V.rows, out=root)
        root += _operand(_at(epsilon, models), root.dtype)
        if self._step_parts is not None:
            factor = _operand(_at(step, models), root.dtype)
            np.divide(factor, root, out=self._step_parts[part])
        np.divide(M.rows, root, out=root)
        if self._slow_parts[part] is not None:
            self._slow_parts[part][...] *= RATE
            if self._step_parts is not None:
                self._slow_steps[part][...] *= RATE
        _axpy(w, _at(update, models), scratch, squared)

    @staticmethod
    def tie(network, penalty, state):
        """Give each group of inputs one second moment, in models that penalize them.

        Within a group the metric is then a multiple of the identity, which is what
        gives the group penalty's proximal step its closed form. The moments so far are
        replaced by their means.
        """
        if len(penalty.tied_models):
            V = network.weights(state.arrays["_V"])[0]
            _average_groups(V, penalty.tied_models, penalty.tied_groups)

    def _group_step_sizes(self, epsilon, step):
        """The step of each group, ``(n_models, n_groups)``: that of any entry."""
        dtype, first = self.params.dtype, self._penalty.tied_groups.first
        root = np.sqrt(self._V_of_inputs[:, first, 0])
        return _operand(step, dtype) / (root + _operand(epsilon, dtype))


OPTIMIZERS = {"adam": Adam, "sgd": SGD}


def make_optimizer(name, network, penalty, models, shared):
    """The optimizer of a batch, with the models' parameters and their states.

    Parameters
    ----------
    name : str
        An entry of `OPTIMIZERS`.
    network : network.Network
    penalty : penalties.ElasticNet or alike
    models : list of objects with the hyper-parameters as attributes
        Also `params`, `learning_rate_init` and `optimizer_state`.
    shared : object with the hyper-parameters that all models share as attributes

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        Where there is no optimizer of this name.
    """
    kind = entry_of(OPTIMIZERS, name, "solver")

    def values(name):
        return [getattr(model, name) for model in models]

    settings = {name: values(name) for name in kind.per_model}
    settings |= {name: getattr(shared, name) for name in kind.shared}
    params = np.stack(values("params"))
    rates = values("learning_rate_init")
    optimizer = kind(network, penalty, params, rates, **settings)
    optimizer.import_states(values("optimizer_state"))
    return optimizer
