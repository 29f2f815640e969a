"""How did the campaigns tables come to be?"""
