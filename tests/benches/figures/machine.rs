//! The machine that the figures are of.

use std::fs;
use std::process::{Command, Stdio};

use crate::Effort;

/// Tells what is measured where.
pub(crate) fn tell(effort: Effort) {
    let build = if cfg!(debug_assertions) { "dev build: not worth comparing" } else { "release build" };
    let effort = if effort == Effort::Quick { ", few samples" } else { "" };
    println!("pointsman {}, {build}{effort}", said("git", &["describe", "--always", "--dirty"]));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} × {}, {} of memory",
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal")
    );
    println!("{}, {}", said("uname", &["-srm"]), said("rustc", &["--version"]));
    load("load before");
    println!();
}

/// Tells how busy the machine is.
pub(crate) fn load(when: &str) {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    println!("{when}: {}", load.join(" "));
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).to_owned()
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
