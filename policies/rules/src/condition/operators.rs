//! What operators ask of their operands.

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::check::Check;
use super::schema::{self, Type};
use crate::suggest;

impl Check<'_> {
    /// Checks a call if it is an operator, and tells what it gives.
    pub(super) fn operator(&mut self, id: u64, call: &mut CallExpr) -> Option<Type> {
        match (call.func_name.as_str(), call.args.as_mut_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, operands) => {
                for operand in operands {
                    let kind = self.visit(operand);
                    self.expect_truth(operand.id, kind, "an operand of `&&`, `||` or `!`");
                }
                Some(Type::Bool)
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let kind = self.visit(condition);
                self.expect_truth(condition.id, kind, "what stands before `?`");
                let (yes, no) = (self.visit(yes), self.visit(no));
                Some(if yes == no { yes } else { Type::Dyn })
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                let kinds = (self.visit(left), self.visit(right));
                self.comparable(id, kinds.0, kinds.1);
                self.word(kinds.0, right);
                self.word(kinds.1, left);
                Some(Type::Bool)
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                let (left, right) = (self.visit(left), self.visit(right));
                self.comparable(id, left, right);
                for words in [left, right] {
                    match words {
                        Type::Text(words) if words == schema::ACCESS => {
                            self.fault(
                                id,
                                "`access` would be compared by the alphabet: compare `access_level`",
                            );
                        }
                        Type::Text(words) if !words.is_empty() => {
                            self.fault(id, "these words have no order that could be compared");
                        }
                        _ => {}
                    }
                }
                Some(Type::Bool)
            }
            (operators::IN, [element, container]) => {
                let element = self.visit(element);
                if let Expr::List(list) = &mut container.expr {
                    for member in &mut list.elements {
                        let kind = self.visit(member);
                        self.comparable(member.id, element, kind);
                        self.word(element, member);
                    }
                } else {
                    let kind = self.visit(container);
                    if kind.is_plain() && kind != Type::Null {
                        self.fault(
                            container.id,
                            format!("`in` looks into a list or a map, and this is {}", kind.name()),
                        );
                    }
                }
                Some(Type::Bool)
            }
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                [left, right],
            ) => {
                let kinds = (self.visit(left), self.visit(right));
                Some(match kinds {
                    (Type::Int, Type::Int) => Type::Int,
                    (Type::Time, Type::Time) | (Type::Span, Type::Span) => Type::Span,
                    (Type::Time, Type::Span) | (Type::Span, Type::Time) => Type::Time,
                    (Type::Text(_), Type::Text(_)) => schema::TEXT,
                    _ => Type::Dyn,
                })
            }
            (operators::NEGATE, [operand]) => Some(self.visit(operand)),
            (operators::NOT_STRICTLY_FALSE, [operand]) => {
                self.visit(operand);
                Some(Type::Bool)
            }
            (operators::OPT_INDEX | operators::OPT_SELECT, [target, key]) => {
                let kind = self.visit(target);
                self.visit(key);
                if let (Type::Record(fields), Expr::Literal(LiteralValue::String(name))) = (kind, &key.expr)
                    && schema::find(fields, name.inner()).is_none()
                {
                    let help = suggest::help(name.inner(), schema::names(fields));
                    self.fault(id, format!("unknown field `{}`; {help}", name.inner()));
                }
                Some(Type::Other)
            }
            _ => None,
        }
    }

    fn comparable(&mut self, id: u64, left: Type, right: Type) {
        if !left.may_equal(right) {
            self.fault(id, format!("compares {} with {}, which is never true", left.name(), right.name()));
        }
    }

    /// Reports a literal that is none of the words that the other side can be.
    fn word(&mut self, kind: Type, literal: &Expression) {
        if let (Type::Text(words), Expr::Literal(LiteralValue::String(word))) = (kind, &literal.expr) {
            let word = word.inner();
            if !words.is_empty() && !words.contains(&word) {
                let help = suggest::help(word, words.iter().copied());
                let text = format!("\"{word}\" is none of the words that can stand here; {help}");
                self.fault(literal.id, text);
            }
        }
    }
}
