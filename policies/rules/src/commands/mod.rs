//! The command line of a shell, read as the commands that it would run.
//!
//! A rule that says what `git status` may do must not be answered by `git status; curl … | sh`, nor by the same thing
//! inside `sh -c`, behind `env`, or at the end of a pipe. So the line is read as a shell reads it, and everything that
//! it would run is listed. What cannot be told from the text alone (expansions, substitutions, loops, files of
//! commands, code for another interpreter) is refused as a whole: an allowance then does not hold, and a rule that
//! asks or denies does.
//!
//! Which shell will read the line is not known: bash, zsh and dash are all in use. Whatever they read differently is
//! refused, too.
//!
//! - `lex`: characters to words and operators.
//! - `here`: here-documents in which every character stands for itself.
//! - `character`: which characters may stand where.
//! - `grammar`: lists, pipes and groups to simple commands.
//! - `resolve`: what a simple command runs: programs that start other programs.
//! - `wrappers`, `runners`: how those are called.
//! - `hidden`: programs and variables behind which something runs that nobody sees.
//!
//! **Deliberately missing:** knowledge of what a program does with its arguments, beyond what it starts; that is for
//! rules. And the shell's own configuration: aliases and functions that the user has defined are the user's.

mod character;
mod grammar;
mod here;
mod hidden;
mod lex;
mod resolve;
mod runners;
mod wrappers;

#[cfg(test)]
mod tests;

/// Bytes of a command line.
const MOST_BYTES: usize = 32 * 1024;
/// Commands that one line runs.
const MOST_COMMANDS: usize = 128;
/// Groups, shells and programs that start programs, in each other.
const MOST_DEPTH: usize = 12;
/// Redirections, or variables, of one command.
const MOST_EXTRAS: usize = 16;

/// A command that would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its name, if it is looked up or lies in a folder of the system; else its path.
    pub(crate) program: String,
    /// All its words; the first is the program as it was written.
    pub(crate) words: Vec<String>,
    /// Variables set for it.
    pub(crate) env: Vec<(String, String)>,
    /// Where its input comes from and its output goes.
    pub(crate) redirects: Vec<Redirect>,
    /// Whether a word is a pattern that stands for names of files.
    pub(crate) globs: bool,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// `<`, `>`, `>>`, `>|` or `>&`.
    pub(crate) op: &'static str,
    /// What is redirected: 0, 1, 2 and so on.
    pub(crate) fd: u8,
    /// The file, or the number of `>&`.
    pub(crate) target: String,
}

/// Why a command line was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

impl Refusal {
    fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Reads a command line as a shell does.
///
/// # Errors
///
/// Why it cannot be told what would run.
pub(crate) fn of_text(line: &str) -> Result<Vec<Command>, Refusal> {
    let mut out = Vec::new();
    resolve::line(line, lex::Dialect::Any, &resolve::Surroundings::default(), &mut out)?;
    Ok(out)
}

/// Reads the words of a program that is started without a shell.
///
/// # Errors
///
/// Why it cannot be told what would run.
pub(crate) fn of_words(words: &[String]) -> Result<Vec<Command>, Refusal> {
    if words.iter().map(String::len).sum::<usize>() > MOST_BYTES {
        return Err(too_long());
    }
    for word in words {
        word.chars().try_for_each(character::in_quotes)?;
    }
    let words = words.iter().map(|text| resolve::Argument { text: text.clone(), glob: false }).collect();
    let mut out = Vec::new();
    resolve::command(words, &resolve::Surroundings::default(), &mut out)?;
    Ok(out)
}

fn too_long() -> Refusal {
    Refusal::because(format!("the command line is longer than {MOST_BYTES} bytes"))
}
