"""Which commands does the experiments package give to engineers?"""
