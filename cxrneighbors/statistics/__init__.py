"""Statistics with the patient as the unit: who that is, resampling, tests, intervals, corrections.

The ground floor: nothing here knows of films, labels or encoders. How well each test and interval keeps its
promise: `eval/calibration.py`. Public names are in `__init__.pyi`; they load on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
