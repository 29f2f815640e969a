"""How did the audiences tables come to be?"""
