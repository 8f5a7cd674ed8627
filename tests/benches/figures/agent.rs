//! The other side: this program as an agent that writes lines and does nothing else.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The hidden argument by which this program is an agent.
pub(crate) const ARGUMENT: &str = "__agent";

/// Says how often the ticking agent ticks. Longer than an event takes to be seen, so that each is seen alone.
const EVERY: Duration = Duration::from_millis(10);

/// Configures two backends: `flood` writes so many lines as fast as it can, `tick` so many one by one.
pub(crate) fn backends(lines: usize, ticks: usize) -> String {
    let this = std::env::current_exe().expect("a bench knows where it is");
    let this = Value::from(this.display().to_string());
    [("flood", lines), ("tick", ticks)]
        .map(|(name, count)| {
            format!(
                "[programs.{name}]\ncommand = {this}\nargs = [\"{ARGUMENT}\"]\n\
                 [backends.{name}]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 {name}\"]\n\
                 [backends.{name}.config]\nprogram = \"{name}\"\nargs = [\"{name}\", \"{count}\"]\n\
                 prompt = \"none\"\noutput = \"jsonl\"\naccess = \"workspace-write\"\n"
            )
        })
        .concat()
}

/// Is an agent.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let [verb, count] = args else { return ExitCode::FAILURE };
    let done = match (verb.as_str(), count.parse()) {
        ("flood", Ok(count)) => flood(count),
        ("tick", Ok(count)) => tick(count),
        _ => return ExitCode::FAILURE,
    };
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn flood(count: u64) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    for line in 1..=count {
        let text = format!("step {line}: looked at another file and found nothing that is worth a change");
        writeln!(output, r#"{{"type":"agent_message","item_id":"{line}","data":{{"text":"{text}"}}}}"#)?;
    }
    output.flush()
}

fn tick(count: u64) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for _ in 0..count {
        std::thread::sleep(EVERY);
        let now = now();
        output
            .write_all(format!("{{\"type\":\"x_command_tick\",\"data\":{{\"at\":{now}}}}}\n").as_bytes())?;
        output.flush()?;
    }
    Ok(())
}

/// Gives the time in nanoseconds, as every process of this machine sees it.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
