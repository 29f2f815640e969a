"""Does every event that cannot be believed get a code, a sentence that names the field, and no effect?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.models import Event, EventConflict, MoneyEvent, QuarantinedEvent, Subject
from merch.tokens import Ring, sign, verify
from tests.factories import ExperimentFactory
from tests.merch.intake.arriving import NOW, bought, codes, custom, seen, send, token

SHORTER = token()[: len(token()) // 4 * 4 - 8]  # still base64url
OTHER_DEPLOYMENT = sign(verify(token()), ring=Ring(b"s" * 32, "another", (1,)))


def without(event: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != field}


@pytest.mark.parametrize(
    ("event", "code", "names"),
    [
        pytest.param(17, "wrong_type", "object", id="number"),
        pytest.param(None, "wrong_type", "object", id="null"),
        pytest.param([custom()], "wrong_type", "object", id="nested-batch"),
        pytest.param({}, "missing_field", "type", id="empty"),
        pytest.param({"type": 5}, "wrong_type", "type", id="type-not-text"),
        pytest.param(custom(type="like"), "unknown_type", "type", id="unknown-kind"),
        pytest.param(custom(type=""), "unknown_type", "type", id="empty-kind"),
        pytest.param(custom(type="__class__"), "unknown_type", "type", id="dunder-kind"),
        pytest.param(custom(""), "invalid_event_id", "event_id", id="empty-id"),
        pytest.param(custom("x" * 2_000), "invalid_event_id", "event_id", id="long-id"),
        pytest.param(custom("a\0b"), "invalid_event_id", "event_id", id="nul-in-id"),
        pytest.param(custom(5), "wrong_type", "event_id", id="number-id"),  # type: ignore[arg-type]
        pytest.param(without(custom(), "event_id"), "missing_field", "event_id", id="no-id"),
        pytest.param(custom(account_id=" "), "invalid_id", "account_id", id="blank-account"),
        pytest.param(custom(account_id="a\u200bb"), "invalid_id", "account_id", id="invisible"),
        pytest.param(custom(account_id={}), "wrong_type", "account_id", id="object-account"),
        pytest.param(without(custom(), "account_id"), "missing_field", "account_id", id="nobody"),
        pytest.param(custom(account_id=None, device_id=""), "invalid_id", "device_id", id="empty-device"),
        pytest.param(without(custom(), "occurred_at"), "missing_field", "occurred_at", id="no-time"),
        pytest.param(custom(occurred_at="yesterday"), "wrong_type", "occurred_at", id="not-a-time"),
        pytest.param(custom(occurred_at="2026-11-22T12:00:00"), "wrong_type", "occurred_at", id="no-zone"),
        pytest.param(custom(occurred_at="2026-12-31T23:59:60Z"), "wrong_type", "occurred_at", id="leap-second"),
        pytest.param(custom(occurred_at="10000-01-01T00:00:00Z"), "wrong_type", "occurred_at", id="year-10000"),
        pytest.param(custom(occurred_at="0000-01-01T00:00:00Z"), "wrong_type", "occurred_at", id="year-0"),
        pytest.param(custom(occurred_at="0001-01-01T00:00:00Z"), "occurred_at_range", "occurred_at", id="year-1"),
        pytest.param(custom(at=NOW + timedelta(days=3650)), "occurred_at_future", "occurred_at", id="ten-years-ahead"),
        pytest.param(custom(at=NOW - timedelta(days=3650)), "quarantined", "35 days", id="ten-years-ago"),
        pytest.param(custom(name="unheard_of"), "unknown_event", "name", id="undeclared"),
        pytest.param(custom(name=None), "missing_field", "name", id="no-name"),
        pytest.param(custom(name=["listen"]), "wrong_type", "name", id="list-name"),
        pytest.param(custom(properties=[1]), "wrong_type", "properties", id="list-properties"),
        pytest.param(custom(properties={"minutes": "3"}), "bad_property", "properties.minutes", id="text-for-int"),
        pytest.param(custom(properties={"minutes": 1.5}), "bad_property", "properties.minutes", id="float-for-int"),
        pytest.param(custom(properties={"minutes": True}), "bad_property", "properties.minutes", id="bool-for-int"),
        pytest.param(custom(properties={"minutes": 10**400}), "bad_property", "properties.minutes", id="400-digits"),
        pytest.param(custom(properties={"minutes": 2**63}), "bad_property", "properties.minutes", id="2^63"),
        pytest.param(custom(properties={"content": "a\0b"}), "bad_property", "properties.content", id="nul"),
        pytest.param(custom(properties={"content": "\ud800"}), "bad_property", "properties.content", id="surrogate"),
        pytest.param(custom(properties={"content": "x" * 1025}), "bad_property", "properties.content", id="long-text"),
        pytest.param(bought(spend="1,00"), "bad_property", "properties.spend", id="comma-amount"),
        pytest.param(bought(spend=1e-7), "bad_property", "properties.spend", id="tiny-amount"),
        pytest.param(bought(spend=float("nan")), "bad_property", "properties.spend", id="nan"),
        pytest.param(bought(spend=float("inf")), "bad_property", "properties.spend", id="infinity"),
        pytest.param(bought(amount_minor=12.5), "bad_property", "properties.amount_minor", id="half-a-minor-unit"),
        pytest.param(bought(plan=5), "bad_property", "properties.plan", id="number-plan"),
        pytest.param(bought(offer="x" * 101), "bad_property", "properties.offer", id="long-offer"),
        pytest.param(custom(name="unheard_of", type="conversion"), "unknown_event", "name", id="undeclared-conversion"),
        pytest.param(custom(name="none", type="exposure"), "unknown_experiment", "name", id="no-experiment"),
        pytest.param(custom(name="hero", type="exposure"), "unknown_arm", "properties.arm", id="no-arm"),
        pytest.param(
            custom(name="hero", type="exposure", properties={"arm": "z"}), "unknown_arm", "control", id="unknown-arm"
        ),
        pytest.param(
            custom(name="hero", type="exposure", properties={"arm": "b", "propensity": 0}),
            "bad_property", "properties.propensity", id="impossible-arm",
        ),
        pytest.param({"type": "click"}, "missing_field", "token", id="no-token"),
        pytest.param(seen() | {"token": ""}, "token_malformed", "token", id="empty-token"),
        pytest.param(seen() | {"token": SHORTER}, "token_signature", "token", id="cut-token"),
        pytest.param(seen() | {"token": token()[:9]}, "token_malformed", "token", id="very-cut-token"),
        pytest.param(seen() | {"token": OTHER_DEPLOYMENT}, "token_signature", "deployment", id="other-deployment"),
        pytest.param(seen() | {"token": 5}, "wrong_type", "token", id="number-token"),
        pytest.param(seen("click", slot=-1), "token_of_placement", "token", id="click-on-a-placement"),
        pytest.param(seen(decided_at=NOW - timedelta(days=36)), "quarantined", "35 days", id="expired-token"),
    ],
)  # fmt: skip
def test_a_bad_event_is_named_and_its_neighbours_are_kept(event: Any, code: str, names: str) -> None:
    ExperimentFactory(key="hero", two_arms=True)

    receipt = send(custom("before"), event, custom("after"))

    assert [(each.index, each.code) for each in receipt.rejected] == [(1, code)]
    assert names in receipt.rejected[0].message
    assert receipt.rejected[0].message.endswith(".")
    assert (receipt.accepted, Event.objects.count(), MoneyEvent.objects.count()) == (2, 2, 0)
    assert Subject.objects.get(key="acc_1").history == {}


@pytest.mark.parametrize(
    "event",
    [bought(), custom(name="hero", type="exposure"), custom(name="shared"), custom(name="paid")],
    ids=["conversion", "exposure", "custom-of-servers", "money"],
)
def test_an_app_may_not_send_what_needs_a_server(event: dict[str, Any]) -> None:
    assert codes(event, scope="client") == [(0, "wrong_scope")]


def test_an_app_may_send_token_events_and_its_declared_events() -> None:
    assert codes(seen(), seen("click"), seen("viewed", slot=-1), custom(name="listen"), scope="client") == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "token", "name", "account_id", "device_id", "event_id", "occurred_at", "properties", "x"]
                )
                | st.text(max_size=5),
                inner
                | st.sampled_from(["custom", "conversion", "click", "listen", "subscribe", "2026-11-22T12:00:00Z"]),
                max_size=9,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_json_comes_is_answered_and_never_an_error(event: Any) -> None:
    receipt = send(event)

    assert receipt.accepted + receipt.duplicates + len(receipt.rejected) == 1


def test_refused_events_leave_nothing_behind() -> None:
    send(17, custom(""), bought(spend="1,00"), seen() | {"token": "x"})

    assert not any(model.objects.exists() for model in (Event, MoneyEvent, QuarantinedEvent, EventConflict, Subject))
