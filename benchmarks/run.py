"""Which figures does `make bench` print, and in which order?"""

import django
from django.core.management import call_command

from config import env

env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()


def main() -> None:
    """Everything, in one run; the rows go to benchmarks/results/latest.json."""
    # Only once Django is set up.
    from benchmarks import builds, doors, engine, report  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    report.keep([*engine.measure(), *doors.measure(), *builds.measure()])


if __name__ == "__main__":
    main()
