"""Partitioned events, the version sequence and the view over all events: what the ORM cannot say."""

from django.db import migrations

PARTITION_BY_DAY = """
ALTER TABLE audiences_event RENAME TO audiences_event_plain;
CREATE TABLE audiences_event (LIKE audiences_event_plain INCLUDING ALL) PARTITION BY RANGE (day);
DROP TABLE audiences_event_plain;
ALTER INDEX audiences_event_name_subject_id_occurred_at_idx RENAME TO event_name_subject_time;
"""

UNPARTITION = """
ALTER TABLE audiences_event RENAME TO audiences_event_parts;
ALTER INDEX event_name_subject_time RENAME TO event_name_subject_time_parts;
CREATE TABLE audiences_event (LIKE audiences_event_parts INCLUDING ALL);
INSERT INTO audiences_event SELECT * FROM audiences_event_parts;
DROP TABLE audiences_event_parts;
ALTER INDEX audiences_event_name_subject_id_occurred_at_idx RENAME TO event_name_subject_time;
"""

# One partition per day and table, made on demand; two makers at once wait for each other instead of failing.
ENSURE_DAY = """
CREATE FUNCTION merch_ensure_day(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE part text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN RETURN false; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(part, 0));
    IF to_regclass(part) IS NOT NULL THEN RETURN false; END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, parent, day, day + 1);
    RETURN true;
END $$
"""

EVENT_LOG = """
CREATE VIEW event_log AS
SELECT source, event_id, day, kind, name, subject_id, occurred_at, received_at, properties FROM audiences_event
UNION ALL
SELECT source, event_id, day, kind, name, subject_id, occurred_at, received_at, properties FROM audiences_moneyevent
"""


class Migration(migrations.Migration):
    dependencies = [("audiences", "0001_initial")]

    operations = [
        migrations.RunSQL(PARTITION_BY_DAY, UNPARTITION),
        migrations.RunSQL(ENSURE_DAY, "DROP FUNCTION merch_ensure_day(text, date)"),
        migrations.RunSQL("CREATE SEQUENCE subject_version", "DROP SEQUENCE subject_version"),
        migrations.RunSQL(EVENT_LOG, "DROP VIEW event_log"),
    ]
