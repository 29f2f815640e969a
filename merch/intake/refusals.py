"""Why is one event of a batch not accepted? (``code`` is stable; the text names the field and the way out.)"""

from __future__ import annotations


class Refusal(ValueError):
    """One event is not accepted; the rest of its batch is."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
