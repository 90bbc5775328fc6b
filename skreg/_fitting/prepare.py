"""Tasks to models: what a batch needs to know of each, made once for all that agree."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._core.buffers import numbers_of_rows
from .._core.network import Network
from .._core.penalties import InputGroups
from .._core.periodic import PeriodicLayer, has_many_values
from .._core.stopping import Curves, Progress
from .._core.streams import Stream
from .._core.targets import OneHot
from .._core.training import Model
from .._core.validation import Holdout
from .._utils.warnings import warn
from ..augmentation import is_resampler
from .augmenting import prepare_for, resample_rows
from .keys import Same, value_key
from .scoring import ValidationScore
from .solvers import solver_of
from .sparse_path import auto_epsilon
from .splits import split_by, split_validation_rows
from .stopping import make_criterion
from .tasks import FitTask, Validation

__all__ = ["Preparation", "Prepared", "restarted"]


@dataclass
class Prepared:
    """A task, ready to train."""

    index: int
    task: FitTask
    network: Network
    model: Model
    X: Any
    Y: np.ndarray | OneHot
    encoding: Any
    batch_size: int
    validation_rows: tuple | None = None
    groups: InputGroups | None = None

    @property
    def key(self):
        """Equal for networks that train in one batch."""
        stream = self.model.stream
        return (
            self.task.config.key("batch"),
            Same(self.groups),
            self.network.key,
            self.batch_size,
            stream.n_rows,
            stream.sample_weight is not None,
            Same(self.X),
            Same(self.Y),
        )


class Preparation:
    """Turns tasks into models; what tasks have in common is made once.

    Each cache has a key of all that its values depend on (see `config`), beside the
    data, which are the same for all tasks.

    Parameters
    ----------
    X, y
        As for `fit_each`.
    validation : Validation or None
    """

    def __init__(self, X, y, validation):
        self._X, self._y, self._validation = X, y, validation
        self._own = Validation(X, y)
        self._encoded = {}
        self._training_targets = {}
        self._groups = {}
        self._embedded = {}
        self._starts = {}
        self._resumed = {}
        self._resampled = {}
        self._holdouts = {}
        self._scored = {}
        self._given_rows = validation and np.arange(validation.X.shape[0])

    def prepare(self, index, task):
        """A task, ready to train.

        Parameters
        ----------
        index : int
        task : FitTask

        Returns
        -------
        Prepared
        """
        config = task.config
        network, encoding, (params, stream, validation_rows) = self._begin(task)
        X, Y = self._X, self._training_target(config, encoding)
        holdout = self._holdout(task, encoding, stream, network, validation_rows)
        score = self._score(task, encoding, network, holdout)
        if is_resampler(config.augmentation):
            X, Y, stream = self._resample(task, encoding, stream)
        numbers, groups = config.step_values(), None
        if config.feature_alpha > 0:
            numbers["feature_epsilon"] = _feature_epsilon(task, network, params)
            groups = self._input_groups(config, network)
        model = Model(
            params,
            stream,
            _progress(task, encoding, network.loss),
            holdout=holdout,
            score=score,
            optimizer_state=task.state.optimizer if task.state else None,
            n_samples_seen=task.state.n_samples_seen if task.state else 0,
            max_iter=task.max_iter or config.max_iter,
            max_updates=task.n_updates,
            schedule_iter=task.schedule_iter or config.max_iter,
            weight_averaging=config.weight_averaging,
            average=task.state.average if task.state else None,
            largest_raw=getattr(encoding, "largest_raw", np.inf),
            **numbers,
        )
        self._tell_of_batch_size(config, stream.n_rows)
        return Prepared(
            index,
            task,
            network,
            model,
            X,
            Y,
            encoding,
            batch_size=config.batch_size_for(stream.n_rows),
            validation_rows=validation_rows,
            groups=groups,
        )

    def _begin(self, task):
        """The network, the encoding of the target, and the start of training."""
        config, problem = task.config, task.config.problem
        rows = task.rows
        if rows is None:
            rows = numbers_of_rows(self._X.shape[0])
        encoding = task.encoding or problem.encoding_of(_rows_of(self._y, task.rows))
        # Rows that a given split holds out have no say in how classes are balanced, nor
        # in which inputs have periodic features.
        counted = None if task.split is None else task.split[0]
        weight = problem.training_weight(
            task.sample_weight, self._y, rows, encoding, counted
        )
        n_outputs = problem.n_outputs(self._y, encoding)
        network = Network(
            (self._X.shape[1], *config.hidden_units, n_outputs),
            config.activation,
            problem.make_loss(encoding),
            self._periodic_layer(task, rows if counted is None else rows[counted]),
        )
        if task.resume:
            start = self._resume(task)
        else:
            start = self._start(task, network, rows, weight, encoding)
        _, stream, _ = start
        encoding = self._encoding_on(
            config, encoding, stream.rows, stream.sample_weight
        )
        return network, encoding, start

    def _tell_of_batch_size(self, config, n_rows):
        is_number = isinstance(config.batch_size, Integral)
        is_larger = is_number and config.batch_size > n_rows
        if is_larger and solver_of(config.solver).has_minibatches:
            warn(
                f"Got batch_size={config.batch_size} larger than the {n_rows} training "
                "rows. It is going to be clipped.",
                topic="batch_size",
            )

    def _input_groups(self, config, network):
        groups = config.input_groups(self._X).of_rows(network.owners)
        # One object for all that agree, by which a batch knows it.
        key = groups.labels.tobytes(), groups.row_labels.tobytes()
        return self._groups.setdefault(key, groups)

    def _periodic_layer(self, task, rows):
        """The layer of periodic features that a task's network has, or None."""
        config, inputs = task.config, task.embedded_inputs
        if config.n_frequencies == 0:
            return None
        if task.state is not None:
            inputs = task.state.embedded_inputs
        if inputs is None:
            weight = task.sample_weight
            key = Same(task.rows), Same(task.split), Same(weight)
            if key not in self._embedded:
                # A row without weight is as good as none.
                rows = rows if weight is None else rows[weight[rows] > 0]
                has_many = has_many_values(self._X, rows)
                self._embedded[key] = np.flatnonzero(has_many)
            inputs = self._embedded[key]
        return PeriodicLayer(
            self._X.shape[1], inputs, config.n_frequencies, config.frequency_scale
        )

    def _encoding_on(self, config, encoding, rows, weight):
        """The encoding where it depends on the training rows, without validation."""
        return encoding or config.problem.encoding_on(self._y[rows], weight)

    def _encode(self, config, encoding):
        key = config.key("target"), _encoding_key(encoding)
        if key not in self._encoded:
            Y = config.problem.encode_for_training(self._y, encoding, self._X.dtype)
            self._encoded[key] = Y
        return self._encoded[key]

    def _training_target(self, config, encoding):
        key = config.key("target"), _encoding_key(encoding)
        if key not in self._training_targets:
            Y = self._encode(config, encoding)
            self._training_targets[key] = config.problem.training_target(Y, encoding)
        return self._training_targets[key]

    def _start(self, task, network, rows, weight, encoding):
        """Initial parameters, stream, validation rows: shared by tasks that agree."""
        config, state = task.config, task.state
        key = (
            config.key("start"),
            # Without a seed each start is another.
            object() if config.random_state is None else None,
            network.key,
            _encoding_key(encoding),
            # Members that draw their weights by themselves share the rest.
            task.seeds.split,
            task.seeds.minibatches,
            task.seeds.weights is None,
            *map(Same, (task.rows, task.sample_weight, task.groups, task.split, state)),
        )
        if key not in self._starts:
            if state is not None and state.stream is not None:
                augmentation = self._prepare_augmentation(task, rows, weight, encoding)
                stream = state.stream.on_rows(rows, weight, augmentation)
                self._starts[key] = state.params, stream, None
            else:
                self._starts[key] = self._draw_start(
                    task, network, rows, weight, encoding
                )
        params, stream, validation_rows = self._starts[key]
        if task.seeds.weights is not None and state is None:
            random_state = check_random_state(task.seeds.weights)
            params = network.initialize(random_state, self._X.dtype)
        return params, stream, validation_rows

    def _resume(self, task):
        """As `_start`: states whose streams go on alike share one again."""
        state = task.state
        # Streams with the same rows, of which there are few, are compared in full.
        key = state.stream.rows.tobytes(), value_key(state.stream.augmentation)
        known = self._resumed.setdefault(key, [])
        stream = next((s for s in known if s.goes_on_like(state.stream)), None)
        if stream is None:
            stream = state.stream
            known.append(stream)
        return state.params, stream, state.validation_rows

    def _draw_start(self, task, network, rows, weight, encoding):
        splits = task.config.early_stopping and self._validation is None
        random_state = check_random_state(task.config.random_state)
        params, seeds = None, task.seeds
        if task.state is not None:
            params = task.state.params
        elif seeds.weights is None:
            params = network.initialize(random_state, self._X.dtype)
        validation_rows = None
        if splits:
            training, validation_rows = self._split(
                task, len(rows), encoding, _generator(seeds.split, random_state)
            )
            validation_weight = None
            if weight is not None:
                weight, validation_weight = weight[training], weight[validation_rows]
                _check_total_weight(weight, "training")
                _check_total_weight(validation_weight, "validation")
            validation_rows = rows[validation_rows], validation_weight
            rows = rows[training]
        elif weight is not None:
            _check_total_weight(weight, "training")
        augmentation = self._prepare_augmentation(task, rows, weight, encoding)
        random_state = _generator(seeds.minibatches, random_state)
        return params, Stream(rows, random_state, weight, augmentation), validation_rows

    def _prepare_augmentation(self, task, rows, weight, encoding):
        if task.config.augmentation is None:
            # There is no need of a target yet, while there are the rows of a split.
            return None
        encoding = self._encoding_on(task.config, encoding, rows, weight)
        Y = self._training_target(task.config, encoding)
        return prepare_for(task.config.augmentation, self._X, Y, rows)

    def _resample(self, task, encoding, stream):
        """X, Y and stream of the training rows after the resampler; once a stream."""
        if task.resume:
            raise ValueError(
                "Training with a resampler as augmentation cannot be resumed: its "
                "rows are drawn anew."
            )
        config = task.config
        key = Same(stream), config.key("target"), _encoding_key(encoding)
        if key not in self._resampled:
            seed = stream.noise_seed[0]
            X, y, new = resample_rows(config, self._X, self._y, stream, seed)
            Y = config.problem.encode_for_training(y, encoding, X.dtype)
            Y = config.problem.training_target(Y, encoding)
            self._resampled[key] = X, Y, new
        return self._resampled[key]

    def _split(self, task, n_rows, encoding, random_state):
        """Training and validation rows, as positions in the task's rows."""
        if task.split is not None:
            return task.split
        config, y = task.config, _rows_of(self._y, task.rows)
        if config.validation_splitter is not None:
            X, groups = _rows_of(self._X, task.rows), task.groups
            groups = None if groups is None else _rows_of(groups, task.rows)
            return split_by(config.validation_splitter, X, y, groups)[-1]
        codes = None if encoding is None else encoding.strata(y)
        return split_validation_rows(
            n_rows, config.validation_fraction, random_state, codes
        )

    def _holdout(self, task, encoding, stream, network, validation_rows):
        """The validation rows with their weights: one object for all that agree."""
        config, given = task.config, self._validation
        problem = config.problem
        if not config.early_stopping:
            return None
        Y = self._encode(config, encoding)
        unit = problem.loss_unit(network.loss, Y, stream)
        if validation_rows is not None:
            X, (rows, weight) = self._X, validation_rows
        else:
            problem.check(given.y, encoding, network.n_outputs, "y_val")
            X, rows = given.X, self._given_rows
            Y = problem.encode_for_training(given.y, encoding, X.dtype)
            weight = problem.training_weight(
                given.sample_weight, given.y, rows, encoding
            )
        holdout = Holdout(X, Y, rows, weight, unit)
        key = (
            config.key("target"),
            _encoding_key(encoding),
            Same(rows) if rows is self._given_rows else rows.tobytes(),
            None if weight is None else weight.tobytes(),
            unit,
        )
        return self._holdouts.setdefault(key, holdout)

    def _score(self, task, encoding, network, holdout):
        """What scores the validation rows where it is not their loss."""
        if holdout is None or task.config.scoring == "loss":
            return None
        rows = holdout.rows
        is_given = rows is self._given_rows
        source = self._validation if is_given else self._own
        if Same(holdout) not in self._scored:
            self._scored[Same(holdout)] = source.X[rows], source.y[rows]
        X, y = self._scored[Same(holdout)]
        given_weight = source.sample_weight if is_given else task.sample_weight
        return ValidationScore(
            task.predictor,
            task.config.scoring,
            network,
            encoding,
            X,
            y,
            holdout.sample_weight,
            has_sample_weight=given_weight is not None,
        )


def restarted(prepared):
    """A prepared task as it was before training, which has recorded some epochs."""
    progress = _progress(prepared.task, prepared.encoding, prepared.network.loss)
    return replace(prepared, model=prepared.model.changed(progress=progress))


def _generator(seed, default):
    """That of a seed of its own, or the one that everything is drawn by."""
    return default if seed is None else check_random_state(seed)


def _rows_of(y, rows):
    return y if rows is None else y[rows]


def _encoding_key(encoding):
    """Equal for encodings that make the same numbers of the same targets."""
    return encoding and encoding.key


def _feature_epsilon(task, network, params):
    """The one asked for, or that training began with, or one by the params."""
    epsilon = task.config.feature_epsilon
    if epsilon != "auto":
        return epsilon
    if task.state is not None and task.state.feature_epsilon is not None:
        return task.state.feature_epsilon
    return auto_epsilon(network, params)


def _check_total_weight(weight, part):
    if not weight.sum() > 0:
        raise ValueError(f"sample_weight is zero for all {part} rows.")


def _progress(task, encoding, loss):
    """A record of its own, going on with the curves (and the criterion) of a state."""
    config = task.config
    criterion = make_criterion(config)
    earlier = None if task.state is None else task.state.progress
    if earlier is None:
        unit = 1.0 if encoding is None else encoding.loss_unit(loss)
        return Progress(criterion, Curves(unit=unit), config.min_iter)
    # A state that is resumed may be resumed again; one that a fit starts from is the
    # estimator's own, whose curves the fit takes over if it succeeds.
    curves = earlier.curves.copy() if task.resume else Curves.after(earlier.curves)
    progress = Progress(criterion, curves, config.min_iter)
    if task.resume:
        progress.n_epochs = earlier.n_epochs
    monitored = earlier.best_iter is not None
    if task.state.stream is not None and monitored == config.early_stopping:
        progress.continue_from(earlier)
    return progress
