"""How does what is known elsewhere come in from files, once, however often it is begun? (docs/howto/backfill.md)"""
