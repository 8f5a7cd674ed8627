//! `cargo xtask guests`.

use std::process::Stdio;

use serde_json::Value;

use crate::cargo::cargo;
use crate::{Failure, say};

pub(crate) fn run() -> Result<(), Failure> {
    let packages = packages()?;
    say::step(format!("building {} for {}", packages.join(", "), pointsman_guest_build::TARGET));
    let names: Vec<&str> = packages.iter().map(String::as_str).collect();
    for (package, path) in packages.iter().zip(pointsman_guest_build::build(&names)?) {
        let size = std::fs::metadata(&path)?.len();
        say::line(format!(
            "{} {:>5} KiB  {}",
            say::bold(format!("{package:<20}")),
            size / 1024,
            path.display()
        ));
    }
    Ok(())
}

/// Finds the packages that make components: those with a library of the kind that another program loads.
fn packages() -> Result<Vec<String>, Failure> {
    let output =
        cargo(&["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", output.status).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let none = Vec::new();
    let list = |value: &'_ Value| -> Vec<Value> { value.as_array().unwrap_or(&none).clone() };
    let is_guest = |package: &Value| {
        list(&package["targets"])
            .iter()
            .any(|target| list(&target["crate_types"]).iter().any(|kind| kind == "cdylib"))
    };
    let mut names: Vec<String> = list(&metadata["packages"])
        .iter()
        .filter(|package| is_guest(package))
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}
