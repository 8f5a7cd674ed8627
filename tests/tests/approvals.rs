//! Answers to a live agent, in a whole host whose clock stands still until a test moves it.

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
    Profiles, QuestionNews, Questions, Refused, Settings, WaitLimits,
};
use pointsman_model::calls::{ContinueRun, PollEvents, RunRef, SpawnRun};
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Grant, Leaf, Message, RunId, RunRecord, Scope, SessionMode,
    Speaker, Status, Timestamp,
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
struct Hand(watch::Sender<u64>);

impl Hand {
    fn new() -> Self {
        Self(watch::Sender::new(1_800_000_000_000))
    }

    fn advance(&self, minutes: u64) {
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
struct Scene {
    root: TempDir,
    hand: Hand,
    host: Host,
}

impl Scene {
    async fn new(asks: &[&str]) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        repository(&root.path().join("work"));
        fs::DirBuilder::new().mode(0o700).create(root.path().join("state")).expect("the folder is new");
        fs::write(root.path().join("agent.sh"), AGENT).expect("the folder is ours");
        let hand = Hand::new();
        let host = Host::start(settings(&root, &hand)).await.expect("the host starts");
        let scene = Self { root, hand, host };
        scene.put("asks", &asks.iter().map(|it| format!("{it}\n")).collect::<String>());
        scene
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("the folder is ours");
    }

    /// Gives what the agents heard, in order: the answer to each question by its id.
    fn heard(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.file("heard")).unwrap_or_default();
        let said = |line: &str| {
            let answer: Value = serde_json::from_str(line).expect("answers are JSON");
            let word = |key: &str| answer[key].as_str().expect("a word").to_owned();
            (word("id"), word("answer"))
        };
        text.lines().map(said).collect()
    }

    /// Another host takes the place of this one, as after a restart.
    async fn restart(&mut self) {
        self.host.shutdown().await;
        self.host = Host::start(settings(&self.root, &self.hand)).await.expect("the host starts");
    }

    /// Launches the agent; a person says that it may.
    async fn launch(&self) -> RunId {
        let run = self.spawn().await;
        self.allow_launch(run).await
    }

    /// Wants to launch the agent.
    async fn spawn(&self) -> RunId {
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
        self.host.spawn_run(&client(), call).await.expect("a run").run_id
    }

    /// Goes on with a session whose run is over.
    async fn go_on(&self, run: RunId) -> RunId {
        let call = ContinueRun {
            run_id: Some(run.to_string()),
            agent_name: None,
            cwd: None,
            input_message: Message::text(Speaker::User, "again"),
        };
        let next = self.host.continue_run(&client(), call).await.expect("another run").run_id;
        self.allow_launch(next).await
    }

    async fn allow_launch(&self, run: RunId) -> RunId {
        // Without policies a person is asked about the launch, and then about its process.
        for what in ["launch", "process"] {
            let asked = self.question(run, what).await;
            self.answer(&asked, Answer::allow_once()).await.expect("it may");
        }
        run
    }

    /// Waits for an open question of a run about a command, its launch or its process.
    async fn question(&self, run: RunId, what: &str) -> Approval {
        self.until(what, async || {
            let open = self.host.list_approvals(false).await.expect("questions are listed");
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

    async fn answer(&self, asked: &Approval, answer: Answer) -> Result<Approval, Error> {
        self.host.answer_approval(asked.approval_id, asked.digest, answer, "cli:ada").await
    }

    async fn state(&self, asked: &Approval) -> Approval {
        self.host.approval(asked.approval_id).await.expect("it is read").expect("it is known")
    }

    async fn over(&self, run: RunId) -> RunRecord {
        let by = RunRef { run_id: Some(run.to_string()), ..RunRef::default() };
        self.until("the run's end", async || {
            let record = self.host.get_run(&by).await.expect("it is known");
            record.status.is_terminal().then_some(record)
        })
        .await
    }

    /// Gives how a run's questions were resolved, as its events tell.
    async fn resolutions(&self, run: RunId) -> Vec<Value> {
        let call = PollEvents {
            run_id: Some(run.to_string()),
            agent_name: None,
            cwd: None,
            after_seq: 0,
            limit: Some(1_000),
            wait_ms: Some(0),
            max_bytes: Some(262_144),
        };
        let page = self.host.poll_events(&call).await.expect("events are read");
        let events = page.events.into_iter().filter(|event| event.kind.as_str() == "approval_resolved");
        events.map(|event| Value::Object(event.data)).collect()
    }

    async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
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

fn client() -> Client {
    Client { name: "tests".to_owned(), version: None }
}

fn settings(root: &TempDir, hand: &Hand) -> Settings {
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
        live_runs: 4,
        audit: AuditSettings::default(),
        clock: Arc::new(hand.clone()),
        orphans: Orphans::default(),
        entry: None,
        rights: BTreeMap::new(),
        budgets: Budgets::default(),
    }
}

fn words(heard: &[(&str, &str)]) -> Vec<(String, String)> {
    heard.iter().map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned())).collect()
}

fn in_session(scene: &Scene, minutes: u64) -> Answer {
    Answer::Allow { scope: Scope::Session, until: Some(scene.hand.now().plus_seconds(minutes * 60)) }
}

const FOR_THE_RUN: Answer = Answer::Allow { scope: Scope::Run, until: None };

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_ten_minutes_reaches_the_agent() {
    let scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    scene.hand.advance(10);
    let settled = scene.answer(&asked, Answer::allow_once()).await.expect("it is in time");
    assert_eq!((settled.state, settled.uses), (ApprovalState::Consumed, 1));
    assert_eq!(settled.settled_at, Some(asked.asked_at.plus_seconds(600)));
    assert_eq!(settled.settled_by.as_deref(), Some("cli:ada"));
    assert_eq!(scene.over(run).await.status, Status::Completed);
    assert_eq!(scene.heard(), words(&[("1", "allow")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_no_and_the_agent_goes_on() {
    let scene = Scene::new(&["make", "test"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    scene.hand.advance(15);
    let next = scene.question(run, "test").await;
    assert_eq!(scene.heard(), words(&[("1", "deny")]));
    let late = scene.answer(&asked, Answer::allow_once()).await;
    assert!(
        matches!(late, Err(Error::Answer(Refused::AlreadySettled { state: ApprovalState::Expired, .. }))),
        "{late:?}"
    );
    scene.answer(&next, Answer::allow_once()).await.expect("it is in time");
    assert_eq!(scene.over(run).await.status, Status::Completed);
    let late = scene.answer(&next, Answer::Deny { feedback: None }).await.expect_err("it is over");
    assert!(late.to_string().contains("is already consumed (cli:ada answered at "), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_the_run_covers_exactly_the_same_and_ends_with_it() {
    let scene = Scene::new(&["make", "make", "make clean", "make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let settled = scene.answer(&asked, FOR_THE_RUN).await.expect("no policy says otherwise");
    assert_eq!(settled.state, ApprovalState::Approved);
    let other = scene.question(run, "make clean").await;
    scene.answer(&other, Answer::Deny { feedback: None }).await.expect("it is open");
    scene.over(run).await;
    assert_eq!(scene.heard(), words(&[("1", "allow"), ("2", "allow"), ("3", "deny"), ("4", "allow")]));
    let ended = scene.state(&asked).await;
    assert_eq!((ended.state, ended.uses), (ApprovalState::Consumed, 3));
    let told = scene.resolutions(run).await;
    let standing: Vec<_> = told.iter().filter(|it| it["standing"] == true).collect();
    assert_eq!(standing.len(), 2, "{told:?}");
    assert!(standing.iter().all(|it| it["approval_id"] == json!(asked.approval_id) && it["by"] == "cli:ada"));

    let next = scene.go_on(run).await;
    scene.question(next, "make").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_the_session_holds_in_its_runs_over_a_restart_until_its_time_is_over() {
    let mut scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let too_long = scene.answer(&asked, in_session(&scene, 61)).await.expect_err("an hour is the most");
    assert!(too_long.to_string().contains("too late"), "{too_long}");
    scene.answer(&asked, in_session(&scene, 30)).await.expect("no policy says otherwise");
    scene.over(run).await;
    scene.restart().await;
    assert_eq!(scene.state(&asked).await.state, ApprovalState::Approved);

    let next = scene.go_on(run).await;
    assert_eq!(scene.over(next).await.status, Status::Completed);
    assert_eq!(scene.heard(), words(&[("1", "allow"), ("1", "allow")]));
    let told = scene.resolutions(next).await;
    assert!(told.iter().any(|it| it["approval_id"] == json!(asked.approval_id) && it["scope"] == "session"));

    // Another session is another matter.
    let stranger = scene.launch().await;
    let asked_again = scene.question(stranger, "make").await;
    assert_eq!(asked_again.digest, asked.digest);
    scene.answer(&asked_again, Answer::Deny { feedback: None }).await.expect("it is open");
    scene.over(stranger).await;

    scene.hand.advance(30);
    let last = scene.go_on(next).await;
    scene.question(last, "make").await;
    scene.restart().await;
    let lapsed = scene.state(&asked).await;
    assert_eq!((lapsed.state, lapsed.settled_by.as_deref()), (ApprovalState::Expired, Some("cli:ada")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_answer_covers_what_waits_already() {
    let scene = Scene::new(&["make", "test", "make"]).await;
    scene.put("at-once", "");
    let run = scene.launch().await;
    let other = scene.question(run, "test").await;
    let alike = scene
        .until("two that are alike", async || {
            let mut open = scene.host.list_approvals(false).await.expect("questions are listed");
            open.retain(|it| it.detail["title"] == "make");
            (open.len() == 2).then_some(open)
        })
        .await;
    assert_eq!(alike[0].digest, alike[1].digest);
    scene.answer(&alike[0], FOR_THE_RUN).await.expect("it is open");
    let covered = scene.state(&alike[1]).await;
    assert_eq!(covered.state, ApprovalState::Superseded);
    assert_eq!(covered.superseded_by, Some(alike[0].approval_id));
    scene.answer(&other, Answer::allow_once()).await.expect("it is open");
    scene.over(run).await;
    let mut heard = scene.heard();
    heard.sort();
    assert_eq!(heard, words(&[("1", "allow"), ("2", "allow"), ("3", "allow")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_answers_at_once_one_counts() {
    let scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let deny = Answer::Deny { feedback: None };
    let (first, second) =
        tokio::join!(scene.answer(&asked, Answer::allow_once()), scene.answer(&asked, deny));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let late = if first.is_ok() { second } else { first };
    assert!(matches!(late, Err(Error::Answer(Refused::AlreadySettled { .. }))), "{late:?}");
    scene.over(run).await;
    assert_eq!(scene.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_takes_its_questions_back() {
    let scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let by = RunRef { run_id: Some(run.to_string()), ..RunRef::default() };
    scene.host.cancel_run(&by, "enough").await.expect("it is cancelled");
    assert_eq!(scene.state(&asked).await.state, ApprovalState::Withdrawn);
    let late = scene.answer(&asked, Answer::allow_once()).await;
    assert!(
        matches!(late, Err(Error::Answer(Refused::AlreadySettled { state: ApprovalState::Withdrawn, .. }))),
        "{late:?}"
    );
    assert!(scene.heard().iter().all(|(_, answer)| answer != "allow"), "{:?}", scene.heard());
}

/// Waits until a channel hears of a question; gives what it heard before, and the question.
async fn heard_of(channel: &mut Questions, what: ApprovalId) -> (Vec<QuestionNews>, Approval) {
    let listening = async {
        let mut before = Vec::new();
        loop {
            match channel.next().await {
                Some(QuestionNews::Asked(asked)) if asked.approval_id == what => return (before, *asked),
                Some(news) => before.push(news),
                None => panic!("the host has ended; before: {before:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.expect("the channel hears of it")
}

/// A channel hears of a question once, of those that were open before it came too, and of their end; and nothing is
/// lost if it stops listening in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_hears_of_each_question_and_of_its_end() {
    let scene = Scene::new(&["make", "test"]).await;
    let mut early = scene.host.questions();
    let run = scene.launch().await;
    let make = scene.question(run, "make").await;
    let mut late = scene.host.questions();
    // What was settled meanwhile may have gone unheard; nobody needs to be asked about it.
    heard_of(&mut early, make.approval_id).await;
    assert_eq!(heard_of(&mut late, make.approval_id).await, (Vec::new(), make.clone()));
    // Nothing new: whoever listens waits, and may stop at any moment.
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(20), late.next()).await.is_err());
    }
    scene.answer(&make, Answer::allow_once()).await.expect("it is open");
    let test = scene.question(run, "test").await;
    for channel in [&mut early, &mut late] {
        let (before, asked) = heard_of(channel, test.approval_id).await;
        assert_eq!(asked, test);
        let [QuestionNews::Settled { approval_id, state }] = before.as_slice() else { panic!("{before:?}") };
        assert_eq!(*approval_id, make.approval_id);
        // It may be seen between its answer and its use.
        assert!(matches!(state, ApprovalState::Approved | ApprovalState::Consumed), "{state:?}");
    }
    let by = RunRef { run_id: Some(run.to_string()), ..RunRef::default() };
    scene.host.cancel_run(&by, "enough").await.expect("it lives");
    let withdrawn = QuestionNews::Settled { approval_id: test.approval_id, state: ApprovalState::Withdrawn };
    assert_eq!(late.next().await, Some(withdrawn));
    scene.host.shutdown().await;
    assert_eq!(late.next().await, None);
}

/// A new host takes up the question of one that is gone, and its channels hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_the_next_host_hears_of_what_was_open() {
    let mut scene = Scene::new(&["make"]).await;
    let run = scene.spawn().await;
    let asked = scene.question(run, "launch").await;
    scene.restart().await;
    assert_eq!(heard_of(&mut scene.host.questions(), asked.approval_id).await, (Vec::new(), asked));
    scene.host.shutdown().await;
}
