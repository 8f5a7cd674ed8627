//! Regular expressions, compiled when the rules are loaded.

use cel::ExecutionError;
use cel::common::types::{CelBool, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use regex::Regex;

/// A pattern that was compiled when the rules were loaded.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

static PATTERN_TYPE: Type = Type::new_unspecified_type("pattern");

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one line.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        regex::RegexBuilder::new(text).size_limit(256 * 1024).nest_limit(50).build().map(Self).map_err(
            |error| {
                let text = error.to_string();
                // The last line of a syntax error says what is wrong; those before it draw where.
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            },
        )
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

#[expect(clippy::needless_pass_by_value, reason = "the interpreter's function type")]
pub(super) fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match arguments.as_slice() {
        [text, pattern] => match (text.downcast_ref::<CelString>(), pattern.downcast_ref::<Pattern>()) {
            (Some(text), Some(pattern)) => Ok(CowVal::owned(CelBool::from(pattern.0.is_match(text.inner())))),
            _ => Err(ExecutionError::function_error("matches", "takes a text and a pattern")),
        },
        _ => Err(ExecutionError::invalid_argument_count(2, arguments.len())),
    }
}
