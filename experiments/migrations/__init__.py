"""How did the experiments tables come to be?"""
