//! Command lines, shown to conditions as the commands that they run.

use std::collections::HashMap;

use cel::ExecutionError;
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};

use crate::commands::{self, Command};

#[expect(clippy::needless_pass_by_value, reason = "the interpreter's function type")]
pub(super) fn commands<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [line] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(1, arguments.len()));
    };
    let fails = |why: String| ExecutionError::function_error("commands", why);
    let found = if let Some(text) = line.downcast_ref::<CelString>() {
        commands::of_text(text.inner())
    } else if let Some(list) = line.downcast_ref::<CelList>() {
        let words =
            list.inner().iter().map(|word| Some(word.downcast_ref::<CelString>()?.inner().to_owned()));
        let words = words.collect::<Option<Vec<String>>>();
        commands::of_words(&words.ok_or_else(|| fails("takes a text, or a list of texts".to_owned()))?)
    } else {
        return Err(fails("takes a text, or a list of texts".to_owned()));
    };
    let found = found.map_err(|refusal| fails(format!("what would run cannot be told: {}", refusal.0)))?;
    Ok(CowVal::owned(CelList::from(found.into_iter().map(shown).collect::<Vec<_>>())))
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
