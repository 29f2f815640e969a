#!/usr/bin/env python3
"""Which administrative command runs, and on which servers?"""

import sys

try:
    from django.core.management import execute_from_command_line

    from config import env
    from config.embedded import EmbeddedError, Home, Wanted, serving
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}. Use the project's own Python: .venv/bin/python manage.py ... (`make demo` makes it).")


def main() -> None:
    """Run the command on the servers that URLs name, else on the embedded ones, for as long as it takes."""
    env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
    environment = env.read()
    try:
        # What must work while PostgreSQL is down waits for no server of our own to come up.
        wanted = Wanted(False, False) if "--offline" in sys.argv else Wanted.without(environment)
        with serving(Home(environment.home), wanted) as use:
            env.set_here(**use.variables)
            execute_from_command_line(sys.argv)
    except EmbeddedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
