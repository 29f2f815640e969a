"""Which commands does the audiences package give to engineers?"""
