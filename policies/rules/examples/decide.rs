//! Measures a decision: one file of twenty rules, one question, many times.
//!
//! ```text
//! cargo run --release -p pointsman-rules --example decide
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use pointsman_rules::{CAREFUL, Rulebook, base_question};

/// Decisions of one round.
const ROUND: u32 = 10_000;

fn main() -> Result<(), String> {
    let twenty: String = (0..2)
        .flat_map(|copy| CAREFUL.split("[[rule]]\n").skip(1).map(move |rule| (copy, rule)))
        .take(20)
        .map(|(copy, rule)| format!("[[rule]]\n{}", rule.replacen("id = \"", &format!("id = \"{copy}-"), 1)))
        .collect();
    let started = Instant::now();
    let book = Rulebook::load(&twenty).map_err(|findings| format!("{findings:?}"))?;
    report("load, 20 rules with their examples", started.elapsed());
    let question = base_question();
    let mut rounds: Vec<Duration> = (0..21)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..ROUND {
                black_box(book.decide(black_box(&question)));
            }
            started.elapsed() / ROUND
        })
        .collect();
    rounds.sort();
    report("decide, 20 rules, median of 21 rounds", rounds[10]);
    report("decide, 20 rules, slowest round", rounds[20]);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example that reports what it measured")]
fn report(what: &str, took: Duration) {
    println!("{what}: {took:?}");
}
