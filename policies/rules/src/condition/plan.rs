//! How a condition is asked: its `&&`, `||` and `!` here, what stands between them by looking at one value where
//! that is enough, and by the interpreter where it is not.
//!
//! Most conditions compare documented values with words and numbers. The interpreter resolves names and makes
//! values for each of them; a judge that is asked before every launch should not. The answers are the same, errors
//! included, which a test holds against the interpreter.

use std::cmp::Ordering;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::common::types::CelBool;
use cel::parser::Expression;
use cel::{Context, Value};

use super::names::{Names, Place};
use super::values::{Bindings, Glance};
use crate::finding::shorten;

/// A condition, taken apart.
pub(super) enum Plan {
    /// All hold.
    All(Box<[Self; 2]>),
    /// One holds.
    Any(Box<[Self; 2]>),
    /// It does not hold.
    Not(Box<Self>),
    /// Anything else.
    Leaf {
        /// The look at one value that may answer it.
        look: Option<Look>,
        /// What answers it otherwise.
        expression: Expression,
    },
}

/// A look at one value: a documented one, or one below `request`.
pub(super) struct Look {
    /// The number of the name.
    name: usize,
    /// The fields below it.
    below: Vec<String>,
    at: Quality,
}

/// What is looked for.
enum Quality {
    /// Whether it is true.
    True,
    /// Whether it is null, or is not.
    Null(bool),
    /// Whether it is there.
    There,
    /// How it compares with a number; the orders for which that holds.
    Number(i64, &'static [Ordering]),
    /// Whether it is one of these words, or is not.
    Word { among: Vec<String>, is: bool },
}

impl Plan {
    /// Takes a checked expression apart.
    pub(super) fn of(expression: Expression, names: &Names) -> Self {
        let id = expression.id;
        match expression.expr {
            Expr::Call(call) => Self::of_call(id, call, names),
            expr => {
                let at = match &expr {
                    Expr::Select(select) if select.test => Quality::There,
                    _ => Quality::True,
                };
                let look = target(&expr, names).map(|(name, below)| Look { name, below, at });
                Self::Leaf { look, expression: Expression { id, expr } }
            }
        }
    }

    fn of_call(id: u64, mut call: CallExpr, names: &Names) -> Self {
        let mut operands = std::mem::take(&mut call.args).into_iter();
        match (call.func_name.as_str(), operands.next(), operands.next()) {
            (operators::LOGICAL_AND, Some(left), Some(right)) => {
                Self::All(Box::new([Self::of(left, names), Self::of(right, names)]))
            }
            (operators::LOGICAL_OR, Some(left), Some(right)) => {
                Self::Any(Box::new([Self::of(left, names), Self::of(right, names)]))
            }
            (operators::LOGICAL_NOT, Some(operand), None) => Self::Not(Box::new(Self::of(operand, names))),
            (_, first, second) => {
                call.args.extend(first.into_iter().chain(second).chain(operands));
                let look = Look::of(&call, names);
                Self::Leaf { look, expression: Expression { id, expr: Expr::Call(call) } }
            }
        }
    }

    /// Tells whether the condition could hold, or be undecided, for an action.
    ///
    /// One part that does not hold decides all that is joined by `&&`, whatever the rest would say.
    pub(super) fn may_hold_for(&self, action: &str, names: &Names) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.may_hold_for(action, names)),
            Self::Any(parts) => parts.iter().any(|part| part.may_hold_for(action, names)),
            Self::Leaf { look: Some(Look { name, below, at: Quality::Word { among, is } }), .. }
                if below.is_empty() && names.place(*name) == Some(&Place::Action) =>
            {
                among.iter().any(|word| word == action) == *is
            }
            Self::Not(_) | Self::Leaf { .. } => true,
        }
    }

    /// Asks the condition.
    ///
    /// # Errors
    ///
    /// Why nobody can tell.
    pub(super) fn ask(&self, bindings: &Bindings<'_>, context: &Context<'_, '_>) -> Result<bool, String> {
        match self {
            // As CEL has it, one operand that decides outweighs another that nobody can tell.
            Self::All(parts) => match parts[0].ask(bindings, context) {
                Ok(false) => Ok(false),
                left => match (left, parts[1].ask(bindings, context)) {
                    (_, Ok(false)) => Ok(false),
                    (Err(why), _) | (_, Err(why)) => Err(why),
                    _ => Ok(true),
                },
            },
            Self::Any(parts) => match parts[0].ask(bindings, context) {
                Ok(true) => Ok(true),
                left => match (left, parts[1].ask(bindings, context)) {
                    (_, Ok(true)) => Ok(true),
                    (Err(why), _) | (_, Err(why)) => Err(why),
                    _ => Ok(false),
                },
            },
            Self::Not(part) => part.ask(bindings, context).map(|holds| !holds),
            Self::Leaf { look, expression } => match look.as_ref().and_then(|look| look.answer(bindings)) {
                Some(answer) => Ok(answer),
                None => interpret(expression, context),
            },
        }
    }
}

/// Asks the interpreter.
fn interpret(expression: &Expression, context: &Context<'_, '_>) -> Result<bool, String> {
    match Value::resolve_val(expression, context) {
        Ok(value) => match value.downcast_ref::<CelBool>() {
            Some(answer) => Ok(*answer.inner()),
            None if value.get_type().name() == NULL => Err("it is null, not true or false".to_owned()),
            None => Err(format!("it gives a {}, not true or false", value.get_type().name())),
        },
        Err(error) => Err(shorten(&said(&error.to_string()), 200)),
    }
}

/// How the interpreter calls the type of `null`.
const NULL: &str = "null_type";

/// Says in the words of the README what the interpreter says in its own.
fn said(error: &str) -> String {
    let text = error.replace(NULL, "null");
    if let Some((name, why)) =
        text.strip_prefix("Error executing function '").and_then(|rest| rest.split_once("': "))
    {
        return format!("`{name}`: {why}");
    }
    if let Some((name, values)) = text
        .strip_prefix("found no matching overload for '")
        .and_then(|rest| rest.split_once("' applied to '"))
    {
        return format!("`{name}` cannot be applied to {}", values.trim_end_matches('\''));
    }
    text
}

/// Reads a name, or a field below `request`.
fn target(expr: &Expr, names: &Names) -> Option<(usize, Vec<String>)> {
    match expr {
        Expr::Ident(path) => Some((names.find(path)?, Vec::new())),
        Expr::Select(select) => {
            let inside = matches!(&select.operand.expr, Expr::Select(inner) if inner.test);
            let (name, mut below) = target(&select.operand.expr, names)?;
            below.push(select.field.clone());
            (!inside && names.place(name) == Some(&Place::Request)).then_some((name, below))
        }
        _ => None,
    }
}

impl Look {
    /// Recognizes a comparison of one name with what is written out.
    fn of(call: &CallExpr, names: &Names) -> Option<Self> {
        let [left, right] = call.args.as_slice() else { return None };
        // The name stands on the left, as people write it.
        if matches!(&left.expr, Expr::Select(select) if select.test) {
            return None;
        }
        let (name, below) = target(&left.expr, names)?;
        let at = match (&right.expr, call.func_name.as_str()) {
            (Expr::Literal(LiteralValue::Int(number)), operator) => {
                Quality::Number(*number.inner(), orders(operator)?)
            }
            (Expr::Literal(LiteralValue::Null), operators::EQUALS) => Quality::Null(true),
            (Expr::Literal(LiteralValue::Null), operators::NOT_EQUALS) => Quality::Null(false),
            (Expr::Literal(LiteralValue::String(word)), operators::EQUALS) => {
                Quality::Word { among: vec![word.inner().to_owned()], is: true }
            }
            (Expr::Literal(LiteralValue::String(word)), operators::NOT_EQUALS) => {
                Quality::Word { among: vec![word.inner().to_owned()], is: false }
            }
            (Expr::List(list), operators::IN) => {
                let words = list.elements.iter().map(|element| match &element.expr {
                    Expr::Literal(LiteralValue::String(word)) => Some(word.inner().to_owned()),
                    _ => None,
                });
                Quality::Word { among: words.collect::<Option<_>>()?, is: true }
            }
            _ => return None,
        };
        Some(Self { name, below, at })
    }

    /// Answers, if the value is of the kind that was meant.
    fn answer(&self, bindings: &Bindings<'_>) -> Option<bool> {
        if matches!(self.at, Quality::There) {
            return bindings.has(self.name, &self.below);
        }
        match (&self.at, bindings.glance(self.name, &self.below)?) {
            (Quality::True, Glance::Bool(truth)) => Some(truth),
            (Quality::Null(is), glance) => Some((glance == Glance::Null) == *is),
            (Quality::Number(number, orders), Glance::Int(value)) => {
                Some(orders.contains(&value.cmp(number)))
            }
            (Quality::Word { among, is }, Glance::Text(text)) => {
                Some(among.iter().any(|word| word == text) == *is)
            }
            _ => None,
        }
    }
}

/// Gives the orders for which a comparison holds.
fn orders(operator: &str) -> Option<&'static [Ordering]> {
    use Ordering::{Equal, Greater, Less};
    Some(match operator {
        operators::EQUALS => &[Equal],
        operators::NOT_EQUALS => &[Less, Greater],
        operators::LESS => &[Less],
        operators::LESS_EQUALS => &[Less, Equal],
        operators::GREATER => &[Greater],
        operators::GREATER_EQUALS => &[Greater, Equal],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Documents, check, context, functions};
    use super::*;

    fn condition() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "true",
            "false",
            "facts.git.inside",
            "facts.git.worktree",
            "depth > 1",
            "depth <= 1",
            "depth != 1",
            "facts.runs.live == 3",
            "facts.runs.live >= 3",
            "access == \"full\"",
            "access != \"read-only\"",
            "cwd in [\"/repo\", \"/repo/project\"]",
            "access_level <= 1",
            "facts.git.branch == null",
            "request.nothing == 1",
            "request.prompt",
            "has(request.prompt)",
            "has(request.nothing)",
            "has(request.prompt.deeper)",
            "request.prompt == \"Fix the failing test.\"",
            "request.prompt != null",
            "request.kind in [\"command\"]",
            "facts.git.branch != null",
            "facts.paths == null",
            "action != \"spawn\"",
            "size(chain) == 1",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
                inner.prop_map(|a| format!("!({a})")),
            ]
        })
    }

    proptest! {
        /// What is asked here is what CEL says, whatever is missing or of another type.
        #[test]
        fn the_plan_and_the_interpreter_agree(
            source in condition(),
            facts in prop::sample::select(vec![
                "{}",
                r#"{"git":{"inside":true,"worktree":false,"branch":"main"},"runs":{"live":3}}"#,
                r#"{"git":{"inside":"yes"},"runs":{"live":3.0}}"#,
                r#"{"git":7,"runs":{"live":"3"}}"#,
            ]),
            without in any::<bool>(),
        ) {
            let mut question = crate::base_question();
            question.facts = facts.to_owned();
            if without {
                (question.cwd, question.access) = (None, None);
            }
            let env = functions::environment().unwrap();
            let (expression, positions) = env.parser().parse_with_source_info(&source).unwrap();
            let mut patterns = Vec::new();
            let (expression, uses) = check::check(expression, &positions, &mut patterns).unwrap();
            let mut names = Names::default();
            for path in &uses {
                names.number(path).unwrap();
            }
            let documents = Documents::of(&question);
            let bindings = Bindings::new(&documents, &names, &patterns);
            let context = context(&bindings);
            let by_interpreter = interpret(&expression, &context);
            let plan = Plan::of(expression, &names);
            let by_plan = plan.ask(&bindings, &context);
            if !plan.may_hold_for(&question.action, &names) {
                prop_assert_eq!(&by_plan, &Ok(false), "{}", source);
            }
            prop_assert_eq!(by_plan.ok(), by_interpreter.ok(), "{}", source);
        }
    }
}
