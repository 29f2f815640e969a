"""Which figures does `make bench` print, and in which order?"""

from importlib import import_module

import django
from django.core.management import call_command

from config import env

PARTS = ("engine", "peers", "doors", "builds")


def main() -> None:
    """Everything, in one run; the rows go to benchmarks/results/latest.json."""
    env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
    django.setup()
    call_command("migrate", verbosity=0)
    # Only once Django is set up.
    rows = [row for part in PARTS for row in import_module(f"benchmarks.{part}").measure()]
    import_module("benchmarks.report").keep(rows)


if __name__ == "__main__":
    main()
