"""The resources of the interface `policy`: componentize-py looks for them in a module of the interface's name."""

import json

from componentize_py_types import Err
from wit_world.exports import policy


class Rulebook(policy.Rulebook):
    def __init__(self, word: str):
        self.word = word

    @classmethod
    def load(cls, config: str) -> "Rulebook":
        word = json.loads(config).get("word")
        if not word:
            raise Err([policy.Finding(rule=None, text="there is no `word`; name the one to deny")])
        return cls(word)

    def decide(self, question: policy.Question) -> policy.Ruling:
        if self.word in json.dumps(json.loads(question.detail), ensure_ascii=False):
            verdict, rule, reason = policy.Verdict_Deny(), "word", f"it says {self.word!r}"
        else:
            verdict, rule, reason = policy.Verdict_Abstain(), None, ""
        return policy.Ruling(verdict=verdict, rule=rule, reason=reason, ttl_seconds=None, ceiling=None, scope=None)

    def explain(self, question: policy.Question) -> list[policy.Matched]:
        said = self.decide(question)
        if said.rule is None:
            return []
        return [
            policy.Matched(
                rule=said.rule,
                verdict=said.verdict,
                reason=said.reason,
                ttl_seconds=None,
                ceiling=None,
                scope=None,
                undecided=None,
            )
        ]
