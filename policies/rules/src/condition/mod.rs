//! Conditions: a CEL expression, checked against what the host documents, ready to be asked.

mod check;
mod document;
mod functions;
mod guard;
mod names;
mod operators;
mod plan;
pub(crate) mod schema;
mod values;

use std::fmt;

use cel::Context;
use plan::Plan;

pub(crate) use functions::{Pattern, UNREADABLE};
pub(crate) use names::Names;
pub(crate) use values::{Bindings, Documents};

use crate::finding::shorten;

/// How deep the parser may go by its own count, which is beyond what the guard lets through.
const MOST_RECURSION: u16 = 48;

/// Something wrong with a condition, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line in the condition, from 1.
    pub(crate) line: usize,
    /// The character in that line, from 1; unknown for what is wrong with the whole.
    pub(crate) column: Option<usize>,
    /// What is wrong.
    pub(crate) text: String,
}

/// What became of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It holds.
    Holds,
    /// It does not hold.
    Fails,
    /// Nobody can tell.
    Undecided {
        /// Why.
        why: String,
    },
}

/// A condition that was checked.
pub(crate) struct Condition {
    plan: Plan,
    /// The numbers of what it reads.
    uses: Vec<usize>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("uses", &self.uses).finish_non_exhaustive()
    }
}

impl Condition {
    /// Reads a condition; the names and the patterns in it are added to those of the file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, never nothing.
    pub(crate) fn compile(
        source: &str,
        names: &mut Names,
        patterns: &mut Vec<Pattern>,
    ) -> Result<Self, Vec<Fault>> {
        let whole = |text: String| vec![Fault { line: 1, column: None, text }];
        guard::check(source).map_err(whole)?;
        let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        if !source.lines().any(says) {
            return Err(whole("the condition is empty; one that always holds is `true`".to_owned()));
        }
        let env = functions::environment().ok_or_else(|| whole("two functions have one name".to_owned()))?;
        let (expression, positions) =
            env.parser().max_recursion_depth(MOST_RECURSION).parse_with_source_info(source).map_err(
                |errors| {
                    let mut faults: Vec<Fault> = errors.errors.iter().map(from_parser).collect();
                    // What follows the first mistake is mostly its echo.
                    faults.truncate(1);
                    if faults.is_empty() { whole("is no expression".to_owned()) } else { faults }
                },
            )?;
        let (expression, uses) = check::check(expression, &positions, patterns)?;
        let uses = uses.iter().filter_map(|path| names.number(path)).collect();
        Ok(Self { plan: Plan::of(expression, names), uses })
    }

    /// Tells whether the condition need be asked at all for an action.
    pub(crate) fn may_hold_for(&self, action: &str, names: &Names) -> bool {
        self.plan.may_hold_for(action, names)
    }

    /// Asks the condition.
    pub(crate) fn judge(&self, bindings: &Bindings<'_>, context: &Context<'_, '_>) -> Judgement {
        match self.plan.ask(bindings, context) {
            Ok(true) => Judgement::Holds,
            Ok(false) => Judgement::Fails,
            // A value that could not be made tells more than what came of it.
            Err(why) => Judgement::Undecided { why: bindings.broken(&self.uses).map_or(why, str::to_owned) },
        }
    }
}

/// Makes a context in which conditions are asked, with the bindings behind it.
pub(crate) fn context<'v>(bindings: &'v Bindings<'_>) -> Context<'v, 'v> {
    let mut context = functions::environment().map_or_else(Context::empty, Context::with_env);
    context.set_variable_resolver(bindings);
    context
}

/// Lists every variable and every fact that a condition can name, as it names them.
///
/// A list of maps, such as `chain`, is one name.
#[must_use]
pub fn documented_paths() -> Vec<String> {
    fn leaves(prefix: &str, fields: &'static [schema::Field], paths: &mut Vec<String>) {
        for field in fields {
            let path = format!("{prefix}{}", field.name);
            match field.kind {
                schema::Type::Record(inner) => leaves(&format!("{path}."), inner, paths),
                _ => paths.push(path),
            }
        }
    }
    let mut paths = Vec::new();
    leaves("", schema::VARIABLES, &mut paths);
    paths
}

/// Lists every function and macro that a condition can call.
#[must_use]
pub fn documented_functions() -> Vec<&'static str> {
    functions::FUNCTIONS
        .iter()
        .map(|function| function.name)
        .chain(functions::MACROS.iter().copied())
        .collect()
}

fn from_parser(error: &cel::ParseError) -> Fault {
    let (line, column) = error.pos;
    let text = error.msg.trim_start_matches("Syntax error: ");
    // The parser lists every token that could have come, by the names of its grammar: only noise.
    let text = text.split(" expecting ").next().unwrap_or(text);
    let text = text.replace("'<EOF>'", "the end").replace("<EOF>", "the end").replace('\n', " ");
    let help = match &text {
        text if text.ends_with("'and'") => "; write `&&`",
        text if text.ends_with("'or'") => "; write `||`",
        text if text.ends_with("at: '= '") => "; write `==` to compare",
        text if text.contains("at: '\"") || text.contains("at: '\\''") => "; a text is not closed",
        text if text.contains(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']) => "; write straight quotes",
        text if text.contains("has() macro") => "; `has` takes a field: has(request.x)",
        text if text.contains("int literal") => "; the largest number is 9223372036854775807",
        _ => "",
    };
    let text = text.replace("token recognition error at:", "cannot read");
    Fault {
        line: usize::try_from(line).unwrap_or(1).max(1),
        column: usize::try_from(column).ok().filter(|_| line > 0),
        text: format!("syntax error: {}{help}", shorten(&text, 200)),
    }
}
