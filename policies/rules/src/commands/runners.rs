//! Programs that start another one in an environment of their own: `uv run`, `bundle exec`, `npx`.
//!
//! They do something themselves (set up, install, download), so they are listed before what they start.

use super::Refusal;
use super::resolve::Argument;
use super::wrappers::{Fed, Starts, itself, unknown, words};

/// What is said before the program; a `*` stands for any word.
const RUNNERS: &[(&str, &[&str])] = &[
    ("asdf", &["exec"]),
    ("bun", &["x"]),
    ("bundle", &["exec"]),
    ("bundler", &["exec"]),
    ("bunx", &[]),
    ("conda", &["run"]),
    ("corepack", &[]),
    ("direnv", &["exec", "*"]),
    ("fnm", &["exec"]),
    ("hatch", &["run"]),
    ("mamba", &["run"]),
    ("micromamba", &["run"]),
    ("mise", &["exec"]),
    ("mise", &["x"]),
    ("nodenv", &["exec"]),
    ("npm", &["exec"]),
    ("npm", &["x"]),
    ("npx", &[]),
    ("nvm", &["exec", "*"]),
    ("pdm", &["run"]),
    ("pipenv", &["run"]),
    ("pipx", &["run"]),
    ("pixi", &["run"]),
    ("pnpm", &["dlx"]),
    ("pnpm", &["exec"]),
    ("pnpx", &[]),
    ("poetry", &["run"]),
    ("pyenv", &["exec"]),
    ("rbenv", &["exec"]),
    ("rtx", &["exec"]),
    ("rustup", &["run", "*"]),
    ("rye", &["run"]),
    ("uv", &["run"]),
    ("uv", &["tool", "run"]),
    ("uvx", &[]),
    ("volta", &["run"]),
    ("yarn", &["dlx"]),
    ("yarn", &["exec"]),
];

/// Options without a value that may stand before the program.
const FLAGS: &[&str] =
    &["--", "-y", "--yes", "--no-install", "--no", "-q", "--quiet", "--frozen", "--locked", "--no-sync"];

/// Tells what such a program starts.
///
/// # Errors
///
/// A way of calling it that is not known here.
pub(super) fn starts(name: &str, arguments: &[Argument]) -> Result<Starts, Refusal> {
    for (_, before) in RUNNERS.iter().filter(|(known, _)| *known == name) {
        let Some(rest) = behind(before, arguments) else { continue };
        let flags = rest.iter().take_while(|word| FLAGS.contains(&word.text.as_str())).count();
        let rest = rest.get(flags..).unwrap_or_default();
        return match rest.first() {
            None => Err(Refusal::because(format!("`{name}` is not told what to start"))),
            Some(first) if first.text.starts_with('-') => Err(unknown(name, first)),
            Some(_) => Ok(Starts { itself: true, inner: vec![words(Vec::new(), rest, Fed::Nothing)] }),
        };
    }
    // Options before the word that would tell: which of them take a value is not known here.
    let known = |word: &Argument| {
        RUNNERS.iter().any(|(runner, before)| *runner == name && before.first() == Some(&word.text.as_str()))
    };
    if arguments.first().is_some_and(|first| first.text.starts_with('-')) && arguments.iter().any(known) {
        return Err(Refusal::because(format!("what `{name}` starts is hidden behind its options")));
    }
    Ok(itself())
}

fn behind<'w>(before: &[&str], arguments: &'w [Argument]) -> Option<&'w [Argument]> {
    let (said, rest) = arguments.split_at_checked(before.len())?;
    let same = before.iter().zip(said).all(|(expected, word)| *expected == "*" || *expected == word.text);
    same.then_some(rest)
}
