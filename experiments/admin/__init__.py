"""How do people see and edit tests and holdouts?"""

from experiments.admin import experiments, holdouts

__all__ = ["experiments", "holdouts"]
