//! How a condition is asked: its `&&`, `||` and `!` here, what stands between them by looking at one value where
//! that is enough, and by the interpreter where it is not.
//!
//! Most conditions compare documented values with words and numbers. The interpreter resolves names and makes
//! values for each of them; a judge that is asked before every launch should not. The answers are the same, errors
//! included, which a test holds against the interpreter.

use std::cmp::Ordering;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::common::types::{CelBool, CelInt, CelString};
use cel::common::value::Val;
use cel::parser::Expression;
use cel::{Context, Value};

use super::values::Bindings;
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

/// A look at one documented value.
pub(super) struct Look {
    path: String,
    at: Quality,
}

/// What is looked for.
enum Quality {
    /// Whether it is true.
    True,
    /// How it compares with a number; the orders for which that holds.
    Number(i64, &'static [Ordering]),
    /// Whether it is one of these words, or is not.
    Word { among: Vec<String>, is: bool },
}

impl Plan {
    /// Takes a checked expression apart.
    pub(super) fn of(expression: Expression) -> Self {
        let id = expression.id;
        match expression.expr {
            Expr::Call(call) => Self::of_call(id, call),
            expr => {
                let look = match &expr {
                    Expr::Ident(path) => Some(Look { path: path.clone(), at: Quality::True }),
                    _ => None,
                };
                Self::Leaf { look, expression: Expression { id, expr } }
            }
        }
    }

    fn of_call(id: u64, mut call: CallExpr) -> Self {
        let mut operands = std::mem::take(&mut call.args).into_iter();
        match (call.func_name.as_str(), operands.next(), operands.next()) {
            (operators::LOGICAL_AND, Some(left), Some(right)) => {
                Self::All(Box::new([Self::of(left), Self::of(right)]))
            }
            (operators::LOGICAL_OR, Some(left), Some(right)) => {
                Self::Any(Box::new([Self::of(left), Self::of(right)]))
            }
            (operators::LOGICAL_NOT, Some(operand), None) => Self::Not(Box::new(Self::of(operand))),
            (_, first, second) => {
                call.args.extend(first.into_iter().chain(second).chain(operands));
                let look = Look::of(&call);
                Self::Leaf { look, expression: Expression { id, expr: Expr::Call(call) } }
            }
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
            None => Err(format!("it gives a {}, not true or false", value.get_type().name())),
        },
        Err(error) => Err(shorten(&error.to_string(), 200)),
    }
}

impl Look {
    /// Recognizes a comparison of one name with what is written out.
    fn of(call: &CallExpr) -> Option<Self> {
        let [left, right] = call.args.as_slice() else { return None };
        // The name stands on the left, as people write it.
        let Expr::Ident(path) = &left.expr else { return None };
        let at = match (&right.expr, call.func_name.as_str()) {
            (Expr::Literal(LiteralValue::Int(number)), operator) => {
                Quality::Number(*number.inner(), orders(operator)?)
            }
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
        Some(Self { path: path.clone(), at })
    }

    /// Answers, if the value is of the kind that was meant.
    fn answer(&self, bindings: &Bindings<'_>) -> Option<bool> {
        let value: &dyn Val = bindings.get(&self.path)?;
        match &self.at {
            Quality::True => value.downcast_ref::<CelBool>().map(|truth| *truth.inner()),
            Quality::Number(number, orders) => {
                let order = value.downcast_ref::<CelInt>()?.inner().cmp(number);
                Some(orders.contains(&order))
            }
            Quality::Word { among, is } => {
                let text = value.downcast_ref::<CelString>()?.inner();
                Some(among.iter().any(|word| word == text) == *is)
            }
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
            let documents = Documents::of(&question);
            let bindings = Bindings::new(&documents, &uses, &patterns);
            let context = context(&bindings);
            let by_interpreter = interpret(&expression, &context);
            let by_plan = Plan::of(expression).ask(&bindings, &context);
            prop_assert_eq!(by_plan.ok(), by_interpreter.ok(), "{}", source);
        }
    }
}
