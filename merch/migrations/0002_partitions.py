"""Decision records are partitioned by UTC day, so that retention drops a table instead of deleting rows."""

from django.db import migrations

PARTITION_BY_DAY = """
ALTER TABLE merch_decisionrecord RENAME TO merch_decisionrecord_plain;
CREATE TABLE merch_decisionrecord (LIKE merch_decisionrecord_plain INCLUDING ALL) PARTITION BY RANGE (day);
DROP TABLE merch_decisionrecord_plain;
ALTER INDEX merch_decisionrecord_subject_decided_at_idx RENAME TO decisions_of_subject;
"""

UNPARTITION = """
ALTER TABLE merch_decisionrecord RENAME TO merch_decisionrecord_parts;
ALTER INDEX decisions_of_subject RENAME TO decisions_of_subject_parts;
CREATE TABLE merch_decisionrecord (LIKE merch_decisionrecord_parts INCLUDING ALL);
INSERT INTO merch_decisionrecord SELECT * FROM merch_decisionrecord_parts;
DROP TABLE merch_decisionrecord_parts;
ALTER INDEX merch_decisionrecord_subject_decided_at_idx RENAME TO decisions_of_subject;
"""


class Migration(migrations.Migration):
    dependencies = [("merch", "0001_initial"), ("audiences", "0002_storage")]

    operations = [migrations.RunSQL(PARTITION_BY_DAY, UNPARTITION)]
