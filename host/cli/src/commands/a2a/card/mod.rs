//! `pointsman a2a card`: what an agent elsewhere says of itself, and what reaching it takes.

mod explain;
mod fetch;
mod setup;

use serde_json::json;

use crate::args::CardArgs;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::terminal::Out;

pub(super) fn run(out: Out, args: &CardArgs) -> Outcome {
    let fetched = fetch::fetch(args)?;
    let setup = setup::Setup::of(&fetched, args);
    if out.is_json() {
        out.json(&json!({
            "url": fetched.place,
            "card": fetched.card,
            "interfaces": explain::interfaces(&fetched.card),
            "config": setup.config(),
            "spawn_run": setup.spawn_run(),
        }))?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    for line in explain::explain(&fetched, paint) {
        out.line(line)?;
    }
    out.line(paint.bold("\nFor pointsman.toml:\n"))?;
    out.raw(&setup.config())?;
    out.line(paint.bold("\nThen call spawn_run with:\n"))?;
    out.line(serde_json::to_string_pretty(&setup.spawn_run()).map_err(crate::failure::Failure::internal)?)?;
    Ok(Exit::Ok)
}
