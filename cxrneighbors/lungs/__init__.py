"""Lungs on frontal films: found by a trained network or a rule, cut into regions, and brought into one frame.

Public names are in `__init__.pyi`; they load on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
