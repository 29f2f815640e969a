"""Who is in which audience, and which behaviour bits has each subject? (docs/algorithms/audience-runs.md)"""

from audiences.membership.execution import Progress, execute, silent
from audiences.membership.files import sweep_exports
from audiences.membership.lease import LeaseLost, RunBusy, fruitless, waiting
from audiences.membership.leaves import LAYOUT, ensure_documents, ensure_leaves, filled_positions, positions
from audiences.membership.lists import BadList, Replaced, replace_list
from audiences.membership.publish import NotNow, abandon, accept, roll_back
from audiences.membership.runs import ENGINES, UnknownAudience, due, newest_published, start_run

__all__ = [
    "ENGINES",
    "LAYOUT",
    "BadList",
    "LeaseLost",
    "NotNow",
    "Progress",
    "Replaced",
    "RunBusy",
    "UnknownAudience",
    "abandon",
    "accept",
    "due",
    "ensure_documents",
    "ensure_leaves",
    "execute",
    "filled_positions",
    "fruitless",
    "newest_published",
    "positions",
    "replace_list",
    "roll_back",
    "silent",
    "start_run",
    "sweep_exports",
    "waiting",
]
