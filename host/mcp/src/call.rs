//! Calls: arguments in, defaults filled, the host asked, the answer made to fit.

use std::time::Duration;

use pointsman_engine::Client;
use pointsman_model::calls as shapes;
use rmcp::model::JsonObject;
use serde_json::Value;

use crate::answer::{self, DEFAULT_BYTES, Refusal};
use crate::arguments::{self, Issues};
use crate::calls::Calls;
use crate::tool::Tool;
use crate::wait::{self, Waiting};

/// How often a page is asked for again because it came out too large. Runs may change in between, so once is not
/// always enough.
const TRIES: usize = 3;

/// Who calls, and how long that one waits.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) waiting: Waiting,
}

/// Does what a tool is for.
pub(crate) async fn call<C: Calls>(
    host: &C,
    caller: &Caller,
    tool: Tool,
    arguments: Option<JsonObject>,
) -> Result<Value, Refusal> {
    let asked = Asked { tool, arguments };
    match tool {
        Tool::SpawnRun => json(host.spawn_run(&caller.client, asked.read()?).await?),
        Tool::GetRun => get_run(host, asked.read()?).await,
        Tool::PollEvents => poll_events(host, caller, asked.read()?).await,
        Tool::CancelRun => {
            let call: shapes::CancelRun = asked.read()?;
            json(host.cancel_run(&caller.client, &call.run(), tool.name()).await?)
        }
        Tool::ContinueRun => json(host.continue_run(&caller.client, asked.read()?).await?),
        Tool::ListRuns => list_runs(host, asked.read()?).await,
        Tool::GetEventArtifact => get_event_artifact(host, asked.read()?).await,
        Tool::ListAgents => json(answer::agents_that_fit(host.list_agents(&asked.read()?).await?)),
        Tool::SendAgentMessage => json(host.send_agent_message(&caller.client, asked.read()?).await?),
        Tool::FetchAgentMessages => {
            let mut call: shapes::FetchAgentMessages = asked.read()?;
            call.after_seq.get_or_insert(0);
            call.limit.get_or_insert(100);
            json(answer::mail_that_fits(host.fetch_agent_messages(&call).await?)?)
        }
        Tool::ExplainPolicy => json(host.explain_policy(&caller.client, asked.read()?).await?),
        Tool::WaitForRuns => wait_for_runs(host, caller, asked.read()?).await,
    }
}

struct Asked {
    tool: Tool,
    arguments: Option<JsonObject>,
}

impl Asked {
    fn read<T: serde::de::DeserializeOwned>(self) -> Result<T, Issues> {
        arguments::read(self.tool, self.arguments)
    }
}

fn json(answer: impl serde::Serialize) -> Result<Value, Refusal> {
    Ok(serde_json::to_value(answer)?)
}

async fn get_run<C: Calls>(host: &C, call: shapes::GetRun) -> Result<Value, Refusal> {
    let most = call.max_bytes.unwrap_or(DEFAULT_BYTES);
    let record = host.get_run(&call.run()).await?;
    Ok(answer::fitting_record(&record, most as usize)?)
}

async fn poll_events<C: Calls>(
    host: &C,
    caller: &Caller,
    mut call: shapes::PollEvents,
) -> Result<Value, Refusal> {
    call.limit.get_or_insert(100);
    let most = *call.max_bytes.get_or_insert(DEFAULT_BYTES);
    let wait = call.wait_ms.get_or_insert(20_000);
    if let Some(limit) = host.waits().most {
        // A setting binds this wait too; what suits the client is never below the 30 seconds that it may last.
        *wait = (*wait).min(u32::try_from(limit.as_millis()).unwrap_or(u32::MAX));
    }
    let longest = Duration::from_millis((*wait).into());
    let page = caller.waiting.on("waiting for an event", longest, host.poll_events(&call)).await?;
    json(answer::events_that_fit(page, most as usize))
}

async fn list_runs<C: Calls>(host: &C, mut call: shapes::ListRuns) -> Result<Value, Refusal> {
    call.limit.get_or_insert(50);
    let most = *call.max_bytes.get_or_insert(DEFAULT_BYTES) as usize;
    let mut page = host.list_runs(&call).await?;
    // Where a shorter page ends only the host can say, so it is asked for one.
    for _ in 0..TRIES {
        let fitting = answer::runs_that_fit(&mut page, most);
        if fitting >= page.runs.len() {
            break;
        }
        call.limit = u32::try_from(fitting).ok();
        page = host.list_runs(&call).await?;
    }
    let rest = answer::json_len(&page);
    if rest > most
        && let [only] = page.runs.as_slice()
    {
        let room = (most + answer::json_len(only)).saturating_sub(rest);
        let record = answer::fitting_record(only, room)?;
        let mut value = serde_json::to_value(&page)?;
        value["runs"] = Value::Array(vec![record]);
        return Ok(value);
    }
    json(page)
}

async fn get_event_artifact<C: Calls>(
    host: &C,
    mut call: shapes::GetEventArtifact,
) -> Result<Value, Refusal> {
    call.offset.get_or_insert(0);
    if call.limit.is_some() {
        // Whoever names a size gets it.
        return json(host.get_event_artifact(&call).await?);
    }
    call.limit = Some(DEFAULT_BYTES);
    let mut page = host.get_event_artifact(&call).await?;
    if let Some(fitting) = answer::artifact_bytes_that_fit(&mut page) {
        call.limit = Some(fitting);
        page = host.get_event_artifact(&call).await?;
    }
    json(page)
}

async fn wait_for_runs<C: Calls>(
    host: &C,
    caller: &Caller,
    call: shapes::WaitForRuns,
) -> Result<Value, Refusal> {
    let wait = wait::bounded(call.wait_ms, host.waits(), &caller.client.name);
    let outcome = caller.waiting.on("waiting for runs", wait, host.wait_for_runs(&call, wait)).await?;
    json(answer::changes_that_fit(outcome))
}
