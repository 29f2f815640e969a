"""An event arrives: is it believed, stored once, and remembered by the subject's record?

What is folded where, how clocks are corrected and what makes an event unique: docs/algorithms/subject-records.md.
"""

from merch.intake.receiving import MOST_EVENTS, BatchRefused, Receipt, Rejected, receive

__all__ = ["MOST_EVENTS", "BatchRefused", "Receipt", "Rejected", "receive"]
