//! The functions of a condition: those of CEL and its extensions, and those that paths, patterns and command lines need.

mod glob;
mod lines;
mod paths;
mod pattern;
mod time;

use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::schema::{self, TEXT, Type as Known};
pub(crate) use lines::UNREADABLE;
pub(crate) use pattern::Pattern;
pub(super) use time::written_wrong;

/// A function as the check knows it.
#[derive(Debug)]
pub(crate) struct Signature {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it is called on a value: `x.name(…)`.
    pub(crate) member: bool,
    /// How many arguments it takes, that value not counted.
    pub(crate) arguments: RangeInclusive<usize>,
    /// What it takes: that value first, if it has one. Anything where nothing is said.
    pub(crate) takes: &'static [Known],
    /// What it gives.
    pub(crate) gives: Known,
}

impl Signature {
    /// Says how many arguments it takes.
    pub(crate) fn count(&self) -> String {
        match (self.arguments.start(), self.arguments.end()) {
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} or {most}"),
        }
    }
}

const fn global(name: &'static str, takes: &'static [Known], gives: Known) -> Signature {
    Signature { name, member: false, arguments: takes.len()..=takes.len(), takes, gives }
}

/// A member with as many arguments as `takes` names beside the value, or fewer.
const fn member(name: &'static str, takes: &'static [Known], optional: usize, gives: Known) -> Signature {
    let most = takes.len() - 1;
    Signature { name, member: true, arguments: most - optional..=most, takes, gives }
}

const ANY: Known = Known::Dyn;
const INT: Known = Known::Int;
const LIST: Known = Known::List(&Known::Dyn);
const TEXTS: Known = Known::List(&TEXT);
const TIME: Known = Known::Time;

/// Every function that a condition may call.
pub(crate) const FUNCTIONS: &[Signature] = &[
    global("size", &[ANY], INT),
    global("int", &[ANY], INT),
    global("uint", &[ANY], Known::Number),
    global("double", &[ANY], Known::Number),
    global("string", &[ANY], TEXT),
    global("bool", &[ANY], Known::Bool),
    global("bytes", &[ANY], Known::Other),
    global("type", &[ANY], Known::Other),
    global("dyn", &[ANY], ANY),
    global("timestamp", &[ANY], TIME),
    global("duration", &[ANY], Known::Span),
    global("matches", &[TEXT, TEXT], Known::Bool),
    global("glob", &[TEXT, TEXT], Known::Bool),
    global("path_inside", &[TEXT, TEXT], Known::Bool),
    global("path_below", &[TEXT, TEXT], TEXT),
    global("path_base", &[TEXT], TEXT),
    global("path_dir", &[TEXT], TEXT),
    global("path_ext", &[TEXT], TEXT),
    global("commands", &[ANY], Known::List(&Known::Record(schema::COMMAND))),
    global("readable", &[ANY], Known::Bool),
    global("optional.of", &[ANY], Known::Other),
    global("optional.none", &[], Known::Other),
    global("optional.ofNonZeroValue", &[ANY], Known::Other),
    member("size", &[ANY], 0, INT),
    member("contains", &[TEXT, TEXT], 0, Known::Bool),
    member("startsWith", &[TEXT, TEXT], 0, Known::Bool),
    member("endsWith", &[TEXT, TEXT], 0, Known::Bool),
    member("matches", &[TEXT, TEXT], 0, Known::Bool),
    member("charAt", &[TEXT, INT], 0, TEXT),
    member("indexOf", &[TEXT, TEXT, INT], 1, INT),
    member("lastIndexOf", &[TEXT, TEXT, INT], 1, INT),
    member("lowerAscii", &[TEXT], 0, TEXT),
    member("upperAscii", &[TEXT], 0, TEXT),
    member("trim", &[TEXT], 0, TEXT),
    member("replace", &[TEXT, TEXT, TEXT, INT], 1, TEXT),
    member("split", &[TEXT, TEXT, INT], 1, TEXTS),
    member("substring", &[TEXT, INT, INT], 1, TEXT),
    member("join", &[LIST, TEXT], 1, TEXT),
    member("distinct", &[LIST], 0, LIST),
    member("sort", &[LIST], 0, LIST),
    member("slice", &[LIST, INT, INT], 0, LIST),
    member("flatten", &[LIST], 0, LIST),
    member("reverse", &[ANY], 0, ANY),
    member("getFullYear", &[TIME, TEXT], 1, INT),
    member("getMonth", &[TIME, TEXT], 1, INT),
    member("getDate", &[TIME, TEXT], 1, INT),
    member("getDayOfMonth", &[TIME, TEXT], 1, INT),
    member("getDayOfWeek", &[TIME, TEXT], 1, INT),
    member("getDayOfYear", &[TIME, TEXT], 1, INT),
    member("getHours", &[TIME, TEXT], 1, INT),
    member("getMinutes", &[TIME, TEXT], 1, INT),
    member("getSeconds", &[TIME, TEXT], 1, INT),
    member("getMilliseconds", &[TIME, TEXT], 1, INT),
    member("hasValue", &[ANY], 0, Known::Bool),
    member("value", &[ANY], 0, ANY),
    member("or", &[ANY, ANY], 0, Known::Other),
    member("orValue", &[ANY, ANY], 0, ANY),
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
    env.add_extension(cel::extensions::strings)?;
    env.add_extension(cel::extensions::lists)?;
    env.add_overload(
        "path_inside",
        "path_inside_string_string",
        vec![STRING_TYPE, STRING_TYPE],
        |arguments| {
            two_texts("path_inside", &arguments, |path, root| paths::path_inside(path, root).map(truth))
        },
    )?;
    env.add_overload(
        "path_below",
        "path_below_string_string",
        vec![STRING_TYPE, STRING_TYPE],
        |arguments| {
            two_texts("path_below", &arguments, |path, root| {
                paths::path_below(path, root).map(|rest| Box::new(CelString::from(rest)) as Box<dyn Val>)
            })
        },
    )?;
    env.add_overload("glob", "glob_string_string", vec![STRING_TYPE, STRING_TYPE], |arguments| {
        two_texts("glob", &arguments, |text, pattern| Ok(truth(glob::glob(text, pattern))))
    })?;
    env.add_overload("path_base", "path_base_string", vec![STRING_TYPE], |arguments| {
        one_text("path_base", &arguments, paths::path_base)
    })?;
    env.add_overload("path_dir", "path_dir_string", vec![STRING_TYPE], |arguments| {
        one_text("path_dir", &arguments, paths::path_dir)
    })?;
    env.add_overload("path_ext", "path_ext_string", vec![STRING_TYPE], |arguments| {
        one_text("path_ext", &arguments, paths::path_ext)
    })?;
    env.add_overload("commands", "commands_dyn", vec![DYN_TYPE], lines::commands)?;
    env.add_overload("readable", "readable_dyn", vec![DYN_TYPE], lines::readable)?;
    env.add_overload(MATCHES, "matches_string_pattern", vec![STRING_TYPE, DYN_TYPE], pattern::matches)?;
    env.add_overload(ORDERED, "ordered_dyn", vec![DYN_TYPE], ordered)?;
    Ok(env)
}

fn truth(answer: bool) -> Box<dyn Val> {
    Box::new(CelBool::from(answer))
}

fn one_text<'b, 'v>(
    name: &str,
    arguments: &[CowVal<'b, 'v>],
    part: impl Fn(&str) -> &str,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match arguments.first().and_then(|text| text.downcast_ref::<CelString>()) {
        Some(text) => Ok(CowVal::owned(CelString::from(part(text.inner()).to_owned()))),
        None => Err(ExecutionError::function_error(name, "takes a text")),
    }
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
    use super::*;

    #[test]
    fn every_listed_function_is_declared() {
        let env = environment().unwrap();
        let context = cel::Context::with_env(Arc::clone(&env));
        for function in FUNCTIONS.iter().filter(|function| function.name != "matches") {
            let arguments = vec!["1"; *function.arguments.end()].join(", ");
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
