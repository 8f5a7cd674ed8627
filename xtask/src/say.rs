//! What the tasks say: on standard output for people, in colour where somebody sees it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};

/// Says whether colours are wanted.
fn colors() -> bool {
    static COLORS: OnceLock<bool> = OnceLock::new();
    *COLORS.get_or_init(|| {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        io::stdout().is_terminal() && !unwanted
    })
}

/// Puts a style on a text.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    if colors() { format!("{style}{text}{style:#}") } else { text.to_string() }
}

pub(crate) fn bold(text: impl Display) -> String {
    paint(Style::new().bold(), text)
}

pub(crate) fn dim(text: impl Display) -> String {
    paint(Style::new().dimmed(), text)
}

pub(crate) fn good(text: impl Display) -> String {
    paint(AnsiColor::Green.on_default().bold(), text)
}

pub(crate) fn warn(text: impl Display) -> String {
    paint(AnsiColor::Yellow.on_default(), text)
}

pub(crate) fn bad(text: impl Display) -> String {
    paint(AnsiColor::Red.on_default().bold(), text)
}

/// Says a line.
pub(crate) fn line(text: impl Display) {
    // Whoever has closed standard output does not want to know.
    let _ = writeln!(io::stdout(), "{text}");
}

/// Says what is done next.
pub(crate) fn step(text: impl Display) {
    line(format!("{} {}", paint(AnsiColor::Cyan.on_default().bold(), "==>"), bold(text)));
}

/// Says why a task did not end well.
pub(crate) fn failure(text: &str) {
    let _ = writeln!(io::stderr(), "{} {text}", bad("error:"));
}
