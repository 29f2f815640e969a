#!/usr/bin/env python3
"""Which administrative command runs, and on which servers?"""

import sys

from django.core.management import execute_from_command_line

from config import env

if __name__ == "__main__":
    env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
    execute_from_command_line(sys.argv)
