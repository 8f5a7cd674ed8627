//! Questions told by webhook to a receiver that checks every message with the official library, and answered by link.

use std::fs;
use std::path::Path;

use pointsman_tests::{Host, Place, WebhookReceiver, eventually, follow_link};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A host that tells a receiver, and a run that waits for a person.
struct Stage {
    place: Place,
    receiver: WebhookReceiver,
    host: Host,
}

impl Stage {
    fn set(more: &str) -> Self {
        Self::with(WebhookReceiver::answering("200"), more)
    }

    fn with(receiver: WebhookReceiver, more: &str) -> Self {
        let place = place(&receiver.table(more));
        let host = place.host();
        Self { place, receiver, host }
    }

    fn spawn(&mut self) -> Value {
        self.host.spawn(&self.place, "script", "say hi", json!({"access": "full"}))
    }

    /// Launches what is asked about, and gives it with what the receiver is told.
    fn ask(&mut self) -> (Value, Told) {
        let run = self.spawn();
        (run, Told::of(&self.receiver.next()))
    }

    fn status(&mut self, run: &Value) -> Value {
        self.host.record(run)["status"].clone()
    }
}

fn place(table: &str) -> Place {
    let place = Place::with(table);
    fs::write(place.root().join("webhook.key"), format!("{}\n", WebhookReceiver::secret())).unwrap();
    place
}

/// A question as the receiver is told of it.
struct Told {
    id: String,
    data: Value,
    allow: String,
    deny: String,
}

impl Told {
    fn of(heard: &Value) -> Self {
        assert_eq!(heard["message"]["type"], "approval.asked", "{heard}");
        let data = &heard["message"]["data"];
        let link = |name: &str| data["links"][name].as_str().unwrap().to_owned();
        let id = heard["id"].as_str().unwrap().to_owned();
        Self { id, data: data.clone(), allow: link("allow"), deny: link("deny") }
    }
}

fn settled(heard: &Value) -> Value {
    assert_eq!(heard["message"]["type"], "approval.settled", "{heard}");
    heard["message"]["data"].clone()
}

#[test]
fn a_person_answers_by_a_link_that_was_looked_at_before() {
    let mut stage = Stage::set("");
    let (run, told) = stage.ask();
    let asked = stage.place.cli(&["approvals", "list"])[0].clone();
    for key in ["approval_id", "run_id", "digest", "reason", "expires_at"] {
        assert_eq!(told.data[key], asked[key], "{key}: {}", told.data);
    }
    assert_eq!(told.data["run_id"], run["run_id"]);
    assert!(told.data["text"].as_str().unwrap().contains("say hi"), "{}", told.data);
    // A chat previews both links, and the person looks at the page twice.
    for _ in 0..2 {
        for link in [&told.allow, &told.deny] {
            let (status, page) = follow_link("GET", link, "");
            assert!(status == 200 && page.contains("say hi") && page.contains("<form"), "{status}: {page}");
            assert_eq!(follow_link("HEAD", link, "").0, 200);
        }
    }
    assert_eq!(stage.status(&run), "approval_required");
    let (status, page) = follow_link("POST", &told.allow, "scope=once");
    assert!(status == 200 && page.contains("allowed by webhook:phone"), "{status}: {page}");
    assert_eq!(stage.host.finish(&run)["status"], "completed");
    let end = settled(&stage.receiver.next());
    assert_eq!(
        (&end["approval_id"], &end["settled_by"]),
        (&told.data["approval_id"], &json!("webhook:phone"))
    );
    // Used once.
    for link in [&told.allow, &told.deny] {
        let (status, page) = follow_link("POST", link, "");
        assert!(status == 409 && page.contains("allowed by webhook:phone"), "{status}: {page}");
    }
    let output =
        stage.place.pointsman().args(["audit", "show", "--json", "--kind", "settled"]).output().unwrap();
    let audited: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&audited["by"], &audited["digest"]), (&json!("webhook:phone"), &told.data["digest"]));
    // Links are told to the receiver, and to nobody else.
    let answers = json!([stage.host.record(&run), stage.host.events(&run)]).to_string();
    stage.host.hang_up().in_time();
    let token = told.allow.rsplit('/').next().unwrap();
    assert!(!answers.contains(token));
    must_not_hold(&stage.place.state(), token);
    must_not_hold(&stage.place.project(), token);
    let log = fs::read_to_string(stage.place.root().join("host.log")).unwrap_or_default();
    assert!(!log.contains(token) && !log.contains("hunter2"), "{log}");
}

/// Looks through every file of a folder.
fn must_not_hold(folder: &Path, text: &str) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_symlink() {
            continue;
        } else if entry.is_dir() {
            must_not_hold(&entry, text);
        } else {
            let bytes = fs::read(&entry).unwrap_or_default();
            assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{}", entry.display());
        }
    }
}

#[test]
fn a_no_comes_with_its_words() {
    let mut stage = Stage::set("");
    let (run, told) = stage.ask();
    assert_eq!(follow_link("POST", &told.deny, "feedback=not+on+a+Friday").0, 200);
    let record = stage.host.finish(&run);
    assert_eq!(record["status"], "rejected", "{record}");
    assert!(record.to_string().contains("denied by webhook:phone: not on a Friday"), "{record}");
    assert_eq!(settled(&stage.receiver.next())["state"], "denied");
    stage.host.hang_up().well();
}

#[test]
fn a_changed_link_answers_nothing() {
    let mut stage = Stage::set("");
    let (run, told) = stage.ask();
    let (_, other) = stage.ask();
    let last = if told.allow.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{last}", &told.allow[..told.allow.len() - 1]);
    // The question of the one and the signature of the other.
    let mixed = format!("{}{}", &told.allow[..told.allow.len() - 44], &other.allow[other.allow.len() - 44..]);
    for link in [changed, mixed, told.allow[..told.allow.len() - 4].to_owned()] {
        let (status, page) = follow_link("POST", &link, "");
        assert!(status == 403 && page.contains("not whole"), "{status}: {page}");
    }
    assert_eq!(stage.status(&run), "approval_required");
    stage.host.hang_up().well();
}

#[test]
fn a_receiver_that_comes_back_is_told() {
    let port = WebhookReceiver::free_port();
    let place = place(&WebhookReceiver::table_at(port, ""));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    eventually("a message that was not taken", || {
        let log = fs::read_to_string(place.root().join("host.log")).ok()?;
        assert!(!log.contains("hunter2"), "{log}");
        log.contains("a message was not taken").then_some(())
    });
    let receiver = WebhookReceiver::at(port, "200");
    let told = Told::of(&receiver.next());
    assert_eq!(follow_link("POST", &told.allow, "").0, 200);
    assert_eq!(host.finish(&run)["status"], "completed");
    host.hang_up().well();
}

#[test]
fn a_receiver_that_fails_is_asked_again_when_it_wants() {
    let mut stage = Stage::with(WebhookReceiver::answering("500,429:1,302,200"), "");
    stage.spawn();
    let heard: Vec<Value> = (0..4).map(|_| stage.receiver.next()).collect();
    let statuses: Vec<&Value> = heard.iter().map(|message| &message["status"]).collect();
    assert_eq!(statuses, [500, 429, 302, 200]);
    let first = Told::of(&heard[0]);
    for again in &heard[1..] {
        let again = Told::of(again);
        assert_eq!((&again.id, &again.data), (&first.id, &first.data));
    }
    assert_eq!(follow_link("POST", &first.allow, "").0, 200);
    settled(&stage.receiver.next());
    stage.host.hang_up().well();
    assert_eq!(stage.receiver.rest(), [json!(null); 0]);
}

#[test]
fn nobody_answers_too_late() {
    let soon = "[[policies]]\nname = \"soon\"\ncomponent = \"bundled:rules\"\ninline = '''\n[[rule]]\nid = \"soon\"\n\
                when = \"action == 'spawn'\"\nthen = \"ask\"\nttl = \"2s\"\nreason = \"soon\"\n'''";
    let mut stage = Stage::set(soon);
    let (run, told) = stage.ask();
    let record = stage.host.finish(&run);
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("rejected"), &json!("approval_expired"))
    );
    let (status, page) = follow_link("POST", &told.allow, "");
    assert!(status == 410 && page.contains("never a yes"), "{status}: {page}");
    assert_eq!(settled(&stage.receiver.next())["state"], "expired");
    stage.host.hang_up().well();
}

#[test]
fn another_channel_may_be_quicker() {
    let mut stage = Stage::set("");
    let (run, told) = stage.ask();
    stage.place.cli(&["approvals", "deny", told.data["approval_id"].as_str().unwrap(), "--message", "no"]);
    assert_eq!(stage.host.finish(&run)["status"], "rejected");
    let by = settled(&stage.receiver.next())["settled_by"].as_str().unwrap().to_owned();
    assert!(by.starts_with("cli:"), "{by}");
    let (status, page) = follow_link("POST", &told.allow, "");
    assert!(status == 409 && page.contains(&format!("denied by {by}")), "{status}: {page}");
    // A run that is cancelled takes its question with it.
    let (run, told) = stage.ask();
    stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(settled(&stage.receiver.next())["state"], "withdrawn");
    let (status, page) = follow_link("POST", &told.allow, "");
    assert!(status == 410 && page.contains("is over"), "{status}: {page}");
    stage.host.hang_up().well();
}

/// The key of a host dies with it; whoever adopts the question tells of it anew.
#[test]
fn the_next_host_makes_links_of_its_own() {
    let port = WebhookReceiver::free_port();
    let mut stage = Stage::set(&format!("listen = \"127.0.0.1:{port}\""));
    let (run, before) = stage.ask();
    assert!(before.allow.starts_with(&format!("http://127.0.0.1:{port}/answer/")), "{}", before.allow);
    stage.host.end_by(Signal::KILL);
    let mut next = stage.place.host();
    let told = Told::of(&stage.receiver.next());
    assert_eq!(told.data["approval_id"], before.data["approval_id"]);
    let (status, page) = follow_link("POST", &before.allow, "");
    assert!(status == 410 && page.contains("Another host made this link"), "{status}: {page}");
    assert_eq!(next.record(&run)["status"], "approval_required");
    assert_eq!(follow_link("POST", &told.allow, "").0, 200);
    assert_eq!(next.finish(&run)["status"], "completed");
    next.hang_up().well();
}

#[test]
fn of_many_who_answer_at_once_one_wins() {
    let mut stage = Stage::set("");
    let (run, told) = stage.ask();
    let answers: Vec<(bool, u16)> = std::thread::scope(|scope| {
        let clicks: Vec<_> = (0..12)
            .map(|number| {
                let (allows, told) = (number % 2 == 0, &told);
                scope.spawn(move || {
                    let link = if allows { &told.allow } else { &told.deny };
                    (allows, follow_link("POST", link, "").0)
                })
            })
            .collect();
        clicks.into_iter().map(|click| click.join().unwrap()).collect()
    });
    let winners: Vec<bool> = answers.iter().filter(|(_, status)| *status == 200).map(|(by, _)| *by).collect();
    let [allowed] = winners.as_slice() else { panic!("{answers:?}") };
    assert!(answers.iter().all(|(_, status)| [200, 409].contains(status)), "{answers:?}");
    let expected = if *allowed { "completed" } else { "rejected" };
    assert_eq!(stage.host.finish(&run)["status"], expected);
    stage.host.hang_up().well();
}

/// A person may be asked by every form of the program; `run` alone is a host as well.
#[test]
fn a_run_of_its_own_is_answered_by_link() {
    let receiver = WebhookReceiver::answering("200");
    let place = place(&receiver.table(""));
    let mut command = place.pointsman();
    command.args(["run", "--json", "script", "say hi", "--access", "full", "--cwd"]);
    let mut child = command.arg(place.project()).spawn().unwrap();
    let told = Told::of(&receiver.next());
    assert_eq!(follow_link("POST", &told.allow, "").0, 200);
    assert!(child.wait().unwrap().success());
}
