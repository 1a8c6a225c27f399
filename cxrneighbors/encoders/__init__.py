"""From films and reports to vectors: VAE, PCA, HOG, pixels, language models, and the store of embeddings.

Public names are in `__init__.pyi`; they load on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
