"""How does a whole catalogue come in from a file, by key, and what would it change? (docs/howto/catalogue.md)"""

from campaigns.importing.documents import Unreadable, document_of
from campaigns.importing.lines import Line, Verdict
from campaigns.importing.mapping import document_of_rows
from campaigns.importing.running import Outcome, run

__all__ = ["Line", "Outcome", "Unreadable", "Verdict", "document_of", "document_of_rows", "run"]
