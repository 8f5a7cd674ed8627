//! `pointsman run`: a person launches an agent, watches it, and answers what it asks.
//!
//! The run is driven by a host inside this very process, beside whatever other hosts work on the same state: each run
//! belongs to the host that began it, and every host's runs can be listed, followed, answered and ended from any
//! terminal. A run that is to outlive the terminal gets a host of its own in the background (`detached`).

mod detached;
mod dialog;
mod editor;
mod foreground;
mod hosted;
mod interview;
pub(super) mod report;
mod request;
mod signals;
mod story;
mod view;

pub(super) use detached::drive as drive_detached;

use self::foreground::Foreground;
use self::hosted::{Hosted, runtime};
use self::signals::Signals;
use self::view::View;
use crate::args::{OutputForm, RunArgs};
use crate::config::Loaded;
use crate::failure::Outcome;
use crate::terminal::{ColorChoice, Out};

pub(super) fn run(out: Out, loaded: &Loaded, color: ColorChoice, args: &RunArgs) -> Outcome {
    let form = match args.showing.output {
        Some(form) => form,
        None if out.is_json() => OutputForm::Json,
        None => OutputForm::Text,
    };
    let call = request::request(loaded, args)?;
    if args.detach {
        return detached::launch(out, loaded, form, &call);
    }
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        // Before anything else: a signal that comes during the start ends it as well.
        let signals = Signals::heard()?;
        let view = View::new(&args.showing, form, color);
        let hosted = Hosted::start(loaded, !args.unattended).await?;
        let done = Foreground::new(&hosted, signals, view, out, form, args.unattended).run(call).await;
        hosted.end().await;
        done
    });
    // A thread may still wait for standard input; there is nothing to wait for any more.
    runtime.shutdown_background();
    done
}
