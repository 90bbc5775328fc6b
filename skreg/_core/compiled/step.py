"""The step of a batch of models, by compiled functions."""

import numpy as np
from scipy import sparse

from ..buffers import aligned_copy, aligned_empty
from ..optimizers import OPTIMIZERS, OptimizerState
from ..penalties import ElasticNet
from ..periodic import RATE
from ..targets import arrays_of
from . import activations, losses, updates
from .blocks import trainer_for
from .layout import addresses, places_in_memory
from .passes import addresses_of_passes
from .periodic import addresses_of_waves, embedding_of
from .primitives import address_of_product
from .sparse import addresses_of_products, input_arrays

__all__ = ["CompiledStep", "is_covered"]

# A block takes about a tenth of a second at most, after which Ctrl-C is heard: so many
# multiply-adds of all its models together. And its targets have so many bytes at most.
_BLOCK_WORK = 1_000_000_000
_BLOCK_BYTES = 2**20


def is_covered(network, penalty, solver):
    """Whether there are compiled functions of all that a step needs.

    Parameters
    ----------
    network : network.Network
    penalty : penalties.Penalty
    solver : str
    """
    return (
        activations.is_compiled_activation(network)
        and losses.is_compiled_loss(network.loss)
        and updates.is_compiled_optimizer(OPTIMIZERS.get(solver))
        and all(
            # A subclass may do anything.
            type(term) is ElasticNet or updates.is_compiled_input_penalty(term)
            for term in penalty.terms
        )
    )


class CompiledStep:
    """The step in compiled functions: one model after the other.

    The parameters are those of `step.make_step`; the members are described at the top
    of that file.
    """

    engine = "compiled"
    takes_targets = True

    def __init__(self, network, penalty, solver, models, shared, X, Y, groups):
        self._network = network
        self.params = aligned_copy(np.stack([model.params for model in models]))
        kind = OPTIMIZERS[solver]
        self._state = OptimizerState.fresh(kind, self.params)
        self._state.load([model.optimizer_state for model in models])
        kind.tie(network, penalty, self._state)
        input_penalty = next(
            (term for term in penalty.terms if term.tied_groups is not None), None
        )
        kind_of_input_penalty = None if input_penalty is None else type(input_penalty)
        self._numbers = _numbers_of(penalty, input_penalty, models, shared)
        self._input_groups = _input_groups(network, input_penalty)
        dtype = self.params.dtype
        # A network may go on with rows of another precision.
        with np.errstate(over="ignore"):
            self._X = X = X.astype(dtype, copy=False)
            self._targets = arrays_of(Y, dtype)
        self._inputs, index_dtype = input_arrays(X, dtype)
        self._train = trainer_for(dtype, index_dtype)
        forward, backward = addresses_of_passes(dtype, index_dtype)
        activation, derivative = activations.addresses_of_activation(
            network.activation_name, dtype
        )
        norms, slopes = updates.addresses_of_input_penalty(kind_of_input_penalty, dtype)
        sparse_product, sparse_gradient = addresses_of_products(
            sparse.issparse(X), dtype, index_dtype
        )
        embed, wave_gradient = addresses_of_waves(network, dtype)
        self._addresses = addresses(
            product=address_of_product(dtype),
            forward=forward,
            backward=backward,
            activation=activation,
            derivative=derivative,
            loss=losses.address_of_loss(type(network.loss), dtype),
            update=updates.address_of_update(kind, input_penalty is not None, dtype),
            norms=norms,
            slopes=slopes,
            sparse_product=sparse_product,
            sparse_gradient=sparse_gradient,
            embed=embed,
            wave_gradient=wave_gradient,
        )
        self._layer_units = np.array(network.layer_units)
        self._loss_parameter = losses.parameter_of(network.loss)
        self._bind(groups)

    def _bind(self, groups):
        """Make the tables of the present models."""
        self._groups = groups
        self._ends = np.array([group.stop for group in groups])
        # Their memory depends on the number of groups.
        self._lanes = {}
        moments = list(self._state.arrays.values())
        # Of SGD's, which has one moment, the second is of no length.
        none = np.empty((len(self.params), 0), self.params.dtype)
        self._moments = (moments + [none])[:2]
        # The counters become columns of a table, and stay what they are to others.
        self._counters = np.zeros((len(self.params), len(updates.COUNTERS)))
        for column, name in enumerate(updates.COUNTERS):
            if name in self._state.vectors:
                self._counters[:, column] = self._state.vectors[name]
                self._state.vectors[name] = self._counters[:, column]
        # The arguments of `blocks._train` that are the same for all blocks.
        self._networks = (
            self._addresses,
            self._loss_parameter,
            self._layer_units,
            *embedding_of(self._network),
            self._ends,
            self.params,
            *self._moments,
            self._counters,
            self._numbers,
            *self._input_groups,
            *self._inputs,
            *self._targets,
        )

    def keep(self, models, groups):
        """Forget all models but these (an index array)."""
        self.params = aligned_copy(self.params[models])
        self._numbers = self._numbers[models]
        self._state.keep(models)
        self._bind(groups)

    def export_state(self, model):
        return self._state.export(model)

    def longest_block(self, n_rows):
        work = len(self.params) * self._network.n_params * n_rows
        n_bytes = len(self._groups) * self._network.n_outputs * n_rows * 8
        return max(1, min(_BLOCK_WORK // work, _BLOCK_BYTES // n_bytes))

    def run(self, block, rates):
        """Train on a block: the summed losses of its rows, ``(n_models,)``.

        Parameters
        ----------
        block : minibatches.Block
        rates : ndarray of shape (n_models,) or (n_steps, n_models)
        """
        total, losses = np.zeros(len(self.params)), np.empty(len(self.params))
        for piece in block.pieces:
            lane = self._lane(block, piece)
            self._train(
                *self._networks,
                *lane.minibatches(block, piece, rates),
                *lane.memory,
                losses,
            )
            total += losses
        return total

    def _lane(self, block, piece):
        """The memory for the minibatches of a piece, made where it is missing."""
        key = block.n_rows, block.has_masks, piece.X is not None
        if key not in self._lanes:
            self._lanes[key] = _Lane(self._network, self._X, len(self._groups), *key)
        return self._lanes[key]


class _Lane:
    """The memory for minibatches of one kind.

    Parameters
    ----------
    network : network.Network
    X : ndarray or CSR matrix
    n_groups : int
    n_rows : int
    has_masks, is_augmented : bool
    """

    def __init__(self, network, X, n_groups, n_rows, has_masks, is_augmented):
        self._X, dtype = X, X.dtype
        places = places_in_memory(
            network,
            n_rows,
            has_masks=has_masks,
            is_sparse=sparse.issparse(X) and not is_augmented,
        )
        self.memory = (
            aligned_empty((int(places[-1]),), dtype),
            places,
            np.empty((1 + losses.N_LINES, n_rows)),
            np.empty(n_rows, np.int64),
        )
        self._nothing = np.empty((0, 0, 0), dtype)
        self._no_weight = np.empty((0, 0, 0))
        self._no_Y = np.empty((0, 0, 0, 0), dtype)
        if is_augmented:
            self._augmented = np.empty((n_groups, n_rows, X.shape[1]), dtype)

    def minibatches(self, block, piece, rates):
        """The minibatches of a piece, as arguments of `blocks._train`.

        What there is none of is of no length, and all is of the parameters' dtype.
        """
        part, dtype = slice(piece.steps.start, piece.steps.stop), self._X.dtype
        weight, masks, Y = self._no_weight, self._nothing, self._no_Y
        if block.weight is not None:
            weight = block.weight[part].astype(np.float64, copy=False)
        if piece.masks is not None:
            masks = piece.masks.astype(dtype, copy=False)
        if piece.X is not None:
            Y = block.Y[part].astype(dtype, copy=False)
        return (
            block.rows[:, part],
            weight,
            rates[part] if rates.ndim == 2 else rates[None],
            masks,
            self._all_augmented(piece.X, block.rows[:, piece.steps.start]),
            Y,
        )

    def _all_augmented(self, parts, rows):
        """The rows of all groups, augmented or not, as one array; of no length if none.

        Parameters
        ----------
        parts : list of (ndarray or None), or None
            See `minibatches.Piece`.
        rows : ndarray of int of shape (n_groups, n_rows)
        """
        if parts is None:
            return self._nothing
        for place, part, indices in zip(self._augmented, parts, rows, strict=True):
            if part is None:
                part = self._X[indices]
                part = part.toarray() if sparse.issparse(part) else part
            place[...] = part
        return self._augmented


def _numbers_of(penalty, input_penalty, models, shared):
    """What the kernels read of the models: ``(n_models, n_numbers)``; see `updates`."""
    of_batch = {"l1": 0.0, "l2": penalty.weight_decay, "wave_rate": RATE}
    for term in penalty.terms:
        if term is not input_penalty:
            of_batch["l1"] = of_batch["l1"] + term.linear_strength()
    if input_penalty is not None:
        of_batch["feature_alpha"] = input_penalty.strength
        of_batch["feature_epsilon"] = getattr(input_penalty, "epsilon", 1.0)
    columns = [of_batch.get(name, 0.0) for name in updates.BATCH_NUMBERS]
    for name in updates.NUMBERS:
        columns.append(
            [getattr(model, name, getattr(shared, name, 0.0)) for model in models]
        )
    numbers = np.empty((len(models), len(columns)))
    for place, column in zip(numbers.T, columns, strict=True):
        place[:] = column
    return numbers


def _input_groups(network, input_penalty):
    """The group of each row, the first of each group, and a table of the groups.

    See `updates`; of no length where inputs are not penalized.
    """
    n_numbers = len(updates.GROUP_NUMBERS)
    if input_penalty is None:
        nothing = np.empty(0, np.int64)
        return nothing, nothing, np.empty((n_numbers, 0))
    groups = input_penalty.tied_groups
    table = np.zeros((n_numbers, groups.n_groups))
    table[0] = groups.row_counts * network.layer_units[1]
    table[1] = np.sqrt(groups.sizes)
    return groups.row_labels.astype(np.int64), groups.first.astype(np.int64), table
