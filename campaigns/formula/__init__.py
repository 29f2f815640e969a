"""What number does this formula give?

Pure; the language is specified in docs/algorithms/ranking.md. A formula is read once, every name checked against the
catalogue, and becomes a function of its operands.
"""

from campaigns.formula.reading import Formula, names_of, read
from campaigns.formula.values import Operands

__all__ = ["Formula", "Operands", "names_of", "read"]
