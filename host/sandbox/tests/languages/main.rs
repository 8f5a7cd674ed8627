//! Plugins are written in any language that makes components: one in Python and one in JavaScript fit the limits.
//!
//! Their toolchains come from PyPI and npm the first time and are kept in the target directory. Without a network that
//! first time fails, and says which command did.

mod toolchain;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use pointsman_model::plugin::Sanitized;
use pointsman_model::{Principal, Question, Timestamp, Verdict};
use pointsman_sandbox::{EventRef, Limits, PolicyLoadError, PolicyModule, Sandbox, SandboxConfig};
use rstest::rstest;
use serde_json::{Value, json};

use self::toolchain::{Guest, JS_POLICY, PYTHON_POLICY, PYTHON_SANITIZER};

fn now() -> Timestamp {
    Timestamp::from_millis(1_763_700_000_123)
}

/// A sandbox that keeps what it compiles beside the other guests.
fn sandbox(policy: Limits) -> Sandbox {
    let cache = pointsman_guest_build::guest_dir().join("compiled");
    Sandbox::new(SandboxConfig { policy, ..SandboxConfig::new(Some(cache)) }).expect("a sandbox")
}

/// Compiling takes half a minute, so of tests that start together only one does it.
fn policy(guest: &Guest, limits: Limits) -> PolicyModule {
    guest.once(|component| sandbox(limits).load_policy(guest.name, component).expect("a policy"))
}

fn question(text: &str) -> Question {
    Question {
        action: "spawn".to_owned(),
        chain: vec![Principal { name: "c".to_owned(), role: "client".to_owned(), run_id: None, depth: 0 }],
        backend: Some("codex".to_owned()),
        role: None,
        cwd: Some("/tmp".to_owned()),
        access: None,
        detail: json!({ "message": text }),
        facts: json!({}),
        at: now(),
    }
}

const CONFIG: &str = r#"{"word":"déjà vu"}"#;

#[rstest]
fn a_policy_judges(#[values(PYTHON_POLICY, JS_POLICY)] guest: Guest) {
    let policy = policy(&guest, Limits::policy());
    assert_eq!(policy.about().name, guest.name);
    let rulebook = policy.load(CONFIG).expect("a rule book");
    for _ in 0..3 {
        let denied = rulebook.decide(&question("It was déjà vu, again.")).expect("a ruling");
        assert_eq!((denied.verdict, denied.rule.as_deref()), (Verdict::Deny, Some("word")));
        assert_eq!((denied.module.as_str(), denied.reason.as_str()), (guest.name, "it says 'déjà vu'"));
        let other = rulebook.decide(&question("It was new.")).expect("a ruling");
        assert_eq!((other.verdict, other.rule), (Verdict::Abstain, None));
    }
}

#[rstest]
fn a_policy_has_findings(#[values(PYTHON_POLICY, JS_POLICY)] guest: Guest) {
    let error = policy(&guest, Limits::policy()).load("{}").expect_err("there is no word");
    assert!(matches!(error, PolicyLoadError::Findings { .. }), "{error}");
    assert!(error.to_string().contains("name the one to deny"), "{error}");
}

/// A policy that does more than this one needs room to do it in. Fuel counts the same everywhere; time does not, so
/// that is not halved on top of a test machine's load.
#[rstest]
fn half_of_what_a_policy_may_take_suffices(#[values(PYTHON_POLICY, JS_POLICY)] guest: Guest) {
    let all = Limits::policy();
    let half = Limits {
        memory_bytes: all.memory_bytes / 2,
        table_elements: all.table_elements / 2,
        instances: all.instances / 2,
        fuel: all.fuel / 2,
        ..all
    };
    let rulebook = policy(&guest, half).load(CONFIG).expect("a rule book");
    // As long as a request may be: the words that a run is started with, a file in it.
    let long = "new words ".repeat(20_000);
    assert_eq!(rulebook.decide(&question(&long)).map(|ruling| ruling.verdict), Ok(Verdict::Abstain));
}

/// The pool takes many at a time, and none of them knows of another.
#[rstest]
fn many_instances_live_at_once(#[values(PYTHON_POLICY, JS_POLICY)] guest: Guest) {
    const MANY: usize = 16;
    // Sixteen starts share the machine's cores, and each one's time runs on while another computes.
    let policy = policy(&guest, Limits { deadline: Duration::from_secs(60), ..Limits::policy() });
    let alive = Barrier::new(MANY);
    thread::scope(|scope| {
        for number in 0..MANY {
            let (policy, alive) = (&policy, &alive);
            scope.spawn(move || {
                let rulebook = policy.load(&json!({ "word": format!("<{number}>") }).to_string());
                alive.wait();
                let rulebook = rulebook.expect("a rule book");
                for other in 0..MANY {
                    let ruling = rulebook.decide(&question(&format!("<{other}>"))).expect("a ruling");
                    let expected = if other == number { Verdict::Deny } else { Verdict::Abstain };
                    assert_eq!(ruling.verdict, expected, "{number} was asked about {other}");
                }
            });
        }
    });
}

/// A sanitizer is a new instance for each batch, so it is instantiated within its limits again and again.
#[test]
fn a_python_sanitizer_judges_events() {
    let guest = PYTHON_SANITIZER;
    let sanitizer = guest.once(|component| {
        sandbox(Limits::policy()).load_sanitizer(guest.name, component).expect("a sanitizer")
    });
    let data = ["keep this", "a secret"].map(|text| match json!({ "text": text }) {
        Value::Object(data) => data,
        other => panic!("{other} is no object"),
    });
    let events = data.each_ref().map(|data| EventRef { kind: "agent_message", item: None, data });
    for _ in 0..3 {
        let outcomes = sanitizer.sanitize(r#"{"word":"secret"}"#, &events, now()).expect("outcomes");
        assert_eq!(outcomes, [Sanitized::Keep, Sanitized::Drop("it says secret".to_owned())]);
    }
}
