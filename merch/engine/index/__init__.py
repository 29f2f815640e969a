"""Which candidates of a placement can match this call, without asking each?

docs/algorithms/index.md is the specification.
"""

from merch.engine.index.index import Found, Index, Piece
from merch.engine.index.masks import each
from merch.engine.index.reading import Asker

__all__ = ["Asker", "Found", "Index", "Piece", "each"]
