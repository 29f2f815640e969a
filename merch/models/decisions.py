"""What was decided, from which inputs?"""

from __future__ import annotations

from django.db import models


class DecisionRecord(models.Model):
    """A recorded decision: packed inputs and result, enough to run it again. Partitioned by UTC day."""

    pk = models.CompositePrimaryKey("decision_id", "day")
    decision_id = models.UUIDField()
    day = models.DateField()
    decided_at = models.DateTimeField()
    subject = models.CharField(max_length=202, help_text="a:<id> or d:<id>")
    release = models.CharField(max_length=71)
    pulse = models.BigIntegerField()
    randomised = models.BooleanField(help_text="A hash of chance had a part in it: kept 400 days.")
    inclusion = models.FloatField(
        db_default=1.0, help_text="Probability with which this record is kept: 1, or the share of the hashed sample."
    )
    inputs = models.BinaryField(help_text="zlib-compressed MessagePack, see merch/recording.py.")
    result = models.BinaryField(help_text="zlib-compressed MessagePack.")

    class Meta:
        db_table = "merch_decisionrecord"
        # Serves "what did this subject see", newest first.
        indexes = (models.Index(fields=("subject", "-decided_at"), name="decisions_of_subject"),)

    def __str__(self) -> str:
        return str(self.decision_id)
