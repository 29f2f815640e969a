"""Under which secret are the tokens and quotes of the corpus sealed, so that anybody can seal them again?"""

from __future__ import annotations

from typing import Any

import msgspec

from merch.tokens import Claims, Promise, Ring, sign, sign_quote, verify, verify_quote

SECRET, DEPLOYMENT, NUMBER = b"golden", "golden", 1
TOKENS = Ring(SECRET, DEPLOYMENT, (NUMBER,))
QUOTES = Ring(SECRET, f"quote:{DEPLOYMENT}", (NUMBER,))


def resealed(body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a client, with every token and quote sealed under the secret of the corpus."""
    for placement in body["placements"].values():
        if "token" not in placement:
            continue
        holder = verify(placement["token"])
        placement["token"] = sign(holder, ring=TOKENS)
        for slot in placement["slots"]:
            slot["token"] = sign(verify(slot["token"]), ring=TOKENS)
            if "quote" in slot:
                promise = verify_quote(
                    slot["quote"]["signature"], holders={(holder.kind, holder.subject_key)}, now=holder.decided_at
                )
                slot["quote"]["signature"] = sign_quote(promise, ring=QUOTES)
    return body


SLOT = Claims(
    decision_id="0199a0b1-7c5e-7def-8abc-0123456789ab", decided_at=1_795_348_800_000_000, kind="a", subject_key="acc_1",
    placement="home-hero", slot=0, campaign="first-trial", item="hero", tier="COMMERCIAL", format="hero",
    offer="trial-30", offer_version=3, price_id=12, propensity=0.5, session=77,
    exposures=(("experiment|hero-copy", 1, "b", False, 0.5),), experiment="hero-copy", variant="b",
)  # fmt: skip
WHOLE = Claims(
    decision_id=SLOT.decision_id, decided_at=SLOT.decided_at, kind="d", subject_key="dev_å", placement="home-hero",
    slot=-1,
)  # fmt: skip
PROMISE = Promise(
    decision_id=SLOT.decision_id, kind="a", subject_key="acc_1", offer="trial-30", offer_version=3, price_id=12,
    amount=0, then=11_900, currency="SEK", period="P1M", expires_at=1_795_349_700_000_000,
)  # fmt: skip


def vectors() -> dict[str, Any]:
    """Claims and promises as they stand in a seal (fields in order), the bytes, and the sealed text."""
    return {
        "secret": SECRET.decode(),
        "deployment": DEPLOYMENT,
        "number": NUMBER,
        "tokens": [_vector(each, sign(each, ring=TOKENS)) for each in (SLOT, WHOLE)],
        "quotes": [_vector(PROMISE, sign_quote(PROMISE, ring=QUOTES))],
    }


def _vector(said: Claims | Promise, sealed: str) -> dict[str, Any]:
    return {"fields": msgspec.to_builtins(said), "msgpack": msgspec.msgpack.encode(said).hex(), "sealed": sealed}
