"""Properties that are computed once."""

__all__ = ["cached_property"]


class cached_property:
    """A property that an object keeps from when it is first asked for.

    As in `functools`, but without the lock that it has before Python 3.12, and that all
    objects of a class share: a thread waits for the others, and a forked process for
    ever, if one of its parent's threads has the lock.
    """

    def __init__(self, function):
        self._function, self.__doc__ = function, function.__doc__

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = self._function(instance)
        # What the object has under this name is found before this descriptor.
        vars(instance)[self._name] = value
        return value
