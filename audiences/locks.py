"""Which advisory locks exist? PostgreSQL knows them by number only, so all numbers stand here, each once."""

REVISION = 7_203_111  # transaction: history's numbers commit in order
POSITION = 7_203_112  # transaction: two new behaviours never take one bit
START_RUN = 7_203_113  # transaction: asking twice for a run gives the same run
PULSE = 7_203_114  # transaction: pulse numbers commit in order
PUBLICATION = 7_203_115  # session: publishers build one after the other
REBUILD = 7_203_116  # session: one rebuild of the serving store at a time
BACKFILL = 7_203_117  # session, with the digests of file and mapping: one process per run of a backfill
JOURNEYS = 7_203_118  # session: one pass over everybody's marks at a time
