//! The functions of a condition: those of CEL, and those that paths and patterns need.

use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, STRING_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use regex::Regex;

use super::schema::{TEXT, Type as Known};

/// A function as the check knows it.
#[derive(Debug)]
pub(crate) struct Signature {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it is called on a value: `x.name(…)`.
    pub(crate) member: bool,
    /// How many arguments it takes, that value not counted.
    pub(crate) arguments: usize,
    /// What it gives.
    pub(crate) gives: Known,
}

const fn global(name: &'static str, arguments: usize, gives: Known) -> Signature {
    Signature { name, member: false, arguments, gives }
}

const fn member(name: &'static str, arguments: usize, gives: Known) -> Signature {
    Signature { name, member: true, arguments, gives }
}

/// Every function that a condition may call.
pub(crate) const FUNCTIONS: &[Signature] = &[
    global("size", 1, Known::Int),
    global("int", 1, Known::Int),
    global("uint", 1, Known::Other),
    global("double", 1, Known::Other),
    global("string", 1, TEXT),
    global("bool", 1, Known::Bool),
    global("bytes", 1, Known::Other),
    global("type", 1, Known::Other),
    global("dyn", 1, Known::Dyn),
    global("matches", 2, Known::Bool),
    global("glob", 2, Known::Bool),
    global("path_inside", 2, Known::Bool),
    global("path_below", 2, TEXT),
    global("optional.of", 1, Known::Other),
    global("optional.none", 0, Known::Other),
    global("optional.ofNonZeroValue", 1, Known::Other),
    member("size", 0, Known::Int),
    member("contains", 1, Known::Bool),
    member("startsWith", 1, Known::Bool),
    member("endsWith", 1, Known::Bool),
    member("matches", 1, Known::Bool),
    member("hasValue", 0, Known::Bool),
    member("value", 0, Known::Dyn),
    member("or", 1, Known::Other),
    member("orValue", 1, Known::Dyn),
];

/// What the parser expands, offered when a name is nearly one of them.
pub(crate) const MACROS: &[&str] =
    &["has", "all", "exists", "exists_one", "map", "filter", "optMap", "optFlatMap"];

/// What a call of `matches` becomes once its pattern is compiled. No source can spell the name.
pub(crate) const MATCHES: &str = "@matches";
/// What the range of a comprehension is wrapped in, so that the keys of a map come in order.
pub(crate) const ORDERED: &str = "@ordered";

static ENVIRONMENT: LazyLock<Option<Arc<Env>>> = LazyLock::new(|| declare().ok().map(Arc::new));

/// Gives the environment in which all conditions are parsed and evaluated.
///
/// It is absent only if two declarations collide, which a test excludes.
pub(crate) fn environment() -> Option<Arc<Env>> {
    ENVIRONMENT.clone()
}

fn declare() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    env.add_overload(
        "path_inside",
        "path_inside_string_string",
        vec![STRING_TYPE, STRING_TYPE],
        |arguments| two_texts("path_inside", &arguments, |path, root| path_inside(path, root).map(truth)),
    )?;
    env.add_overload(
        "path_below",
        "path_below_string_string",
        vec![STRING_TYPE, STRING_TYPE],
        |arguments| {
            two_texts("path_below", &arguments, |path, root| {
                path_below(path, root).map(|rest| Box::new(CelString::from(rest)) as Box<dyn Val>)
            })
        },
    )?;
    env.add_overload("glob", "glob_string_string", vec![STRING_TYPE, STRING_TYPE], |arguments| {
        two_texts("glob", &arguments, |text, pattern| Ok(truth(glob(text, pattern))))
    })?;
    env.add_overload(MATCHES, "matches_string_pattern", vec![STRING_TYPE, DYN_TYPE], matches)?;
    env.add_overload(ORDERED, "ordered_dyn", vec![DYN_TYPE], ordered)?;
    Ok(env)
}

fn truth(answer: bool) -> Box<dyn Val> {
    Box::new(CelBool::from(answer))
}

fn two_texts<'b, 'v>(
    name: &str,
    arguments: &[CowVal<'b, 'v>],
    judge: impl Fn(&str, &str) -> Result<Box<dyn Val>, String>,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [first, second] = arguments else {
        return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
    };
    match (first.downcast_ref::<CelString>(), second.downcast_ref::<CelString>()) {
        (Some(first), Some(second)) => judge(first.inner(), second.inner())
            .map(CowVal::Owned)
            .map_err(|message| ExecutionError::function_error(name, message)),
        _ => Err(ExecutionError::function_error(name, "takes two texts")),
    }
}

/// Tells whether a path is a root or lies below it, component by component: `/repo-old` is not inside `/repo`.
///
/// # Errors
///
/// A path that is not absolute or goes up: whether it is inside cannot be told from its text.
fn path_inside(path: &str, root: &str) -> Result<bool, String> {
    let mut path = components(path)?;
    Ok(components(root)?.all(|expected| path.next() == Some(expected)))
}

/// Gives what of a path lies below a root, without a slash before it: empty for the root itself.
///
/// # Errors
///
/// A path that is not inside the root, not absolute, or goes up.
fn path_below(path: &str, root: &str) -> Result<String, String> {
    if !path_inside(path, root)? {
        return Err(format!("{:?} is not inside its root", crate::finding::shorten(path, 80)));
    }
    let below: Vec<&str> = components(path)?.skip(components(root)?.count()).collect();
    Ok(below.join("/"))
}

fn components(path: &str) -> Result<impl Iterator<Item = &str>, String> {
    if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(format!(
            "needs absolute paths without `..`, not {:?}",
            crate::finding::shorten(path, 80)
        ));
    }
    Ok(path.split('/').filter(|part| !part.is_empty() && *part != "."))
}

/// Compares a text with a pattern: `*` and `?` stand for anything but `/`, `**` for anything.
///
/// It keeps the set of pattern positions reached so far, so no pattern makes it slow.
fn glob(text: &str, pattern: &str) -> bool {
    #[derive(PartialEq)]
    enum Piece {
        Exactly(char),
        One,
        Some,
        Any,
    }
    let mut pieces = Vec::with_capacity(pattern.len());
    for symbol in pattern.chars() {
        match (symbol, pieces.last()) {
            ('*', Some(Piece::Any)) => {}
            ('*', Some(Piece::Some)) => {
                pieces.pop();
                pieces.push(Piece::Any);
            }
            ('*', _) => pieces.push(Piece::Some),
            ('?', _) => pieces.push(Piece::One),
            (other, _) => pieces.push(Piece::Exactly(other)),
        }
    }
    // `reached[i]`: the first `i` pieces cover the text so far.
    let mut reached = vec![false; pieces.len() + 1];
    reached[0] = true;
    let skip_stars = |reached: &mut [bool]| {
        for (index, piece) in pieces.iter().enumerate() {
            if reached[index] && matches!(piece, Piece::Some | Piece::Any) {
                reached[index + 1] = true;
            }
        }
    };
    skip_stars(&mut reached);
    for symbol in text.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (index, piece) in pieces.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match piece {
                Piece::Exactly(expected) if *expected == symbol => next[index + 1] = true,
                Piece::One if symbol != '/' => next[index + 1] = true,
                Piece::Some if symbol != '/' => next[index] = true,
                Piece::Any => next[index] = true,
                Piece::Exactly(_) | Piece::One | Piece::Some => {}
            }
        }
        skip_stars(&mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

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
fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match arguments.as_slice() {
        [text, pattern] => match (text.downcast_ref::<CelString>(), pattern.downcast_ref::<Pattern>()) {
            (Some(text), Some(pattern)) => Ok(CowVal::owned(CelBool::from(pattern.0.is_match(text.inner())))),
            _ => Err(ExecutionError::function_error("matches", "takes a text and a pattern")),
        },
        _ => Err(ExecutionError::invalid_argument_count(2, arguments.len())),
    }
}

/// Gives the keys of a map in order, and anything else as it is: the interpreter's maps are hashed anew by every
/// process, and the same question must get the same ruling.
fn ordered<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let Some(range) = arguments.into_iter().next() else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    let Some(map) = range.downcast_ref::<CelMap>() else {
        return Ok(range);
    };
    let mut keys: Vec<CelMapKey<'v>> = map.inner().keys().cloned().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val + 'v>> = keys
        .into_iter()
        .map(|key| match key {
            CelMapKey::Bool(key) => Box::new(key) as Box<dyn Val + 'v>,
            CelMapKey::Int(key) => Box::new(key),
            CelMapKey::String(key) => Box::new(key),
            CelMapKey::UInt(key) => Box::new(key),
        })
        .collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/repo/a", "/repo", true)]
    #[case("/repo", "/repo/", true)]
    #[case("/repo//./a", "/repo", true)]
    #[case("/repo-old", "/repo", false)]
    #[case("/", "/repo", false)]
    #[case("/anything", "/", true)]
    fn paths_are_compared_by_component(#[case] path: &str, #[case] root: &str, #[case] inside: bool) {
        assert_eq!(path_inside(path, root), Ok(inside));
    }

    #[rstest]
    #[case("/repo/a/b", "/repo", "a/b")]
    #[case("/repo//./a/", "/repo/", "a")]
    #[case("/repo", "/repo", "")]
    #[case("/a", "/", "a")]
    fn what_lies_below_a_root_has_no_slash_before_it(
        #[case] path: &str,
        #[case] root: &str,
        #[case] below: &str,
    ) {
        assert_eq!(path_below(path, root).as_deref(), Ok(below));
    }

    #[rstest]
    #[case("work", "/repo")]
    #[case("/repo/../etc", "/repo")]
    #[case("/repo", "")]
    #[case("", "/")]
    fn paths_that_go_up_or_start_nowhere_are_errors(#[case] path: &str, #[case] root: &str) {
        path_inside(path, root).unwrap_err();
        path_below(path, root).unwrap_err();
    }

    #[test]
    fn a_sibling_has_nothing_below_a_root() {
        path_below("/repo-old/a", "/repo").unwrap_err();
    }

    #[rstest]
    #[case("release/1", "release/*", true)]
    #[case("release/1/x", "release/*", false)]
    #[case("release/1/x", "release/**", true)]
    #[case("src/a/b.rs", "**/*.rs", true)]
    #[case("b.rs", "**/*.rs", false)]
    #[case("abc", "a?c", true)]
    #[case("a/c", "a?c", false)]
    #[case("", "*", true)]
    #[case("", "", true)]
    #[case("x", "", false)]
    #[case("größe", "gr??e", true)]
    fn globs_stop_at_slashes(#[case] text: &str, #[case] pattern: &str, #[case] fits: bool) {
        assert_eq!(glob(text, pattern), fits);
    }

    #[test]
    fn no_glob_is_slow() {
        assert!(!glob(&"a".repeat(2000), &format!("{}b", "*a".repeat(200))));
    }

    #[test]
    fn every_listed_function_is_declared() {
        let env = environment().unwrap();
        let context = cel::Context::with_env(Arc::clone(&env));
        for function in FUNCTIONS.iter().filter(|function| function.name != "matches") {
            let arguments = vec!["1"; function.arguments].join(", ");
            let call = if function.member {
                format!("1.{}({arguments})", function.name)
            } else {
                format!("{}({arguments})", function.name)
            };
            let expression = env.parser().parse(&call).unwrap();
            if let Err(ExecutionError::UndeclaredReference(name)) = cel::Value::resolve(&expression, &context)
            {
                panic!("{name} of {call} is not declared");
            }
        }
    }
}
