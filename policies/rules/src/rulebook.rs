//! Judging a question by all rules of a file.

use crate::condition::{
    Bindings, Condition, Documents, Judgement, Names, Pattern, UNREADABLE, context, schema,
};
use crate::contract::{Access, Finding, Matched, Question, Ruling, Scope, Verdict};
use crate::default::ByDefault;
use crate::examples;
use crate::file::{self, Written};
use crate::finding::{MOST_FINDINGS, Problem, shorten};

/// A rule that was read and whose examples hold.
#[derive(Debug)]
struct Rule {
    id: String,
    condition: Condition,
    then: Verdict,
    reason: String,
    ttl: Option<u32>,
    scope: Option<Scope>,
    ceiling: Option<Access>,
}

/// A file of rules that was read and whose examples hold.
#[derive(Debug)]
pub struct Rulebook {
    rules: Vec<Rule>,
    /// Everything that some rule reads.
    names: Names,
    patterns: Vec<Pattern>,
    /// For every action that is known, the rules that have something to say to it.
    by_action: Vec<(&'static str, Vec<usize>)>,
    defaults: Vec<ByDefault>,
}

impl Rulebook {
    /// Reads a file of rules and runs its examples.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of its lines.
    pub fn load(text: &str) -> Result<Self, Vec<Finding>> {
        let file::Read { rules: written, defaults, mut problems } = file::read(text);
        let mut book = Self {
            rules: Vec::with_capacity(written.len()),
            names: Names::default(),
            patterns: Vec::new(),
            by_action: Vec::new(),
            defaults,
        };
        for rule in written {
            match book.read(rule) {
                Ok(rule) => book.rules.push(rule),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if problems.is_empty() {
            let speaking = |action: &&'static str| {
                let rules = book.rules.iter().enumerate();
                let may = rules.filter(|(_, rule)| rule.condition.may_hold_for(action, &book.names));
                (*action, may.map(|(number, _)| number).collect())
            };
            book.by_action = schema::ACTIONS.iter().map(speaking).collect();
            return Ok(book);
        }
        problems.sort_by_key(|problem| problem.line);
        let more = problems.len().saturating_sub(MOST_FINDINGS);
        problems.truncate(MOST_FINDINGS);
        if more > 0 {
            problems.push(Problem::of_file(format!("{more} more findings are not shown")));
        }
        Err(problems.into_iter().map(Finding::from).collect())
    }

    fn read(&mut self, written: Written) -> Result<Rule, Vec<Problem>> {
        let at = |line: usize, text: String| Problem::at(Some(&written.id), line, text);
        let condition =
            Condition::compile(&written.when, &mut self.names, &mut self.patterns).map_err(|faults| {
                let problems = faults.into_iter().map(|fault| {
                    let column =
                        fault.column.map(|column| format!(" at column {column}")).unwrap_or_default();
                    at(written.when_line + fault.line - 1, format!("`when`{column}: {}", fault.text))
                });
                problems.collect::<Vec<_>>()
            })?;
        let mut problems = Vec::new();
        for example in &written.examples {
            let side = if example.holds { "match" } else { "not_match" };
            let which = format!("example {} of `{side}`", example.number);
            let question = match examples::question(&example.differs) {
                Ok(question) => question,
                Err(why) => {
                    problems.push(at(example.line, format!("{which}: {why}")));
                    continue;
                }
            };
            let text = match (self.judge(&condition, &question), example.holds) {
                (Judgement::Holds, true) | (Judgement::Fails, false) => continue,
                // A command line that is not read has a meaning that rules may rely on, and is worth an example.
                (Judgement::Undecided { why }, holds)
                    if why.contains(UNREADABLE) && holds == (written.then != Verdict::Allow) =>
                {
                    continue;
                }
                (Judgement::Fails, true) => format!("the rule does not match {which}"),
                (Judgement::Holds, false) => format!("the rule matches {which}"),
                (Judgement::Undecided { why }, _) => {
                    format!("the rule cannot be judged for {which}: {why}")
                }
            };
            problems.push(at(example.line, text));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let reason = written.reason.unwrap_or_else(|| format!("rule `{}` says so", written.id));
        Ok(Rule {
            id: written.id,
            condition,
            then: written.then,
            reason,
            ttl: written.ttl,
            scope: written.scope,
            ceiling: written.ceiling,
        })
    }

    /// Asks one condition by itself.
    fn judge(&self, condition: &Condition, question: &Question) -> Judgement {
        let documents = Documents::of(question);
        let bindings = Bindings::new(&documents, &self.names, &self.patterns);
        condition.judge(&bindings, &context(&bindings))
    }

    /// Judges a question: the strictest of all matching rules stands, the first among equals, with the lowest
    /// ceiling, the shortest time and the narrowest scope that any matching rule gives.
    ///
    /// A rule that cannot be judged matches if it asks or denies, and does not if it allows. Where none matches, what
    /// the file says by default of the action stands.
    #[must_use]
    pub fn decide(&self, question: &Question) -> Ruling {
        let documents = Documents::of(question);
        let bindings = Bindings::new(&documents, &self.names, &self.patterns);
        let context = context(&bindings);
        let mut decision = Decision::default();
        for rule in self.speaking(&question.action) {
            match rule.condition.judge(&bindings, &context) {
                Judgement::Holds => decision.take(rule, None),
                Judgement::Fails => {}
                Judgement::Undecided { why } if rule.then == Verdict::Allow => decision.doubt(rule, &why),
                Judgement::Undecided { why } => decision.take(rule, Some(why)),
            }
            // Nothing is stricter, and what is denied needs neither ceiling nor time.
            if decision.deciding.is_some_and(|rule| rule.then == Verdict::Deny) {
                break;
            }
        }
        decision.ruling(self.default_for(&question.action))
    }

    fn default_for(&self, action: &str) -> Option<&ByDefault> {
        self.defaults.iter().find(|default| default.action == action)
    }

    /// Gives the rules that may have something to say to an action, in the order of the file.
    fn speaking(&self, action: &str) -> impl Iterator<Item = &Rule> {
        let known = self.by_action.iter().find(|(known, _)| *known == action);
        let (numbers, all) =
            known.map_or((&[][..], &self.rules[..]), |(_, numbers)| (numbers.as_slice(), &[]));
        numbers.iter().filter_map(|number| self.rules.get(*number)).chain(all)
    }

    /// Says what every matching rule says, in the order of the file, and what stands by default if none counts. A rule
    /// that cannot be judged is among them, whether or not it counts.
    #[must_use]
    pub fn explain(&self, question: &Question) -> Vec<Matched> {
        let documents = Documents::of(question);
        let bindings = Bindings::new(&documents, &self.names, &self.patterns);
        let context = context(&bindings);
        let said = |rule: &Rule, undecided: Option<String>| Matched {
            rule: rule.id.clone(),
            verdict: rule.then,
            reason: shorten(&rule.reason, 2000),
            ttl_seconds: rule.ttl,
            ceiling: rule.ceiling,
            scope: rule.scope,
            undecided,
        };
        let judged = self.speaking(&question.action).filter_map(|rule| {
            match rule.condition.judge(&bindings, &context) {
                Judgement::Holds => Some(said(rule, None)),
                Judgement::Fails => None,
                Judgement::Undecided { why } => Some(said(rule, Some(why))),
            }
        });
        let mut matched: Vec<Matched> = judged.collect();
        let counts = |it: &Matched| it.undecided.is_none() || it.verdict != Verdict::Allow;
        if !matched.iter().any(counts) {
            matched.extend(self.default_for(&question.action).map(ByDefault::matched));
        }
        matched
    }
}

/// What the rules have said so far.
#[derive(Debug, Default)]
struct Decision<'r> {
    deciding: Option<&'r Rule>,
    /// Why the deciding rule counts although nobody could tell whether it matches.
    undecided: Option<String>,
    /// Rules that would have allowed, had they been judged.
    doubts: Vec<String>,
    ttl: Option<u32>,
    scope: Option<Scope>,
    ceiling: Option<Access>,
}

impl<'r> Decision<'r> {
    fn take(&mut self, rule: &'r Rule, undecided: Option<String>) {
        self.ttl = lower(self.ttl, rule.ttl, |ttl| ttl);
        self.scope = lower(self.scope, rule.scope, reach);
        self.ceiling = lower(self.ceiling, rule.ceiling, level);
        if self.deciding.is_none_or(|known| strictness(rule.then) > strictness(known.then)) {
            self.deciding = Some(rule);
            self.undecided = undecided;
        }
    }

    /// A rule that allows and cannot be judged: it may have been meant to lower what is granted, so that it does.
    fn doubt(&mut self, rule: &Rule, why: &str) {
        self.ceiling = lower(self.ceiling, rule.ceiling, level);
        if self.doubts.len() < 3 {
            self.doubts.push(format!("rule `{}` could not be judged ({why}) and allows nothing", rule.id));
        }
    }

    /// `default` is what stands if no rule has spoken.
    fn ruling(self, default: Option<&ByDefault>) -> Ruling {
        let mut reason = match (self.deciding, self.undecided) {
            (None, _) => default.map_or_else(|| "no rule speaks of this".to_owned(), ByDefault::reason),
            (Some(rule), None) => rule.reason.clone(),
            (Some(rule), Some(why)) => {
                format!("{} (the rule could not be judged, so it counts: {why})", rule.reason)
            }
        };
        for doubt in self.doubts {
            reason = format!("{reason}; {doubt}");
        }
        Ruling {
            verdict: match (self.deciding, default) {
                (Some(rule), _) => rule.then,
                (None, Some(default)) => default.then,
                (None, None) => Verdict::Abstain,
            },
            rule: self.deciding.map(|rule| rule.id.clone()).or_else(|| default.map(ByDefault::id)),
            reason: shorten(&reason, 2000),
            ttl_seconds: self.ttl,
            ceiling: self.ceiling,
            scope: self.scope,
        }
    }
}

fn strictness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Abstain => 0,
        Verdict::Allow => 1,
        Verdict::Ask => 2,
        Verdict::Deny => 3,
    }
}

fn level(access: Access) -> u8 {
    match access {
        Access::ReadOnly => 0,
        Access::WorkspaceWrite => 1,
        Access::Full => 2,
    }
}

fn reach(scope: Scope) -> u8 {
    match scope {
        Scope::Once => 0,
        Scope::Run => 1,
        Scope::Session => 2,
    }
}

fn lower<T: Copy, K: Ord>(a: Option<T>, b: Option<T>, key: impl Fn(T) -> K) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if key(b) < key(a) { b } else { a }),
        (a, None) => a,
        (None, b) => b,
    }
}
