"""A policy module in Python: denies what contains a word, and has no opinion of the rest."""

import json

from wit_world import exports
from wit_world.imports import types


class Policy(exports.Policy):
    def describe(self) -> types.Description:
        return types.Description(
            name="word_python",
            version="0.1.0",
            summary="Denies what contains a word.",
            config_schema=json.dumps({"type": "object", "properties": {"word": {"type": "string"}}}),
            requests=[],
        )
