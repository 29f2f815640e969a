"""How are rules answered for all subjects at once?"""
