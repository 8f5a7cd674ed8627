//! The file of rules: TOML, read with the place of everything in it.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::condition::schema;
use crate::contract::{Access, Scope, Verdict};
use crate::default::{ByDefault, PREFIX};
use crate::finding::{Lines, MOST_FINDINGS, Problem, shorten};
use crate::{suggest, ttl};

/// Bytes of a file.
const MOST_BYTES: usize = 256 * 1024;
/// Rules of a file.
const MOST_RULES: usize = 500;
/// Examples on one side of a rule.
const MOST_EXAMPLES: usize = 64;
/// Characters of a reason.
const MOST_REASON: usize = 1000;

/// A rule as it is written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) when: String,
    /// The line on which the text of the condition begins.
    pub(crate) when_line: usize,
    pub(crate) then: Verdict,
    pub(crate) reason: Option<String>,
    pub(crate) ttl: Option<u32>,
    pub(crate) scope: Option<Scope>,
    pub(crate) ceiling: Option<Access>,
    pub(crate) examples: Vec<Example>,
}

/// A file as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) rules: Vec<Written>,
    pub(crate) defaults: Vec<ByDefault>,
    pub(crate) problems: Vec<Problem>,
}

/// An example as it is written.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) line: usize,
    /// Which of its list it is, from 1.
    pub(crate) number: usize,
    /// Whether the condition must hold for it.
    pub(crate) holds: bool,
    /// What it says otherwise than the base question.
    pub(crate) differs: Map<String, Value>,
}

const RULE_KEYS: &[&str] = &["id", "when", "then", "reason", "ttl", "scope", "ceiling", "match", "not_match"];

/// Reads a file as far as it can be read.
pub(crate) fn read(text: &str) -> Read {
    if text.len() > MOST_BYTES {
        let what = format!("the rules are {} bytes long, where {MOST_BYTES} are allowed", text.len());
        return Read { problems: vec![Problem::of_file(what)], ..Read::default() };
    }
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problems = errors.iter().take(MOST_FINDINGS).map(|error| {
            let line = error.span().map_or(1, |span| lines.line(span.start));
            Problem::at(None, line, format!("no TOML: {}", shorten(error.message(), 200)))
        });
        return Read { problems: problems.collect(), ..Read::default() };
    }
    let mut reader =
        Reader { text, lines, problems: Vec::new(), rule: None, ids: Vec::new(), defaults: Vec::new() };
    let rules = reader.rules(table.get_ref());
    Read { rules, defaults: reader.defaults, problems: reader.problems }
}

struct Reader<'t> {
    text: &'t str,
    lines: Lines,
    problems: Vec<Problem>,
    /// The id of the rule that is read now.
    rule: Option<String>,
    /// Ids read so far, with their lines.
    ids: Vec<(String, usize)>,
    defaults: Vec<ByDefault>,
}

impl Reader<'_> {
    fn problem(&mut self, at: usize, text: impl Into<String>) {
        let line = self.lines.line(at);
        self.problems.push(Problem::at(self.rule.as_deref(), line, text));
    }

    fn rules(&mut self, table: &DeTable<'_>) -> Vec<Written> {
        let mut rules = Vec::new();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "rule" => match value.get_ref().as_array() {
                    Some(written) => {
                        if written.len() > MOST_RULES {
                            let text = format!("{} rules, where {MOST_RULES} are allowed", written.len());
                            self.problem(value.span().start, text);
                        }
                        for rule in written.iter().take(MOST_RULES) {
                            rules.extend(self.rule(rule));
                        }
                        self.rule = None;
                    }
                    None => self.problem(key.span().start, "rules are written as `[[rule]]`, one by one"),
                },
                "default" => self.default(value),
                other => {
                    let text =
                        format!("unknown key `{other}`; {}", suggest::help(other, ["rule", "default"]));
                    self.problem(key.span().start, text);
                }
            }
        }
        rules
    }

    fn default(&mut self, value: &Spanned<DeValue<'_>>) {
        let Some(table) = value.get_ref().as_table() else {
            let text = "`default` says of each action what holds where no rule matches: default = { process = \"allow\" }";
            return self.problem(value.span().start, text);
        };
        for (key, value) in table {
            let (action, at) = (key.get_ref().as_ref(), value.span().start);
            if !schema::ACTIONS.contains(&action) {
                let help = suggest::help(action, schema::ACTIONS.iter().copied());
                self.problem(key.span().start, format!("there is no action `{action}`; {help}"));
                continue;
            }
            let word = value.get_ref().as_str().unwrap_or_default();
            match verdict(word) {
                Some(then) => self.defaults.push(ByDefault { action: action.to_owned(), then }),
                None => {
                    let help = suggest::help(word, VERDICTS);
                    self.problem(at, format!("what holds by default is a verdict; {help}"));
                }
            }
        }
    }

    fn rule(&mut self, rule: &Spanned<DeValue<'_>>) -> Option<Written> {
        let start = rule.span().start;
        self.rule = None;
        let Some(table) = rule.get_ref().as_table() else {
            self.problem(start, "rules are written as `[[rule]]`, one by one");
            return None;
        };
        let get =
            |name: &str| table.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(_, value)| value);
        self.rule = get("id").and_then(|id| id.get_ref().as_str()).map(|id| shorten(id, 64));
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if !RULE_KEYS.contains(&name) {
                let help = suggest::help(name, RULE_KEYS.iter().copied());
                self.problem(key.span().start, format!("unknown key `{name}`; {help}"));
            }
        }
        let id = self.text_of(start, "id", get("id"), true).filter(|id| self.id(get("id"), id));
        let when = self.text_of(start, "when", get("when"), true);
        let then =
            self.text_of(start, "then", get("then"), true).and_then(|then| self.then(get("then"), &then));
        let reason = self.text_of(start, "reason", get("reason"), false);
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > MOST_REASON) {
            self.problem(start, format!("the reason is longer than {MOST_REASON} characters"));
        }
        let ttl = get("ttl").and_then(|ttl| self.ttl(ttl, then));
        let scope = get("scope").and_then(|scope| self.scope(scope, then));
        let ceiling = get("ceiling").and_then(|ceiling| self.ceiling(ceiling, then));
        let mut examples = Vec::new();
        for (name, holds) in [("match", true), ("not_match", false)] {
            if let Some(written) = get(name) {
                examples.extend(self.examples(name, written, holds));
            }
        }
        Some(Written {
            id: id?,
            when: when?,
            when_line: get("when").map_or(1, |when| self.first_line_of_text(when)),
            then: then?,
            reason,
            ttl,
            scope,
            ceiling,
            examples,
        })
    }

    fn text_of(
        &mut self,
        rule: usize,
        name: &str,
        value: Option<&Spanned<DeValue<'_>>>,
        needed: bool,
    ) -> Option<String> {
        let Some(value) = value else {
            if needed {
                self.problem(rule, format!("the rule has no `{name}`"));
            }
            return None;
        };
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            let text = format!("`{name}` is a text, not {}", value.get_ref().type_str());
            self.problem(value.span().start, text);
        }
        text
    }

    fn id(&mut self, place: Option<&Spanned<DeValue<'_>>>, id: &str) -> bool {
        let at = place.map_or(0, |place| place.span().start);
        let valid = (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
        if !valid {
            self.problem(at, "an id is 1 to 64 letters, digits and `-_./`");
            return false;
        }
        if id.starts_with(PREFIX) {
            self.problem(at, format!("an id does not begin with `{PREFIX}`: that names what `default` says"));
            return false;
        }
        match self.ids.iter().find(|(known, _)| known == id) {
            Some((_, first)) => {
                let text = format!("a second rule with the id `{id}`; the first has it on line {first}");
                self.problem(at, text);
                false
            }
            None => {
                let line = self.lines.line(at);
                self.ids.push((id.to_owned(), line));
                true
            }
        }
    }

    fn then(&mut self, place: Option<&Spanned<DeValue<'_>>>, then: &str) -> Option<Verdict> {
        let read = verdict(then);
        if read.is_none() {
            let at = place.map_or(0, |place| place.span().start);
            let help = suggest::help(then, VERDICTS);
            self.problem(at, format!("`then` cannot be \"{then}\"; {help}"));
        }
        read
    }

    fn ttl(&mut self, value: &Spanned<DeValue<'_>>, then: Option<Verdict>) -> Option<u32> {
        let at = value.span().start;
        if matches!(then, Some(Verdict::Allow | Verdict::Deny)) {
            self.problem(
                at,
                "`ttl` says how long a person's word holds, so it stands only beside `then = \"ask\"`",
            );
            return None;
        }
        let read = match value.get_ref() {
            DeValue::String(text) => ttl::parse(text),
            DeValue::Integer(number) => integer(number)
                .and_then(|n| u64::try_from(n).ok())
                .map_or_else(|| ttl::parse("-"), ttl::seconds_within),
            other => Err(format!("`ttl` is a duration such as \"30m\", not {}", other.type_str())),
        };
        read.map_err(|why| self.problem(at, why)).ok()
    }

    fn scope(&mut self, value: &Spanned<DeValue<'_>>, then: Option<Verdict>) -> Option<Scope> {
        let at = value.span().start;
        if matches!(then, Some(Verdict::Allow | Verdict::Deny)) {
            self.problem(
                at,
                "`scope` says how far a person's word reaches, so it stands only beside `then = \"ask\"`",
            );
            return None;
        }
        match value.get_ref().as_str().unwrap_or_default() {
            "once" => Some(Scope::Once),
            "run" => Some(Scope::Run),
            "session" => Some(Scope::Session),
            other => {
                let help = suggest::help(other, ["once", "run", "session"]);
                self.problem(at, format!("`scope` is how far a person's word reaches; {help}"));
                None
            }
        }
    }

    fn ceiling(&mut self, value: &Spanned<DeValue<'_>>, then: Option<Verdict>) -> Option<Access> {
        let at = value.span().start;
        if then == Some(Verdict::Deny) {
            self.problem(at, "`ceiling` limits what is granted, and a rule that denies grants nothing");
            return None;
        }
        let word = value.get_ref().as_str().unwrap_or_default();
        match word {
            "read-only" => Some(Access::ReadOnly),
            "workspace-write" => Some(Access::WorkspaceWrite),
            "full" => Some(Access::Full),
            other => {
                let help = suggest::help(other, schema::ACCESS.iter().copied());
                self.problem(at, format!("`ceiling` is an access; {help}"));
                None
            }
        }
    }

    fn examples(&mut self, name: &str, written: &Spanned<DeValue<'_>>, holds: bool) -> Vec<Example> {
        let Some(array) = written.get_ref().as_array() else {
            self.problem(
                written.span().start,
                format!("`{name}` is a list of examples: [{{ access = \"full\" }}]"),
            );
            return Vec::new();
        };
        if array.len() > MOST_EXAMPLES {
            let text = format!("`{name}` has {} examples, where {MOST_EXAMPLES} are allowed", array.len());
            self.problem(written.span().start, text);
        }
        let mut examples = Vec::new();
        for (example, number) in array.iter().take(MOST_EXAMPLES).zip(1..) {
            match json(example.get_ref()) {
                Some(Value::Object(differs)) => {
                    let line = self.lines.line(example.span().start);
                    examples.push(Example { line, number, holds, differs });
                }
                _ => self.problem(
                    example.span().start,
                    "an example is a table of what differs from the base question: { access = \"full\" }",
                ),
            }
        }
        examples
    }

    /// Finds where a text's first line is: a text in triple quotes may begin on the line after them.
    fn first_line_of_text(&self, value: &Spanned<DeValue<'_>>) -> usize {
        let span = value.span();
        let written = self.text.get(span.clone()).unwrap_or_default();
        let opening = written.get(..3).filter(|quotes| matches!(*quotes, "\"\"\"" | "'''"));
        let next_line = opening.is_some_and(|_| written[3..].starts_with(['\n', '\r']));
        self.lines.line(span.start) + usize::from(next_line)
    }
}

const VERDICTS: [&str; 3] = ["allow", "ask", "deny"];

fn verdict(word: &str) -> Option<Verdict> {
    match word {
        "allow" => Some(Verdict::Allow),
        "ask" => Some(Verdict::Ask),
        "deny" => Some(Verdict::Deny),
        _ => None,
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Turns TOML into JSON; a date becomes its text. The parser bounds its depth.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => Value::from(integer(number)?),
        DeValue::Float(number) => Value::from(number.as_str().replace('_', "").parse::<f64>().ok()?),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(when) => Value::from(when.to_string()),
        DeValue::Array(elements) => elements
            .iter()
            .map(|element| json(element.get_ref()))
            .collect::<Option<Vec<_>>>()
            .map(Value::from)?,
        DeValue::Table(members) => members
            .iter()
            .map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)))
            .collect::<Option<Map<_, _>>>()
            .map(Value::from)?,
    })
}
