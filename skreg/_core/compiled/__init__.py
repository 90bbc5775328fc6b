"""The step compiled by numba: the one in NumPy, with fewer passes over memory.

NumPy reads and writes all of an array for each operation. Here a minibatch passes once
through each layer, and once through all parameters. What is left is the time of the
matrix products, which are BLAS's here as there. No function of this package needs the
interpreter while it runs, so that several Python threads train at once.

From the bottom to the top:

- `jit` says how functions are compiled;
- `primitives` has what numba lacks: views of memory, calls by address, BLAS's product;
- `elementary` has functions of a number, `layout` the places of what is handed over;
- `activations`, `losses`, `updates`, `sparse`, `periodic` and `passes` have the
  *kernels*, called by their addresses, of which a network needs a few;
- `blocks` takes blocks of minibatches, or many rows, through networks;
- `step` and `evaluation` hand it the arrays, and know what is covered.

A kernel is compiled when the first network needs it, for each dtype, and is kept on
disk, in `__pycache__` or, if that is read-only, in the user's cache. Nothing is
compiled anew for other shapes. numba looks at a function's own file to see whether what
it kept is still valid, so a file with kernels takes from this package only what is in
`jit`, `primitives`, `elementary` and `layout`: who changes one of these four calls
`make clean`.
"""
