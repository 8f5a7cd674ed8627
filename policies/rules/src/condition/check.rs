//! Checks an expression against what is documented, and prepares it for quick evaluation.
//!
//! CEL itself finds an unknown name only when it stumbles over it, which in a policy is too late. So every name,
//! field, function and documented word is looked up when the rules are loaded. On the way the expression is
//! rewritten, without changing what it means:
//!
//! - a documented path such as `facts.git.inside` becomes one name, looked up once;
//! - `has(…)` on a documented field asks whether it is null, because documented fields are always there;
//! - the pattern of `matches` is compiled now;
//! - comprehensions over maps go through the keys in order.

use std::collections::BTreeSet;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, SourceInfo, operators,
};
use cel::parser::Expression;

use super::Fault;
use super::functions::{FUNCTIONS, MACROS, MATCHES, ORDERED, Pattern, Signature, written_wrong};
use super::schema::{self, Field, Type};
use super::values::PATTERN;
use crate::suggest;

/// Checks an expression; gives it back rewritten, with the documented paths that it reads.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of its text.
pub(super) fn check(
    mut expression: Expression,
    positions: &SourceInfo,
    patterns: &mut Vec<Pattern>,
) -> Result<(Expression, Vec<String>), Vec<Fault>> {
    let mut check =
        Check { positions, patterns, faults: Vec::new(), uses: BTreeSet::new(), scope: Vec::new() };
    let kind = check.visit(&mut expression);
    if check.faults.is_empty() {
        check.expect_truth(expression.id, kind, "the condition");
    }
    let mut faults = check.faults;
    if faults.is_empty() {
        return Ok((expression, check.uses.into_iter().collect()));
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
    Err(faults)
}

/// What a node stands for.
pub(super) struct Seen {
    pub(super) kind: Type,
    /// The documented path, if the node is one.
    path: Option<String>,
}

impl Seen {
    fn value(kind: Type) -> Self {
        Self { kind, path: None }
    }
}

pub(super) struct Check<'c> {
    positions: &'c SourceInfo,
    patterns: &'c mut Vec<Pattern>,
    faults: Vec<Fault>,
    uses: BTreeSet<String>,
    /// Names that comprehensions bind, innermost last.
    scope: Vec<(String, Type)>,
}

impl Check<'_> {
    /// Reports something wrong at a node.
    pub(super) fn fault(&mut self, node: u64, text: impl Into<String>) {
        let before = self.positions.offset_for(node).and_then(|(start, _)| {
            let start = usize::try_from(start).ok()?;
            Some(self.positions.source.chars().take(start).collect::<String>())
        });
        let (line, column) = match before {
            Some(before) => {
                let line = before.matches('\n').count() + 1;
                (line, Some(before.chars().rev().take_while(|c| *c != '\n').count() + 1))
            }
            None => (1, None),
        };
        self.faults.push(Fault { line, column, text: text.into() });
    }

    /// Reports a value where only true or false will do.
    pub(super) fn expect_truth(&mut self, node: u64, kind: Type, what: &str) {
        if !matches!(kind, Type::Bool | Type::Dyn) {
            self.fault(node, format!("{what} gives {}, not true or false", kind.name()));
        }
    }

    /// Checks a node and settles what it stands for.
    pub(super) fn visit(&mut self, node: &mut Expression) -> Type {
        let seen = self.walk(node);
        self.settle(node, seen)
    }

    fn settle(&mut self, node: &mut Expression, seen: Seen) -> Type {
        if let Some(path) = seen.path {
            node.expr = Expr::Ident(path.clone());
            self.uses.insert(path);
        }
        seen.kind
    }

    fn walk(&mut self, node: &mut Expression) -> Seen {
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(literal) => Seen::value(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Int(_) => Type::Int,
                LiteralValue::UInt(_) | LiteralValue::Double(_) => Type::Number,
                LiteralValue::Null => Type::Null,
                LiteralValue::String(_) => schema::TEXT,
                LiteralValue::Bytes(_) => Type::Other,
            }),
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name)
            }
            Expr::Select(_) => self.selection(node),
            Expr::Call(_) => self.call(node),
            Expr::Comprehension(comprehension) => Seen::value(self.comprehension(comprehension)),
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.visit(element);
                }
                Seen::value(Type::List(&Type::Dyn))
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.visit(&mut entry.key);
                        self.visit(&mut entry.value);
                    }
                }
                Seen::value(Type::Other)
            }
            Expr::Struct(built) => {
                let name = built.type_name.clone();
                self.fault(
                    id,
                    format!("there is no message type `{name}`; write a map: {{\"name\": value}}"),
                );
                Seen::value(Type::Dyn)
            }
            Expr::Unspecified => {
                self.fault(id, "is no expression");
                Seen::value(Type::Dyn)
            }
        }
    }

    fn name(&mut self, id: u64, name: &str) -> Seen {
        if let Some((_, kind)) = self.scope.iter().rev().find(|(bound, _)| bound == name) {
            return Seen::value(*kind);
        }
        if name.starts_with('@') {
            return Seen::value(Type::Dyn);
        }
        if let Some(variable) = schema::find(schema::VARIABLES, name) {
            return Seen { kind: variable.kind, path: Some(name.to_owned()) };
        }
        let is_type =
            super::functions::environment().is_some_and(|env| env.types().find_type(name).is_some());
        if is_type {
            return Seen::value(Type::Other);
        }
        let help = match [schema::ACTIONS, schema::ACCESS].concat().iter().find(|word| **word == name) {
            Some(word) => format!("write \"{word}\" in quotes"),
            None => {
                let bound = self.scope.iter().map(|(bound, _)| bound.as_str());
                let mut near: Vec<&str> = bound.filter(|bound| !bound.starts_with('@')).collect();
                for variable in schema::VARIABLES {
                    near.push(variable.name);
                }
                suggest::help(name, near)
            }
        };
        self.fault(id, format!("unknown variable `{name}`; {help}"));
        Seen::value(Type::Dyn)
    }

    fn selection(&mut self, node: &mut Expression) -> Seen {
        let Expr::Select(select) = &mut node.expr else { return Seen::value(Type::Dyn) };
        let target = self.walk(&mut select.operand);
        self.field_of(node, target)
    }

    /// Goes on with a selection whose operand has been seen.
    fn field_of(&mut self, node: &mut Expression, target: Seen) -> Seen {
        let id = node.id;
        let Expr::Select(SelectExpr { operand, field, test }) = &mut node.expr else {
            return Seen::value(Type::Dyn);
        };
        match target.kind {
            Type::Record(fields) => {
                let Some(known) = self.field(id, fields, field, target.path.as_deref()) else {
                    self.settle(operand, target);
                    return Seen::value(Type::Dyn);
                };
                let path = target.path.map(|path| format!("{path}.{field}"));
                if !*test {
                    return Seen { kind: known.kind, path };
                }
                *test = false;
                let mut tested = std::mem::take(node);
                self.settle(&mut tested, Seen { kind: known.kind, path });
                let null = Expression { id, expr: Expr::Literal(LiteralValue::Null) };
                node.id = id;
                node.expr = Expr::Call(CallExpr {
                    func_name: operators::NOT_EQUALS.to_owned(),
                    target: None,
                    args: vec![tested, null],
                });
                Seen::value(Type::Bool)
            }
            kind => {
                if kind.is_plain() || matches!(kind, Type::List(_)) {
                    let what =
                        target.path.as_deref().map_or_else(|| "this".to_owned(), |path| format!("`{path}`"));
                    self.fault(id, format!("{what} is {} and has no field `{field}`", kind.name()));
                }
                let gives = if *test { Type::Bool } else { Type::Dyn };
                self.settle(operand, target);
                Seen::value(gives)
            }
        }
    }

    fn field(
        &mut self,
        id: u64,
        fields: &'static [Field],
        name: &str,
        of: Option<&str>,
    ) -> Option<&'static Field> {
        let known = schema::find(fields, name);
        if known.is_none() {
            let of = of.map(|path| format!(" in `{path}`")).unwrap_or_default();
            self.fault(
                id,
                format!("unknown field `{name}`{of}; {}", suggest::help(name, schema::names(fields))),
            );
        }
        known
    }

    fn call(&mut self, node: &mut Expression) -> Seen {
        let id = node.id;
        let Expr::Call(call) = &mut node.expr else { return Seen::value(Type::Dyn) };
        if call.func_name == operators::INDEX {
            return self.index(node);
        }
        match self.operator(id, call) {
            Some(kind) => Seen::value(kind),
            None => Seen::value(self.function(id, call)),
        }
    }

    /// Reads `facts["git"]` as `facts.git`, so that both are checked alike.
    fn index(&mut self, node: &mut Expression) -> Seen {
        let Expr::Call(call) = &mut node.expr else { return Seen::value(Type::Dyn) };
        let [target, index] = call.args.as_mut_slice() else { return Seen::value(Type::Dyn) };
        let seen = self.walk(target);
        if let (Type::Record(_), Expr::Literal(LiteralValue::String(name))) = (seen.kind, &index.expr) {
            let field = name.inner().to_owned();
            let operand = Box::new(std::mem::take(target));
            node.expr = Expr::Select(SelectExpr { operand, field, test: false });
            return self.field_of(node, seen);
        }
        let kind = self.settle(target, seen);
        self.visit(index);
        Seen::value(match kind {
            Type::List(element) => *element,
            kind if kind.is_plain() => {
                self.fault(target.id, format!("only a list or a map has parts, and this is {}", kind.name()));
                Type::Dyn
            }
            _ => Type::Dyn,
        })
    }

    fn function(&mut self, id: u64, call: &mut CallExpr) -> Type {
        let of_optional =
            matches!(&call.target, Some(target) if target.expr == Expr::Ident("optional".to_owned()));
        let name = if of_optional { format!("optional.{}", call.func_name) } else { call.func_name.clone() };
        let member = call.target.is_some() && !of_optional;
        let same_name: Vec<&Signature> = FUNCTIONS.iter().filter(|known| known.name == name).collect();
        let Some(known) = same_name.iter().find(|known| known.member == member) else {
            let text = match same_name.first() {
                Some(known) if known.member => format!("`{name}` is called on a value: x.{name}(…)"),
                Some(_) => format!("`{name}` is called by itself: {name}(…)"),
                None => {
                    let known = FUNCTIONS.iter().map(|known| known.name).chain(MACROS.iter().copied());
                    format!("unknown function `{name}`; {}", suggest::help(&name, known))
                }
            };
            // What stands in an unknown call may bind names of its own, so it is not looked at.
            self.fault(id, text);
            return Type::Dyn;
        };
        if !known.arguments.contains(&call.args.len()) {
            self.fault(id, format!("`{name}` takes {} arguments, not {}", known.count(), call.args.len()));
            return known.gives;
        }
        if name == "matches" {
            self.pattern(call);
            return known.gives;
        }
        let target = call.target.as_deref_mut().filter(|_| member);
        let takes = known.takes.iter().copied().chain(std::iter::repeat(Type::Dyn));
        for (value, asked) in target.into_iter().chain(&mut call.args).zip(takes) {
            let kind = self.visit(value);
            if !asked.takes(kind) {
                let text = format!("`{name}` asks for {}, and this is {}", asked.name(), kind.name());
                self.fault(value.id, text);
            }
        }
        if let Some(wrong) = written_wrong(call) {
            self.fault(call.args.first().map_or(id, |argument| argument.id), wrong);
        }
        known.gives
    }

    /// Compiles the pattern of `text.matches("…")` or `matches(text, "…")`.
    fn pattern(&mut self, call: &mut CallExpr) {
        let mut arguments: Vec<Expression> = call.target.take().map(|target| *target).into_iter().collect();
        arguments.append(&mut call.args);
        let [text, pattern] = arguments.as_mut_slice() else { return };
        let kind = self.visit(text);
        if !matches!(kind, Type::Text(_) | Type::Dyn) {
            self.fault(text.id, format!("`matches` asks for a text, and this is {}", kind.name()));
        }
        match &pattern.expr {
            Expr::Literal(LiteralValue::String(source)) => match Pattern::compile(source.inner()) {
                Ok(compiled) => {
                    pattern.expr = Expr::Ident(format!("{PATTERN}{}", self.patterns.len()));
                    self.patterns.push(compiled);
                }
                Err(why) => self.fault(pattern.id, format!("not a pattern: {why}")),
            },
            _ => self
                .fault(pattern.id, "the pattern of `matches` must be written out, so that it is checked now"),
        }
        *call = CallExpr { func_name: MATCHES.to_owned(), target: None, args: arguments };
    }

    fn comprehension(&mut self, comprehension: &mut ComprehensionExpr) -> Type {
        let range = &mut comprehension.iter_range;
        let element = match self.visit(range) {
            Type::List(element) => *element,
            Type::Record(_) => schema::TEXT,
            kind if kind.is_plain() => {
                self.fault(
                    range.id,
                    format!("only a list or a map can be gone through, and this is {}", kind.name()),
                );
                Type::Dyn
            }
            _ => Type::Dyn,
        };
        let inner = std::mem::take(range);
        range.id = inner.id;
        range.expr = Expr::Call(CallExpr { func_name: ORDERED.to_owned(), target: None, args: vec![inner] });
        let gives = match &comprehension.accu_init.expr {
            // `all`, `exists`; and `exists_one`, which counts.
            Expr::Literal(LiteralValue::Boolean(_) | LiteralValue::Int(_)) => Type::Bool,
            Expr::List(_) => Type::List(&Type::Dyn),
            _ => Type::Dyn,
        };
        self.visit(&mut comprehension.accu_init);
        self.scope.push((comprehension.accu_var.clone(), Type::Dyn));
        self.scope.push((comprehension.iter_var.clone(), element));
        self.visit(&mut comprehension.loop_cond);
        self.visit(&mut comprehension.loop_step);
        self.scope.pop();
        self.visit(&mut comprehension.result);
        self.scope.pop();
        gives
    }
}
