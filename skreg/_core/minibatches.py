"""The feeding of minibatches: rows' indices, targets, weights and masks, as arrays.

Networks are fed in *blocks* of consecutive minibatches of equal size. Everything that
is small is in arrays for the whole block. Augmented rows and dropout's masks are not
small: a block hands them out in *pieces*, a minibatch at a time, so that they are still
in cache when they are used.

A *group* stands for the models that share a stream, and with it their minibatches; all
that is drawn is drawn once for a group, in the order in which its generators would be
used if the group trained alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy import sparse

from .buffers import aligned_empty
from .properties import cached_property
from .rows import take_rows

__all__ = ["Block", "Minibatches", "Piece"]


@dataclass
class Piece:
    """A part of a block, with what is too large to be held for all of the block.

    It is valid until the next one is handed out.

    Attributes
    ----------
    steps : range
        Positions of its minibatches in the block: a single one where there are `X` or
        `masks`.
    X : list of (ndarray of shape (n_rows, n_features) or None), or None
        For each group the augmented rows; None where they are rows of X itself.
    masks : ndarray of shape (n_models, n_hidden_units, n_rows), or None
        What dropout multiplies activations by, one hidden layer after the other.
    """

    steps: range
    X: list | None = None
    masks: np.ndarray | None = None


@dataclass
class Block:
    """Consecutive minibatches of one size. Its arrays are overwritten by the next.

    Attributes
    ----------
    n_steps, n_rows : int
        The number of minibatches, and that of the rows in each.
    rows : ndarray of int of shape (n_groups, n_steps, n_rows)
        Rows of X, valid ones.
    Y : ndarray of shape (n_steps, n_groups, n_outputs, n_rows), or None
        Where rows are augmented, those of a piece are valid once it is handed out.
        Otherwise None if the step takes them itself: see `Minibatches`.
    weight : ndarray of shape (n_steps, n_groups, n_rows), or None
        The rows' weights, divided by the mean weight of all training rows and not by
        that of a minibatch: a heavy minibatch counts for more, one without weight for
        nothing. Valid as `Y` is.
    has_masks : bool
        Whether its pieces have masks.
    pieces : iterable of Piece
        To be run through once.
    """

    n_steps: int
    n_rows: int
    rows: np.ndarray
    Y: np.ndarray | None
    weight: np.ndarray | None
    has_masks: bool
    pieces: Iterable


class Minibatches:
    """The minibatches of a batch of models.

    Parameters
    ----------
    network : network.Network
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
    Y : ndarray or OneHot of shape (n_samples, n_outputs)
    streams : list of streams.Stream
        One for each group; all with the same number of rows.
    groups : list of slice
        The models of each group.
    dropout : ndarray of shape (n_models,)
        The share of hidden units that is dropped until others are set.
    batch_size : int
    shuffle : bool
    longest_block : int
        Minibatches of `batch_size` rows in a block, at most.
    has_targets : bool, default=True
        Whether blocks have the targets of rows that are not augmented.

    Raises
    ------
    IndexError
        Where a stream has a row that X does not have. Nobody looks at them again.
    """

    def __init__(
        self,
        network,
        X,
        Y,
        streams,
        groups,
        dropout,
        *,
        batch_size,
        shuffle,
        longest_block,
        has_targets=True,
    ):
        for stream in streams:
            if stream.rows.min() < 0 or stream.rows.max() >= X.shape[0]:
                raise IndexError(f"Training rows must be in 0 to {X.shape[0] - 1}.")
        self._X, self._Y, self._is_sparse = X, Y, sparse.issparse(X)
        self._streams, self._groups = streams, groups
        self._rates = dropout[:, None, None] if dropout.any() else None
        self._shuffle, self._has_targets = shuffle, has_targets
        n_rows = streams[0].n_rows
        self._size = min(batch_size, n_rows)
        self._longest_block = min(longest_block, n_rows // self._size)
        self._is_augmented = any(stream.augmentation is not None for stream in streams)
        # What an epoch visits, in its order: filled when it begins.
        self._orders = None
        self._n_rows = n_rows
        self._weight = None
        if streams[0].sample_weight is not None:
            means = np.array([stream.sample_weight.mean() for stream in streams])
            self._mean_weight = means[:, None]
            dtype = np.result_type(X.dtype, means.dtype)
            self._weight = np.empty((len(streams), n_rows), dtype)
        self._room_for = cache(
            partial(_Room, network, X.shape[1], len(streams), len(dropout), X.dtype)
        )
        # The views of an epoch's blocks, made once.
        self._blocks = self._cut(())

    def set_dropout(self, dropout):
        """Go on with other shares, ``(n_models,)``, if any units are dropped at all."""
        if self._rates is not None:
            self._rates = dropout[:, None, None]

    def epoch(self, ends=()):
        """Yield the blocks of one epoch.

        Parameters
        ----------
        ends : collection of int
            Numbers of minibatches, from the epoch's beginning, after which a block is
            to end in any case.

        Yields
        ------
        Block
        """
        self._begin_epoch()
        for start, room, block in self._cut(ends) if ends else self._blocks:
            self._load_rows(start, block)
            if self._is_augmented or self._rates is not None:
                block.pieces = self._pieces(start, room, block)
            if self._has_targets and not self._is_augmented:
                gathered = room.targets[: block.n_steps]
                for group, indices in enumerate(block.rows):
                    take_rows(self._Y, indices, gathered)
                    block.Y[:, group] = gathered.transpose(0, 2, 1)
            yield block

    def _begin_epoch(self):
        """Draw the orders, and put the weights into them."""
        self._orders = [stream.next_epoch(self._shuffle) for stream in self._streams]
        for group, (stream, order) in enumerate(
            zip(self._streams, self._orders, strict=True)
        ):
            if self._weight is not None:
                self._weigh(group, stream.sample_weight[order], self._weight[group])

    def _load_rows(self, start, block):
        """Write the rows of a block, which are found anew in each epoch."""
        part = slice(start, start + block.n_steps * block.n_rows)
        for stream, order, rows in zip(
            self._streams, self._orders, block.rows, strict=True
        ):
            rows[...] = stream.rows[order[part]].reshape(rows.shape)

    def _weigh(self, group, weight, out):
        """Divide weights, as numbers of X's dtype, by their group's mean weight."""
        weight = np.asarray(weight, dtype=self._X.dtype)
        np.divide(weight, self._mean_weight[group], out=out)

    def _cut(self, ends):
        """Cut an epoch into blocks: a list of (first row, buffers, block)."""
        n_full, step, blocks = self._n_rows // self._size, 0, []
        while step < n_full:
            next_ends = [end - step for end in ends if end > step]
            n_steps = min(self._longest_block, n_full - step, *next_ends)
            room = self._room_for(self._longest_block, self._size)
            blocks.append(self._block(step * self._size, n_steps, self._size, room))
            step += n_steps
        left = self._n_rows - n_full * self._size
        if left:
            room = self._room_for(1, left)
            blocks.append(self._block(n_full * self._size, 1, left, room))
        return blocks

    def _block(self, start, n_steps, n_rows, room):
        """The views of one block."""
        part = slice(start, start + n_steps * n_rows)
        shape = len(self._streams), n_steps, n_rows
        weight = None
        if self._weight is not None:
            weight = self._weight[:, part].reshape(shape).transpose(1, 0, 2)
        rows = room.rows[:, :n_steps]
        has_masks = self._rates is not None
        pieces = (Piece(range(n_steps)),)
        Y = None
        if self._has_targets or self._is_augmented:
            Y = room.Y[:n_steps]
        return start, room, Block(n_steps, n_rows, rows, Y, weight, has_masks, pieces)

    def _pieces(self, start, room, block):
        """Yield the minibatches of a block, augmented and with masks."""
        piece = Piece(range(0))
        if self._rates is not None:
            piece.masks = room.masks
        for step in range(block.n_steps):
            if self._is_augmented:
                # The rows before go first, so that these may come into their memory.
                piece.X = None
                first = start + step * block.n_rows
                part = slice(first, first + block.n_rows)
                piece.X = [
                    self._augment(group, part, room, block, step)
                    for group in range(len(self._groups))
                ]
            if piece.masks is not None:
                for mask in room.layer_masks:
                    self._draw(mask)
            piece.steps = range(step, step + 1)
            yield piece

    def _augment(self, group, part, room, block, step):
        """Write one group's targets and weights; its augmented rows, or None."""
        stream, rows = self._streams[group], block.rows[group, step]
        targets, weight = take_rows(self._Y, rows, room.targets[0]), None
        if stream.augmentation is None:
            block.Y[step, group] = targets.T
            return None
        if self._weight is not None:
            weight = stream.sample_weight[self._orders[group][part]]
        if self._is_sparse:
            X = self._X[rows].toarray()
        else:
            X = take_rows(self._X, rows, room.X[group])
        X, targets, weight = stream.augmentation(
            X, targets, weight, stream.augmentation_rng
        )
        block.Y[step, group] = targets.T
        if self._weight is not None:
            self._weigh(group, weight, block.weight[step, group])
        return X

    def _draw(self, mask):
        """Inverted dropout: 0 with probability `dropout`, else 1 / (1 - dropout)."""
        for stream, models in zip(self._streams, self._groups, strict=True):
            rate = self._rates[models]
            if not rate.any():
                # Alone, these models would draw nothing.
                mask[models] = 1
                continue
            uniform = stream.dropout_rng.random(mask.shape[1:], dtype=np.float32)
            np.divide(uniform >= rate, 1 - rate, out=mask[models], casting="same_kind")


class _Room:
    """The buffers of blocks whose minibatches have one size; made where they are used.

    Parameters
    ----------
    network : network.Network
    n_features, n_groups, n_models : int
    dtype : dtype
    n_steps, n_rows : int
        The number of minibatches, and that of the rows in each.
    """

    def __init__(self, network, n_features, n_groups, n_models, dtype, n_steps, n_rows):
        self._network, self._n_steps = network, n_steps
        self._dtype, self._shape = dtype, (n_features, n_groups, n_models, n_rows)
        self.rows = np.empty((n_groups, n_steps, n_rows), dtype=np.intp)

    @cached_property
    def targets(self):
        """One group's targets, row by row."""
        n_rows = self._shape[-1]
        shape = self._n_steps, n_rows, self._network.n_outputs
        return aligned_empty(shape, self._dtype)

    @cached_property
    def Y(self):
        """All targets as the step wants them: `Block.Y`."""
        _, n_groups, _, n_rows = self._shape
        shape = self._n_steps, n_groups, self._network.n_outputs, n_rows
        return aligned_empty(shape, self._dtype)

    @cached_property
    def X(self):
        """Each group's rows of a minibatch, before they are augmented."""
        n_features, n_groups, _, n_rows = self._shape
        return aligned_empty((n_groups, n_rows, n_features), self._dtype)

    @cached_property
    def masks(self):
        """The masks of a minibatch: `Piece.masks`."""
        _, _, n_models, n_rows = self._shape
        n_units = sum(self._network.layer_units[1:-1])
        return aligned_empty((n_models, n_units, n_rows), self._dtype)

    @cached_property
    def layer_masks(self):
        """The same, as a list of views: one a hidden layer."""
        return self._network.hidden_layers(self.masks)
