"""What pytest does not collect: the compiled functions where there is no numba."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("numba") else ["skreg/_core/compiled/*"]
