"""A new day's partition no longer stops readers and writers of the days beside it.

CREATE TABLE ... PARTITION OF takes an ACCESS EXCLUSIVE lock on the parent: it waits for every running query, and all
others wait behind it. A table made apart and attached takes SHARE UPDATE EXCLUSIVE, which neither reads nor inserts mind.

The second look asks pg_inherits: to_regclass may still answer from what this session cached before it waited.
"""

from django.db import migrations

ATTACH = """
CREATE OR REPLACE FUNCTION merch_ensure_day(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE part text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN RETURN false; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(part, 0));
    PERFORM FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = parent::regclass AND c.relname = part;
    IF FOUND THEN RETURN false; END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, day, day + 1);
    RETURN true;
END $$
"""

CREATE_OF = """
CREATE OR REPLACE FUNCTION merch_ensure_day(parent text, day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE part text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN RETURN false; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(part, 0));
    IF to_regclass(part) IS NOT NULL THEN RETURN false; END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, parent, day, day + 1);
    RETURN true;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("audiences", "0003_platform_definitions")]

    operations = [migrations.RunSQL(ATTACH, CREATE_OF)]
