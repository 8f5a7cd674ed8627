//! What a simple command runs: itself, or what it starts.

use super::grammar::{push, simple_commands};
use super::lex::{Dialect, tokens};
use super::wrappers::{self, Fed, Inner};
use super::{Command, MOST_COMMANDS, MOST_DEPTH, Redirect, Refusal, hidden};

/// Folders whose programs are those that their names say.
const SYSTEM: &[&str] =
    &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"];

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Argument {
    pub(super) text: String,
    /// Whether it is a pattern that the shell fills in.
    pub(super) glob: bool,
}

/// What a command has from whatever starts it.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    env: Vec<(String, String)>,
    redirects: Vec<Redirect>,
    depth: usize,
    /// Whether words come in that are not known: names of files, or lines that are read.
    fed: bool,
    /// Whether these are read from the input, and so may be options.
    read: bool,
}

impl Surroundings {
    fn inside(&self, env: &[(String, String)], redirects: &[Redirect]) -> Result<Self, Refusal> {
        let mut inside = self.clone();
        inside.depth += 1;
        if inside.depth > MOST_DEPTH {
            let why = format!("programs that start programs are nested deeper than {MOST_DEPTH}");
            return Err(Refusal::because(why));
        }
        for (name, value) in env {
            hidden::variable(name, value)?;
            // The innermost stands.
            inside.env.retain(|(known, _)| known != name);
            push(&mut inside.env, (name.clone(), value.clone()))?;
        }
        for redirect in redirects {
            push(&mut inside.redirects, redirect.clone())?;
        }
        Ok(inside)
    }
}

/// Lists what a line runs.
///
/// # Errors
///
/// Why that cannot be told.
pub(super) fn line(
    text: &str,
    dialect: Dialect,
    around: &Surroundings,
    out: &mut Vec<Command>,
) -> Result<(), Refusal> {
    let found = simple_commands(tokens(text, dialect)?)?;
    if found.is_empty() {
        return Err(Refusal::because("it is empty"));
    }
    for simple in found {
        let inside = around.inside(&simple.env, &simple.redirects)?;
        let words = simple.words.into_iter();
        let words = words.map(|word| Argument { glob: word.glob.is_some(), text: word.text }).collect();
        command(words, &inside, out)?;
    }
    Ok(())
}

/// Lists what one program runs: itself, or what it starts, or both.
///
/// # Errors
///
/// Why that cannot be told.
pub(super) fn command(
    words: Vec<Argument>,
    around: &Surroundings,
    out: &mut Vec<Command>,
) -> Result<(), Refusal> {
    let Some((first, arguments)) = words.split_first() else {
        return Err(Refusal::because("it is empty"));
    };
    let path = first.text.as_str();
    if first.glob || (path != "[" && !is_path(path)) {
        return Err(Refusal::because("the name of a program holds something unusual"));
    }
    let (folder, base) = path.rsplit_once('/').map_or((None, path), |(folder, base)| (Some(folder), base));
    let known = folder.is_none_or(|folder| SYSTEM.contains(&folder));
    // Not every file system tells upper from lower case.
    let name = base.to_ascii_lowercase();
    hidden::program(&name, arguments)?;
    let starts = wrappers::starts(&name, arguments)?;
    if !starts.inner.is_empty() && !known {
        return Err(Refusal::because(format!(
            "what is called like `{name}` and starts programs lies elsewhere"
        )));
    }
    if around.read {
        may_take_unknown_words(&name, arguments)?;
    }
    if starts.itself {
        if out.len() == MOST_COMMANDS {
            return Err(Refusal::because(format!("it runs more than {MOST_COMMANDS} commands")));
        }
        out.push(Command {
            program: if known { base } else { path }.to_owned(),
            env: around.env.clone(),
            redirects: around.redirects.clone(),
            globs: arguments.iter().any(|argument| argument.glob),
            words: words.iter().map(|word| word.text.clone()).collect(),
        });
    }
    for inner in starts.inner {
        match inner {
            Inner::Script { .. } if around.fed => {
                return Err(Refusal::because("a shell is given words that are not known here"));
            }
            Inner::Script { text, dialect } => line(&text, dialect, &around.inside(&[], &[])?, out)?,
            Inner::Words { env, words, fed } => {
                let mut inside = around.inside(&env, &[])?;
                inside.fed |= fed != Fed::Nothing;
                inside.read |= fed == Fed::Lines;
                command(words, &inside, out)?;
            }
        }
    }
    Ok(())
}

/// Programs that only look, whatever their options.
const LOOKING: &[&str] = &[
    "basename",
    "cat",
    "cksum",
    "dirname",
    "du",
    "echo",
    "egrep",
    "fgrep",
    "file",
    "grep",
    "head",
    "ls",
    "md5sum",
    "nl",
    "printf",
    "readlink",
    "realpath",
    "sha1sum",
    "sha256sum",
    "stat",
    "tail",
    "test",
    "wc",
];

/// Checks a program that gets words from `xargs`, written as `{}`: behind `--`, or within a word, none of them is an
/// option.
fn may_take_unknown_words(name: &str, arguments: &[Argument]) -> Result<(), Refusal> {
    let mut words = arguments.iter().take_while(|word| word.text != "--");
    if !LOOKING.contains(&name) && words.any(|word| word.text.starts_with("{}")) {
        return Err(Refusal::because(format!(
            "`{name}` is given words that are not known here and may be options; `--` before them helps"
        )));
    }
    Ok(())
}

fn is_path(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_./+@%:,-".contains(&byte);
    !text.is_empty() && !text.ends_with('/') && !text.starts_with('-') && text.bytes().all(fine)
}
