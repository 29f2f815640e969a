"""Who is in which audience, and which behaviour bits has each subject? (docs/algorithms/audience-runs.md)

Here stands what asks: cheap to import, for every process. What answers is imported by its own name, by the processes
that work: ``execution`` computes a run with the engines, ``publish`` brings it into force.
"""

from audiences.membership.files import sweep_exports
from audiences.membership.lease import LeaseLost, RunBusy, fruitless, waiting
from audiences.membership.leaves import LAYOUT, ensure_documents, ensure_leaves, filled_positions, positions
from audiences.membership.lists import BadList, Replaced, replace_list
from audiences.membership.runs import ENGINES, UnknownAudience, due, newest_published, start_run

__all__ = [
    "ENGINES",
    "LAYOUT",
    "BadList",
    "LeaseLost",
    "Replaced",
    "RunBusy",
    "UnknownAudience",
    "due",
    "ensure_documents",
    "ensure_leaves",
    "filled_positions",
    "fruitless",
    "newest_published",
    "positions",
    "replace_list",
    "start_run",
    "sweep_exports",
    "waiting",
]
