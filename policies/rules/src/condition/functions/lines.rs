//! Command lines, shown to conditions as the commands that they run.

use std::collections::HashMap;

use cel::ExecutionError;
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};

use crate::commands::{self, Command, Refusal};

/// What is said of a line that is not read.
pub(crate) const UNREADABLE: &str = "what would run cannot be told";

#[expect(clippy::needless_pass_by_value, reason = "the interpreter's function type")]
pub(super) fn commands<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let found = read("commands", &arguments)?;
    let found = found.map_err(|refusal| {
        ExecutionError::function_error("commands", format!("{UNREADABLE}: {}", refusal.0))
    })?;
    Ok(CowVal::owned(CelList::from(found.into_iter().map(shown).collect::<Vec<_>>())))
}

#[expect(clippy::needless_pass_by_value, reason = "the interpreter's function type")]
pub(super) fn readable<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(CowVal::owned(CelBool::from(read("readable", &arguments)?.is_ok())))
}

fn read(name: &str, arguments: &[CowVal<'_, '_>]) -> Result<Result<Vec<Command>, Refusal>, ExecutionError> {
    let [line] = arguments else {
        return Err(ExecutionError::invalid_argument_count(1, arguments.len()));
    };
    if let Some(text) = line.downcast_ref::<CelString>() {
        return Ok(commands::of_text(text.inner()));
    }
    let words = line.downcast_ref::<CelList>().and_then(|list| {
        let words =
            list.inner().iter().map(|word| Some(word.downcast_ref::<CelString>()?.inner().to_owned()));
        words.collect::<Option<Vec<String>>>()
    });
    match words {
        Some(words) => Ok(commands::of_words(&words)),
        None => Err(ExecutionError::function_error(name, "takes a text, or a list of texts")),
    }
}

fn shown(command: Command) -> Box<dyn Val> {
    let args = command.words.iter().skip(1).cloned().map(text).collect::<Vec<_>>();
    let redirects = command.redirects.into_iter().map(|redirect| {
        map([
            ("op", text(redirect.op.to_owned())),
            ("fd", Box::new(CelInt::from(i64::from(redirect.fd)))),
            ("target", text(redirect.target)),
        ])
    });
    let redirects = redirects.collect::<Vec<_>>();
    let env = command.env.into_iter().map(|(name, value)| (CelMapKey::from(name), text(value)));
    map([
        ("program", text(command.program)),
        ("path", text(command.words.first().cloned().unwrap_or_default())),
        ("args", Box::new(CelList::from(args))),
        ("words", Box::new(CelList::from(command.words.into_iter().map(text).collect::<Vec<_>>()))),
        ("env", Box::new(CelMap::from(env.collect::<HashMap<CelMapKey<'static>, Box<dyn Val>>>()))),
        ("redirects", Box::new(CelList::from(redirects))),
        ("globs", Box::new(CelBool::from(command.globs))),
    ])
}

fn text(text: String) -> Box<dyn Val> {
    Box::new(CelString::from(text))
}

fn map<const N: usize>(members: [(&'static str, Box<dyn Val>); N]) -> Box<dyn Val> {
    let members = members.into_iter().map(|(name, value)| (CelMapKey::from(name), value));
    Box::new(CelMap::from(members.collect::<HashMap<CelMapKey<'static>, Box<dyn Val>>>()))
}
