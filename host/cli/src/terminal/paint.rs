//! Colours, only where somebody sees them.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use pointsman_model::Status;

/// When colours are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Puts colours on texts, or leaves them alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Decides for one stream.
    pub(crate) fn new(choice: ColorChoice, terminal: bool) -> Self {
        let unwanted = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !unwanted() && !dumb(),
        };
        Self { on }
    }

    /// Gives what leaves all texts alone.
    pub(crate) const fn plain() -> Self {
        Self { on: false }
    }

    /// Puts a style on a text.
    pub(crate) fn paint(self, style: Style, text: impl Display) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// Headings and names.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// What matters less.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// What is well.
    pub(crate) fn good(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// What wants attention.
    pub(crate) fn warn(self, text: impl Display) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// A line that a change adds.
    pub(crate) fn added(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// A line that a change takes away.
    pub(crate) fn removed(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// What is wrong.
    pub(crate) fn bad(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }
}

/// Gives the colour of a status.
pub(crate) fn status_style(status: Status) -> Style {
    let color = match status {
        Status::Queued => AnsiColor::Blue,
        Status::Running => AnsiColor::Cyan,
        Status::ApprovalRequired | Status::InputRequired | Status::AuthRequired => AnsiColor::Yellow,
        Status::Completed => AnsiColor::Green,
        Status::Failed | Status::Rejected => AnsiColor::Red,
        Status::Cancelled => AnsiColor::BrightBlack,
    };
    color.on_default()
}
