"""Nearest clinical neighbours for chest X-rays: find, score and explain the films that look and read alike.

Public names are in `__init__.pyi`, here and in each sub-package; they load on first use, so that importing
the package takes a fraction of a second.
"""

import warnings

import lazy_loader

__version__ = "0.1.0"
# In notebooks, from libraries that import tqdm; the package's own bars need no widgets.
warnings.filterwarnings("ignore", message="IProgress not found")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
