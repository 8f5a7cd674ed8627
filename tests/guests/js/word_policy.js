// A policy module in JavaScript: denies what contains a word, and has no opinion of the rest.

class Rulebook {
  #word;

  constructor(word) {
    this.#word = word;
  }

  static load(config) {
    const { word } = JSON.parse(config);
    if (!word) {
      throw [{ rule: undefined, text: "there is no `word`; name the one to deny" }];
    }
    return new Rulebook(word);
  }

  decide(question) {
    const denied = JSON.stringify(JSON.parse(question.detail)).includes(this.#word);
    return {
      verdict: { tag: denied ? "deny" : "abstain" },
      rule: denied ? "word" : undefined,
      reason: denied ? `it says '${this.#word}'` : "",
    };
  }

  explain(question) {
    const { verdict, rule, reason } = this.decide(question);
    return rule === undefined ? [] : [{ rule, verdict, reason }];
  }
}

export const policy = {
  describe: () => ({
    name: "word_js",
    version: "0.1.0",
    summary: "Denies what contains a word.",
    configSchema: JSON.stringify({ type: "object", properties: { word: { type: "string" } } }),
    requests: [],
  }),
  Rulebook,
};
