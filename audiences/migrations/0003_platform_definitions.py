"""The traits and context values that the decision itself reads exist in every deployment."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STATES = [
    "FREE", "TRIAL", "ACTIVE", "GRACE", "ON_HOLD", "CANCELLED_PENDING",
    "CHURNED_VOLUNTARY", "CHURNED_INVOLUNTARY", "PARTNER",
]  # fmt: skip

TRAITS = [
    ("market", "market", "string", [], "contextual", "The billing market; decides prices and the law."),
    ("time_zone", "time zone", "string", [], "contextual", "Declared by the account; decides local times."),
    ("subscription_state", "subscription state", "string", STATES, "contextual", "Where the account stands."),
    ("plan", "plan", "string", [], "contextual", "The plan it holds now."),
    ("birth_date", "birth date", "date", [], "sensitive", "Decides age bands; never shown in admin lists."),
]

CONTEXTS = [
    ("country", "country", "string"),
    ("locale", "locale", "string"),
    ("platform", "platform", "string"),
    ("app_version", "app version", "version"),
    ("time_zone", "device time zone", "string"),
    ("session_id", "session", "string"),
    ("screen", "screen", "string"),
    ("hour", "local hour", "int"),
]


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    trait = apps.get_model("audiences", "TraitDefinition")
    for name, label, type_, values, sensitivity, description in TRAITS:
        trait.objects.create(
            name=name, label=label, type=type_, values=values, sensitivity=sensitivity,
            description=description, platform=True,
        )  # fmt: skip
    context = apps.get_model("audiences", "ContextDefinition")
    for name, label, type_ in CONTEXTS:
        context.objects.create(name=name, label=label, type=type_, platform=True)
    apps.get_model("audiences", "ServingEpoch").objects.create(id=1)


class Migration(migrations.Migration):
    dependencies = [("audiences", "0002_storage")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
