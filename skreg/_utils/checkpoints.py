"""Files from which a long call that was interrupted or killed goes on.

A search saves where it stands after each rung. The same call on the same data finds
that file by a hash of everything that its result depends on, and goes on from there.
The file is removed when the call has succeeded.
"""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import joblib
import numpy as np
import sklearn

from .warnings import warn

__all__ = ["CHECKPOINT_CONSTRAINT", "Checkpoint"]

# What the parameter `checkpoint` of an estimator may be.
CHECKPOINT_CONSTRAINT = [str, os.PathLike, None]

# Whoever changes what states hold changes this, so that older files are not read.
_FORMAT = 1


class Checkpoint:
    """Where a call keeps its state.

    Parameters
    ----------
    folder : str, path or None
        It is made if it does not exist. Nothing is kept with None.
    name : str
        The beginning of the file's name.
    *identity
        Everything that the result of the call depends on.

    Raises
    ------
    OSError
        If the folder cannot be made.
    ValueError
        If the identity cannot be pickled, as functions without a name cannot.
    """

    def __init__(self, folder, name, *identity):
        self._path = None
        if folder is None:
            return
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        versions = _FORMAT, np.__version__, sklearn.__version__
        try:
            key = joblib.hash((name, versions, identity))
        except Exception as error:
            raise ValueError(
                f"checkpoint={str(folder)!r} needs parameters and data that can be "
                "pickled, which functions without a name (lambda) cannot be."
            ) from error
        self._path = folder / f"{name}-{key}.joblib"

    @classmethod
    def of(cls, estimator, *identity):
        """That of an estimator, in the folder of its parameter `checkpoint`.

        An estimator that draws with ``random_state=None`` is warned about: another call
        has another identity, and finds nothing to go on with.
        """
        is_unseeded = getattr(estimator, "random_state", 0) is None
        if estimator.checkpoint is not None and is_unseeded:
            warn(
                f"checkpoint={str(estimator.checkpoint)!r} does nothing with "
                "random_state=None: another call draws anew, and does not go on with "
                "what this one leaves. Set random_state to an int."
            )
        return cls(estimator.checkpoint, type(estimator).__name__, *identity)

    def load(self):
        """The state that an earlier call has left; None if there is none."""
        if self._path is None or not self._path.exists():
            return None
        try:
            return joblib.load(self._path)
        except Exception as error:
            warn(
                f"{self._path} cannot be read, so that training begins anew: {error!r}"
            )
            return None

    def save(self, state):
        """Keep a state in place of the one before.

        The file is never half written. A state that cannot be saved is no reason to
        lose a search: there is a warning, and it goes on.
        """
        if self._path is None:
            return
        try:
            self._write(state)
        except Exception as error:
            warn(f"The checkpoint {self._path} could not be written: {error!r}")

    def _write(self, state):
        beside = {"dir": self._path.parent, "prefix": self._path.name, "suffix": ".tmp"}
        with NamedTemporaryFile(**beside, delete=False) as file:
            try:
                joblib.dump(state, file)
                file.close()
                os.replace(file.name, self._path)
            except BaseException:
                file.close()
                os.unlink(file.name)
                raise

    def remove(self):
        """Remove the file of a call that has succeeded."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
