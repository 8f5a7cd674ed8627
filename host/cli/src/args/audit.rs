//! `pointsman audit`.

use clap::{Args, Subcommand};
use pointsman_model::{Digest, Timestamp};

use crate::config::TextDuration;
use crate::terminal::now;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Look for records that were changed, removed, inserted or moved; the exit status says whether there are any
    Verify {
        /// A digest that `verify` printed once and that you noted elsewhere: its record must still be there
        #[arg(long, value_name = "DIGEST")]
        known: Vec<Digest>,
    },
    /// Print records, oldest first
    Show(AuditShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditShowArgs {
    /// Only records of this run: its id or the first characters of it
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Only records of this kind, such as `decision`, `settled` or `launched`; given again for another
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only records since then: a time such as 2026-11-21T08:00:00Z, or so long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<Timestamp>,
    /// Stay, and print records as they come
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = text.parse::<TextDuration>() {
        let ago = u64::try_from(ago.get().as_millis()).unwrap_or(u64::MAX);
        return Ok(Timestamp::from_millis(now().as_millis().saturating_sub(ago)));
    }
    text.parse::<Timestamp>().map_err(|error| format!("{error}, or a duration such as 2h"))
}
