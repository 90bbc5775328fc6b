"""The step: blocks of minibatches through a batch of networks. `make_step` makes it.

A step is an object with these members, and nothing else is known of it outside:

- ``engine``, the name of the implementation;
- ``takes_targets``, whether it takes the targets of X's own rows from Y by itself, so
  that blocks need not have them;
- ``params``, the parameters ``(n_models, n_params)``;
- ``longest_block(n_rows)``, how many minibatches of so many rows a block may have;
- ``run(block, rates)``, which trains on a block and returns the summed losses of its
  rows: ``(n_models,)``;
- ``export_state(model)``, the optimizer's state of one model as a dict;
- ``keep(models, groups)``, which forgets all models but some.

What goes in is plain arrays (see `minibatches.Block`). Indices are valid before a block
is begun, so that no implementation has to look at them.
"""

import numpy as np

from .buffers import aligned_empty
from .engines import compiled_or_none, compiled_package, is_compiled_wanted
from .network import Workspace
from .optimizers import make_optimizer
from .rows import make_rows

__all__ = ["engine_for", "make_step"]

# Raw predictions are kept until this many bytes of them are worth one evaluation of the
# loss; one call a block instead of one a minibatch (up to 8 microseconds of 88).
_KEPT_OUTPUT_BYTES = 2**19


def engine_for(network, penalty, solver):
    """The name of the implementation that takes the steps of a batch.

    Parameters
    ----------
    network : network.Network
    penalty : penalties.Penalty
    solver : str

    Returns
    -------
    {"compiled", "numpy"}
        The first if it is wanted (see `engines`) and has functions of all that these
        need.

    Raises
    ------
    ImportError
        If it was asked for and cannot be imported.
    """
    if is_compiled_wanted() and compiled_package().step.is_covered(
        network, penalty, solver
    ):
        return "compiled"
    return "numpy"


def make_step(network, penalty, solver, models, shared, X, Y, groups):
    """The step of a batch of models.

    Parameters
    ----------
    network : network.Network
        With the loss.
    penalty : penalties.ElasticNet or alike
    solver : str
        An entry of `optimizers.OPTIMIZERS`.
    models : list of objects with the hyper-parameters as attributes
        Also `params`, the start, and `optimizer_state`, an exported one or None.
    shared : object with the solver's hyper-parameters that all models share
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
        What the indices of a block refer to.
    Y : ndarray or OneHot of shape (n_samples, n_outputs)
        The targets of the same rows.
    groups : list of slice
        The models that share their minibatches.

    Returns
    -------
    object as described at the top of this file

    Raises
    ------
    ValueError
        Where there is no solver of this name.
    """
    if engine_for(network, penalty, solver) == "compiled":
        step = compiled_or_none(
            compiled_package().step.CompiledStep,
            *(network, penalty, solver, models, shared, X, Y, groups),
        )
        if step is not None:
            return step
    optimizer = make_optimizer(solver, network, penalty, models, shared)
    return _NumpyStep(network, optimizer, X, groups)


class _NumpyStep:
    """The step in NumPy: all models of a batch at once, by stacked products."""

    engine = "numpy"
    takes_targets = False

    def __init__(self, network, optimizer, X, groups):
        self._network, self._optimizer, self._X = network, optimizer, X
        self._bind(groups)

    @property
    def params(self):
        return self._optimizer.params

    def _bind(self, groups):
        """Make the views and buffers that fit the present models."""
        self._groups = groups
        gradients = self._optimizer.gradients
        self._gradient_blocks = self._network.blocks(gradients)
        self._periodic_gradient = self._network.periodic_views(gradients)
        self._lanes = {}
        # Models, and the groups whose targets they have: those of each group in turn,
        # but in one go where no two share theirs (with the rows' product in one call, a
        # fifth of the time of many small networks).
        n_models, n_groups = len(self.params), len(groups)
        self._parts = [
            (models, slice(group, group + 1)) for group, models in enumerate(groups)
        ]
        if n_groups == n_models:
            self._parts = [(slice(0, n_models), slice(0, n_groups))]

    def keep(self, models, groups):
        """Forget all models but these (an index array). The penalty is kept first."""
        self._optimizer.keep(models)
        self._bind(groups)

    def export_state(self, model):
        return self._optimizer.export_state(model)

    def longest_block(self, n_rows):
        itemsize = self.params.dtype.itemsize
        bytes_a_step = len(self.params) * self._network.n_outputs * n_rows * itemsize
        return max(1, _KEPT_OUTPUT_BYTES // bytes_a_step)

    def run(self, block, rates):
        """Train on a block.

        Parameters
        ----------
        block : minibatches.Block
        rates : ndarray of shape (n_models,) or (n_steps, n_models)
            The learning rates; one row a minibatch where they change within the block.

        Returns
        -------
        ndarray of shape (n_models,)
            Summed losses of the block's rows, each at the parameters before its step.
        """
        lane, changes_rates = self._lane(block), rates.ndim == 2
        if not changes_rates:
            self._optimizer.set_rates(rates)
        for piece in block.pieces:
            masks = piece.masks
            if masks is not None:
                masks = self._network.hidden_layers(masks)
            for step in piece.steps:
                if changes_rates:
                    self._optimizer.set_rates(rates[step])
                lane.load(block, step, piece.X)
                self._step(lane, block, step, masks)
        return self._losses(lane.raw[: block.n_steps], block)

    def _lane(self, block):
        """The buffers for a block, made where they are missing or too small."""
        lane = self._lanes.get(block.n_rows)
        if lane is None or len(lane.raw) < block.n_steps:
            lane = _Lane(self._network, self.params, self._X, self._groups, block)
            self._lanes[block.n_rows] = lane
        return lane

    def _step(self, lane, block, step, masks):
        """One minibatch: forward, backward, update."""
        raw, workspace = lane.raw[step], lane.workspace
        workspace.forward(raw, masks)
        scale = self._optimizer.begin_step()
        self._write_output_delta(raw, block, step, scale, workspace.output_delta)
        workspace.backward(self._gradient_blocks, masks, self._periodic_gradient)
        self._optimizer.end_step()

    def _write_output_delta(self, raw, block, step, scale, delta):
        """``scale`` times the gradient of the minibatch's mean loss by the outputs."""
        Y, loss = block.Y[step], self._network.loss
        for models, groups in self._parts:
            loss.gradient(raw[models], Y[groups], out=delta[models])
            if block.weight is not None:
                delta[models] *= block.weight[step, groups][:, None]
        scale = scale / block.n_rows
        if not isinstance(scale, float):
            scale = scale[:, :, None].astype(delta.dtype)
        delta *= scale

    def _losses(self, raw, block):
        """Summed losses of a block: ``(n_models,)``."""
        losses = np.zeros(len(self.params))
        for models, groups in self._parts:
            values = self._network.loss.value(raw[:, models], block.Y[:, groups])
            if block.weight is not None:
                values = values * block.weight[:, groups]
            # A model's own values next to each other, so that it is the same sum to the
            # last bit whichever models are beside it.
            values = values.transpose(1, 0, 2).reshape(values.shape[1], -1)
            losses[models] = values.sum(axis=1)
        return losses


class _Lane:
    """The buffers of minibatches of one size."""

    def __init__(self, network, params, X, groups, block):
        n_rows = block.n_rows
        self._inputs = make_rows(X, n_rows, groups)
        self.workspace = Workspace(
            network, params, self._inputs, n_rows, has_dropout=block.has_masks
        )
        # A slot for the raw predictions of each minibatch of a block.
        shape = block.n_steps, len(params), network.n_outputs, n_rows
        self.raw = aligned_empty(shape, params.dtype)

    def load(self, block, step, augmented):
        """Take the rows of one minibatch."""
        for group, rows in enumerate(block.rows[:, step]):
            if augmented is None or augmented[group] is None:
                self._inputs.load(group, rows)
            else:
                self._inputs.fill(group, augmented[group])
