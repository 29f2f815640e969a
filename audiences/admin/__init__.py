"""How do people see and edit what we know about people?"""

from audiences.admin import audiences, definitions, people, revisions, runs, subjects

__all__ = ["audiences", "definitions", "people", "revisions", "runs", "subjects"]
