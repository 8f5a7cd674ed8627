"""Checks the signatures of an agent's card with the official Python library.

    python a2a_card.py URL

Fetches the key from where the signature says it is. The last line of output says what was found.
"""

import asyncio
import json
import sys

import httpx
from a2a.client.card_resolver import A2ACardResolver
from a2a.utils.signing import InvalidSignaturesError, create_signature_verifier
from jwt.api_jwk import PyJWK


async def main(url: str) -> None:
    asked = []

    def key(kid, jku):
        asked.append(jku)
        keys = httpx.get(jku).raise_for_status().json()["keys"]
        return PyJWK.from_dict(next(it for it in keys if it["kid"] == kid))

    verify = create_signature_verifier(key, ["ES256"])
    async with httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, url).get_agent_card(signature_verifier=verify)
        card.description += " And more."
        try:
            verify(card)
            raise SystemExit("a card that was changed passed")
        except InvalidSignaturesError:
            pass
    print(json.dumps({"signatures": len(card.signatures), "keys": asked[0]}))


asyncio.run(main(*sys.argv[1:]))
