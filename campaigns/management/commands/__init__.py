"""Which commands does the campaigns package give to engineers?"""
