"""Tables of classes and functions by the names that users give."""

__all__ = ["entry_of"]


def entry_of(table, name, parameter):
    """The entry of a name.

    Parameters
    ----------
    table : dict of str to object
    name : str
    parameter : str
        The parameter of an estimator that has such names as values.

    Raises
    ------
    ValueError
        If there is no such entry: the message names it and those that there are.
    """
    if name not in table:
        known = ", ".join(map(repr, table))
        raise ValueError(f"There is no {parameter}={name!r}; there are {known}.")
    return table[name]
