"""A sanitizer in Python: drops what carries a word, and keeps the rest."""

import json

from wit_world import exports
from wit_world.exports import sanitizer
from wit_world.imports import types


class Sanitizer(exports.Sanitizer):
    def describe(self) -> types.Description:
        return types.Description(
            name="drop_python",
            version="0.1.0",
            summary="Drops events that carry a word.",
            config_schema=json.dumps({"type": "object"}),
            requests=[],
        )

    def sanitize(self, config: str, events: list[types.Event]) -> list[sanitizer.Outcome]:
        word = json.loads(config)["word"]
        return [
            sanitizer.Outcome_Drop(f"it says {word}") if word in event.data else sanitizer.Outcome_Keep()
            for event in events
        ]
