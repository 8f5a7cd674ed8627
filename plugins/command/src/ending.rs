//! How a run ends: what was asked of it, what the program said, and its exit code, in this order.

use pointsman_sdk::backend::{Exit, Exited, Outcome};
use serde_json::Value;

use crate::config::{Config, OutputMode};
use crate::dialect::Dialect;

/// Why a program ends.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It is done.
    ByItself,
    /// It took too long.
    TimedOut,
    /// Somebody no longer wants it.
    Cancelled(String),
}

impl Ended {
    /// Notes a cancellation; it wins over everything.
    pub(crate) fn cancel(&mut self, why: String) {
        if !matches!(self, Self::Cancelled(_)) {
            *self = Self::Cancelled(why);
        }
    }

    /// Notes that the time is up.
    pub(crate) fn time_out(&mut self) {
        if matches!(self, Self::ByItself) {
            *self = Self::TimedOut;
        }
    }

    /// Gives the outcome of a run whose program never was.
    pub(crate) fn never_began(&self, reason: &str, why: &str) -> Outcome {
        match self {
            Self::Cancelled(why) => Outcome::cancelled(why.as_str()),
            Self::ByItself | Self::TimedOut => {
                Outcome::failed(reason, format!("the program could not be started: {why}"))
            }
        }
    }

    /// Gives the outcome of a run whose program has ended.
    pub(crate) fn outcome(
        self,
        config: &Config,
        dialect: &mut Dialect,
        structured: bool,
        exited: &Exited,
    ) -> Outcome {
        let reported = dialect.result.take().unwrap_or_default();
        let answer = reported.text.or_else(|| dialect.take_answer());
        let good = matches!(exited.exit, Exit::Code(code) if config.success_codes.contains(&code));
        let outcome = match self {
            Self::Cancelled(why) => Outcome::cancelled(why),
            Self::TimedOut => Outcome::failed(
                "timeout",
                format!(
                    "{} took longer than the {} ms that its config allows by `timeout_ms`",
                    config.program,
                    config.timeout_ms.unwrap_or_default()
                ),
            ),
            Self::ByItself if reported.error.is_some() || reported.reason.is_some() => Outcome::failed(
                reported.reason.unwrap_or_else(|| "reported".to_owned()),
                reported.error.unwrap_or_else(|| format!("{} reported a failure", config.program)),
            ),
            Self::ByItself if !good => Outcome::failed("exit_status", in_words(config, exited)),
            Self::ByItself if dialect.cut => {
                // An answer of which a part is missing is none; the messages hold it all.
                Outcome::completed(None)
            }
            Self::ByItself => {
                let mut outcome = Outcome::completed(None);
                outcome.structured_output = reported
                    .structured_output
                    .or_else(|| parsed(config, structured, answer.as_deref()))
                    .map(|value| value.to_string());
                outcome
            }
        };
        let answer = answer.filter(|_| !dialect.cut);
        outcome.with_final_response(answer).with_usage(reported.usage.map(Into::into))
    }
}

/// Takes a plain answer for the JSON that was asked for.
fn parsed(config: &Config, structured: bool, answer: Option<&str>) -> Option<Value> {
    let plain = structured && config.output == OutputMode::Text;
    answer.filter(|_| plain).and_then(|answer| serde_json::from_str(answer).ok())
}

/// Says how a program failed: its status, and the last it said on standard error.
fn in_words(config: &Config, exited: &Exited) -> String {
    const LINES: usize = 20;
    let lines: Vec<&str> = exited.stderr_tail.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    let how = format!("{} {}", config.program, exited.exit.in_words());
    if last.is_empty() { how } else { format!("{how}: {last}") }
}
