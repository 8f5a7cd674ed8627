//! The figures: how fast the built program is, on this machine, in this build.
//!
//! `cargo xtask bench` builds everything in release mode and runs this; `-- --quick` takes fewer samples, and words name
//! the figures to take. Nothing here fails because a machine is slow: a goal is met or missed, and both are said.
//!
//! One module per figure. Each warms up first, then takes several rounds and gives the median.

#![expect(clippy::print_stdout, reason = "it tells what it measured")]

mod a2a_stream;
mod agent;
mod backends;
mod cold_start;
mod exit;
mod figure;
mod ingest;
mod latency;
mod listing;
mod machine;
mod memory;
mod policy;
mod redact;
mod replay;
mod samples;
mod seed;

use std::process::ExitCode;

use figure::Figure;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// As much as the figures need to be worth telling.
    Full,
    /// Enough to see that measuring works.
    Quick,
}

impl Effort {
    /// Gives one of two numbers.
    fn of(self, full: usize, quick: usize) -> usize {
        if self == Self::Full { full } else { quick }
    }
}

type Measure = fn(Effort) -> Vec<Figure>;

/// What is measured, from the start of a host to its end.
const FIGURES: &[(&str, Measure)] = &[
    ("cold-start", cold_start::measure),
    ("memory", memory::measure),
    ("listing", listing::measure),
    ("ingest", ingest::measure),
    ("backends", backends::measure),
    ("a2a-stream", a2a_stream::measure),
    ("replay", replay::measure),
    ("latency", latency::measure),
    ("policy", policy::measure),
    ("redact", redact::measure),
    ("exit", exit::measure),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &args[..]
        && first == agent::ARGUMENT
    {
        return agent::run(rest);
    }
    let mut effort = Effort::Full;
    let mut wanted = Vec::new();
    for arg in &args {
        match arg.as_str() {
            // What cargo says to every bench.
            "--bench" => {}
            "--quick" => effort = Effort::Quick,
            word if FIGURES.iter().any(|(name, _)| *name == word) => wanted.push(word),
            other => {
                let names: Vec<_> = FIGURES.iter().map(|(name, _)| *name).collect();
                println!("{other:?} is no figure: say --quick, or some of {}", names.join(", "));
                return ExitCode::FAILURE;
            }
        }
    }
    machine::tell(effort);
    figure::head();
    let chosen = FIGURES.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    let figures: Vec<Figure> =
        chosen.flat_map(|(_, measure)| measure(effort)).inspect(Figure::tell).collect();
    figure::foot(&figures);
    machine::load("load when it was over");
    ExitCode::SUCCESS
}
