"""What did it do, how sure are we, and when may we say so? Pure: totals in, frozen answers out.

An answer of None means that these totals cannot answer the question: too few subjects, no variation, a plan
that was never made. Nothing here raises for data, and nothing returns a number that is not one.
"""
