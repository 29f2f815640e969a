"""Which settings does a process run under? (local, test or production; all begin from base.)"""
