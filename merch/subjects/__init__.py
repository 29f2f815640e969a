"""What does a decision know about its subject, and how does that get from PostgreSQL to the serving store?

The protocol, and what each race ends in: docs/algorithms/subject-records.md.
"""
