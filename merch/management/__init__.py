"""Which commands does the merch package give to engineers?"""
