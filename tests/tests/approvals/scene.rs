//! A host without policies whose clock stands still until a test moves it, and an agent that asks.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pointsman_bundle::COMMAND;
use pointsman_capabilities::process::{HostEnvironment, ProgramEntry, Programs, SupervisorCommand};
use pointsman_capabilities::request::Origins;
use pointsman_capabilities::secret::Secrets;
use pointsman_engine::{
    AuditSettings, BackendSettings, Budgets, Client, Clock, ComponentSource, Error, Host, OnFailure, Orphans,
    Profiles, Settings, WaitLimits,
};
use pointsman_model::calls::{ContinueRun, PollEvents, RunRef, SpawnRun};
use pointsman_model::{
    Answer, Approval, Grant, Leaf, Message, RunId, RunRecord, SessionMode, Speaker, Timestamp,
};
use pointsman_tests::{PATIENCE, program, repository};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

/// Asks for every line of the file `asks`, one after the other, or all at once; keeps what it hears.
const AGENT: &str = r#"
IFS= read -r task
echo '{"type":"remember","data":"here"}'
ask() {
    printf '{"type":"permission","id":"%s","kind":"command","title":"%s","detail":{"command":"%s","cwd":"%s"}}\n' \
        "$1" "$2" "$2" "$PWD"
}
hear() {
    IFS= read -r answer || exit 1
    printf '%s\n' "$answer" >>heard
}
count=0
while IFS= read -r command <&3; do
    count=$((count + 1))
    ask $count "$command"
    [ -e at-once ] || hear
done 3<asks
if [ -e at-once ]; then
    while [ $count -gt 0 ]; do
        hear
        count=$((count - 1))
    done
fi
echo '{"type":"result","text":"done"}'
"#;

const MINUTE: u64 = 60_000;

/// A clock that a test moves.
#[derive(Debug, Clone)]
pub(crate) struct Hand(watch::Sender<u64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(1_800_000_000_000))
    }

    pub(crate) fn advance(&self, minutes: u64) {
        self.0.send_modify(|now| *now += minutes * MINUTE);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(*self.0.borrow())
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut hand = self.0.subscribe();
        Box::pin(async move {
            // Whoever has the clock has its hand: it is never dropped before.
            let _reached = hand.wait_for(|now| *now >= at.as_millis()).await;
        })
    }
}

/// A host without policies, so that a person is asked about everything, and an agent that asks.
pub(crate) struct Scene {
    root: TempDir,
    pub(crate) hand: Hand,
    /// None only while another takes its place.
    host: Option<Host>,
    live_runs: usize,
}

impl Scene {
    pub(crate) async fn new(asks: &[&str]) -> Self {
        Self::with_room(asks, 4).await
    }

    /// With room for so many live runs.
    pub(crate) async fn with_room(asks: &[&str], live_runs: usize) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        repository(&root.path().join("work"));
        fs::DirBuilder::new().mode(0o700).create(root.path().join("state")).expect("the folder is new");
        fs::write(root.path().join("agent.sh"), AGENT).expect("the folder is ours");
        let hand = Hand::new();
        let host = Host::start(settings(&root, &hand, live_runs)).await.expect("the host starts");
        let scene = Self { root, hand, host: Some(host), live_runs };
        scene.put("asks", &asks.iter().map(|it| format!("{it}\n")).collect::<String>());
        scene
    }

    pub(crate) fn host(&self) -> &Host {
        self.host.as_ref().expect("one host or another is there")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("the folder is ours");
    }

    /// Gives what the agents heard, in order: the answer to each question by its id.
    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.file("heard")).unwrap_or_default();
        let said = |line: &str| {
            let answer: Value = serde_json::from_str(line).expect("answers are JSON");
            let word = |key: &str| answer[key].as_str().expect("a word").to_owned();
            (word("id"), word("answer"))
        };
        text.lines().map(said).collect()
    }

    /// Another host takes the place of this one, as after a restart.
    pub(crate) async fn restart(&mut self) {
        self.restart_with_room(self.live_runs).await;
    }

    pub(crate) async fn restart_with_room(&mut self, live_runs: usize) {
        self.live_runs = live_runs;
        if let Some(host) = self.host.take() {
            host.shutdown().await;
        }
        let host = Host::start(settings(&self.root, &self.hand, self.live_runs)).await;
        self.host = Some(host.expect("the host starts"));
    }

    /// Launches the agent; a person says that it may.
    pub(crate) async fn launch(&self) -> RunId {
        let run = self.ask_for_launch().await;
        self.allow_launch(run).await
    }

    /// Asks for a launch of the agent.
    pub(crate) async fn ask_for_launch(&self) -> RunId {
        let call = SpawnRun {
            backend: Some("asker".to_owned()),
            role: None,
            cwd: self.file("").to_string_lossy().into_owned(),
            session_mode: SessionMode::New,
            prompt: Some("ask".to_owned()),
            input_message: None,
            session_id: None,
            nickname: None,
            profile: None,
            output_schema: None,
            metadata: None,
            backend_config: None,
            access: None,
            idempotency_key: None,
        };
        self.host().spawn_run(&client(), call).await.expect("a run").run_id
    }

    /// Goes on with a session whose run is over.
    pub(crate) async fn go_on(&self, run: RunId) -> RunId {
        let call = ContinueRun {
            run_id: Some(run.to_string()),
            agent_name: None,
            cwd: None,
            input_message: Message::text(Speaker::User, "again"),
        };
        let next = self.host().continue_run(&client(), call).await.expect("another run").run_id;
        self.allow_launch(next).await
    }

    pub(crate) async fn allow_launch(&self, run: RunId) -> RunId {
        // Without policies a person is asked about the launch, and then about its process.
        for what in ["launch", "process"] {
            let asked = self.question(run, what).await;
            self.until("who drives the run", async || {
                match self.answer(&asked, Answer::allow_once()).await {
                    // The host before is just ending.
                    Err(Error::NotActiveHere { .. }) => None,
                    answered => Some(answered.expect("it may")),
                }
            })
            .await;
        }
        run
    }

    /// Waits for an open question of a run about a command, its launch or its process.
    pub(crate) async fn question(&self, run: RunId, what: &str) -> Approval {
        self.until(what, async || {
            let open = self.host().list_approvals(false).await.expect("questions are listed");
            open.into_iter().find(|it| {
                let about = match it.action.as_str() {
                    "permission" => it.detail["title"].as_str().unwrap_or_default(),
                    "spawn" | "continue" => "launch",
                    other => other,
                };
                it.run_id == run && about == what
            })
        })
        .await
    }

    pub(crate) async fn answer(&self, asked: &Approval, answer: Answer) -> Result<Approval, Error> {
        self.host().answer_approval(asked.approval_id, asked.digest, answer, "cli:ada").await
    }

    pub(crate) async fn state(&self, asked: &Approval) -> Approval {
        self.host().approval(asked.approval_id).await.expect("it is read").expect("it is known")
    }

    pub(crate) async fn over(&self, run: RunId) -> RunRecord {
        let by = RunRef { run_id: Some(run.to_string()), ..RunRef::default() };
        self.until("the run's end", async || {
            let record = self.host().get_run(&by).await.expect("it is known");
            record.status.is_terminal().then_some(record)
        })
        .await
    }

    /// Gives how a run's questions were resolved, as its events tell.
    pub(crate) async fn resolutions(&self, run: RunId) -> Vec<Value> {
        let call = PollEvents {
            run_id: Some(run.to_string()),
            agent_name: None,
            cwd: None,
            after_seq: 0,
            limit: Some(1_000),
            wait_ms: Some(0),
            max_bytes: Some(262_144),
        };
        let page = self.host().poll_events(&call).await.expect("events are read");
        let events = page.events.into_iter().filter(|event| event.kind.as_str() == "approval_resolved");
        events.map(|event| Value::Object(event.data)).collect()
    }

    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        found.unwrap_or_else(|_| panic!("{what}: has not come; the agents heard {:?}", self.heard()))
    }
}

pub(crate) fn client() -> Client {
    Client { name: "tests".to_owned(), version: None }
}

fn settings(root: &TempDir, hand: &Hand, live_runs: usize) -> Settings {
    let path = |name: &str| root.path().join(name);
    let entry = ProgramEntry {
        command: "/bin/sh".to_owned(),
        args_before: vec![path("agent.sh").to_string_lossy().into_owned()],
        pass_env: Vec::new(),
        set_env: Vec::new(),
        plugin_env: Vec::new(),
    };
    let programs = Programs::resolve([("asker".to_owned(), entry)], HostEnvironment::of_this_process());
    let asker = BackendSettings {
        component: ComponentSource::Bundled(COMMAND),
        config: json!({
            "program": "asker", "prompt": "json", "output": "jsonl", "interactive": true,
            "access": "workspace-write",
        }),
        caller_may_set: Vec::new(),
        grants: vec![
            Grant { leaf: Leaf::ProcessSpawn, target: "asker".to_owned() },
            Grant { leaf: Leaf::TimerSet, target: "*".to_owned() },
        ],
    };
    Settings {
        state: path("state"),
        key: None,
        ancestors: Vec::new(),
        supervisor: SupervisorCommand { program: program(), args: vec!["__supervise".into()] },
        programs: Arc::new(programs.expect("sh is there")),
        origins: Origins::new([]).expect("no origin is wrong"),
        secrets: Secrets::new(BTreeMap::new()),
        backends: BTreeMap::from([("asker".to_owned(), asker)]),
        sanitizers: Vec::new(),
        policies: Vec::new(),
        on_policy_failure: OnFailure::Ask,
        roots: Vec::new(),
        profiles: Profiles::default(),
        run_folders: false,
        waits: WaitLimits { default: Duration::from_secs(10), most: None },
        stop_grace: Duration::from_millis(500),
        approval_ttl: Duration::from_secs(15 * 60),
        corrective_turns: 0,
        longest_session: Duration::from_secs(3600),
        live_runs,
        audit: AuditSettings::default(),
        clock: Arc::new(hand.clone()),
        orphans: Orphans::default(),
        entry: None,
        rights: BTreeMap::new(),
        budgets: Budgets::default(),
    }
}
