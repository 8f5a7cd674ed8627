//! Standard error while a run goes on: a line for everything that happens, and a spinner below them on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pointsman_model::Event;

use super::story::Story;
use crate::args::{OutputForm, ShowingArgs};
use crate::terminal::{ColorChoice, Paint, error_width, fold, one_line, say};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);
/// Lines kept while a question stands on the screen, at most.
const KEPT: usize = 2_000;

/// What is told of a run on standard error.
#[derive(Debug)]
pub(super) struct View {
    paint: Paint,
    story: Story,
    /// Whether events are told at all.
    tells: bool,
    /// Whether there is a spinner when no question is on the screen.
    spins: bool,
    spinner: Option<ProgressBar>,
    begun: Instant,
    /// Whether a question stands on the screen; what happens meanwhile is told behind it.
    asking: bool,
    kept: Vec<String>,
}

impl View {
    /// Decides by what was asked for and where the two streams go.
    pub(super) fn new(showing: &ShowingArgs, form: OutputForm, color: ColorChoice) -> Self {
        let terminal = io::stderr().is_terminal();
        let paint = Paint::new(color, terminal);
        // Events as JSON on the same terminal tell all there is to tell.
        let doubled = form == OutputForm::Jsonl && terminal && io::stdout().is_terminal();
        let tells = showing.follow || (terminal && !showing.quiet && !doubled);
        let spins = terminal && !doubled && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let mut view = Self {
            paint,
            story: Story::new(paint, !spins),
            tells,
            spins,
            spinner: None,
            begun: Instant::now(),
            asking: false,
            kept: Vec::new(),
        };
        view.spin();
        view
    }

    /// Gives the colours of standard error.
    pub(super) fn paint(&self) -> Paint {
        self.paint
    }

    /// Takes an event.
    pub(super) fn event(&mut self, event: &Event) {
        let lines = self.story.take(event);
        if self.tells {
            self.lines(lines);
        }
        self.spin();
    }

    /// Says something about the run.
    pub(super) fn tell(&mut self, line: &str) {
        if self.tells {
            self.lines(vec![self.paint.dim(line)]);
        }
    }

    /// Says something of this program's own, whatever is told of the run.
    pub(super) fn note(&mut self, line: impl Into<String>) {
        self.lines(vec![line.into()]);
    }

    /// Shows a question: from now on what is typed belongs to it, so nothing else is drawn.
    pub(super) fn ask(&mut self, lines: &[String], prompt: &str) {
        self.asking = true;
        self.still();
        lines.iter().for_each(tell);
        // A closed standard error shows nothing to anybody.
        let _ = write!(io::stderr(), "{prompt}").and_then(|()| io::stderr().flush());
    }

    /// The question is over: what happened meanwhile is told, and the spinner turns again.
    pub(super) fn asked(&mut self) {
        if !std::mem::take(&mut self.asking) {
            return;
        }
        std::mem::take(&mut self.kept).iter().for_each(tell);
        self.spin();
    }

    /// Ends it all; the agent's last words are told unless they are the answer.
    pub(super) fn end(&mut self, answer: Option<&str>) {
        self.asked();
        let lines = self.story.end(answer);
        if self.tells {
            self.lines(lines);
        }
        self.spins = false;
        self.still();
    }

    fn lines(&mut self, lines: Vec<String>) {
        if self.asking {
            self.kept.extend(lines);
            let over = self.kept.len().saturating_sub(KEPT);
            self.kept.drain(..over);
            return;
        }
        match &self.spinner {
            Some(bar) => bar.suspend(|| lines.iter().for_each(tell)),
            None => lines.iter().for_each(tell),
        }
    }

    /// Shows what goes on now.
    fn spin(&mut self) {
        if !self.spins || self.asking {
            return;
        }
        let doing = one_line(&self.story.doing(), 500);
        if let Some(bar) = &self.spinner {
            bar.set_message(doing);
            return;
        }
        let bar = ProgressBar::new_spinner().with_elapsed(self.begun.elapsed()).with_message(doing);
        bar.set_draw_target(ProgressDrawTarget::stderr());
        let template = if self.paint == Paint::plain() {
            "{spinner} {elapsed:>3} {wide_msg}"
        } else {
            "{spinner:.cyan} {elapsed:>3.dim} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        self.spinner = Some(bar);
    }

    fn still(&mut self) {
        if let Some(bar) = self.spinner.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.still();
    }
}

/// Writes a line as the terminal can show it; whatever else reads it gets it in one piece.
fn tell(line: &String) {
    match error_width() {
        Some(width) => fold(line, width).iter().for_each(say),
        None => say(line),
    }
}
