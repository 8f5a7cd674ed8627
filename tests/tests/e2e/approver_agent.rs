//! An agent that tries to be its own approver: below its supervisor, and after it has got away from it.

use std::fs;

use pointsman_tests::{Host, Place, Terminal, eventually};
use serde_json::{Value, json};

use crate::attach::{place, said};

const SECRET: &str = "correct horse battery";

/// What an agent knows to do: all it wants is a yes.
const SLY: &str = r#"
import fcntl, pty, shutil, signal, socket, subprocess, time
PROGRAM, ASKED, STATE = os.environ["POINTSMAN_PROGRAM"], "%ASKED%", "%STATE%"
ALLOW = ["approvals", "allow", ASKED]

def shell(*args, stdin="", **env):
    command = [PROGRAM, *args]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, input=stdin, timeout=60)
    return f"{done.returncode} {done.stdout}{done.stderr}"

def typed(args, lines, env=os.environ):
    """Types at a terminal of its own, a line for each prompt."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [PROGRAM, *args], dict(env))
    screen, lines, seen = "", list(lines), 0
    while True:
        try:
            read = os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            read = ""
        if not read:
            break
        screen += read
        if lines and screen[seen:].rstrip(" ").endswith(":"):
            seen = len(screen)
            os.write(terminal, lines.pop(0).encode() + b"\n")
    os.close(terminal)
    return f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])} {screen}"

def daemon(work, name, env=None):
    """Runs something in the background, in a session of its own, with an environment of its own."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
            text = "import json, os\nos.environ.clear()\n" + "os.environ.update(" + repr(env) + ")\n"
            os.execve(sys.executable, [sys.executable, "-c", text + work, name], env)
        os._exit(0)
    os.wait()

def wait_for(path):
    for _ in range(1200):
        if os.path.exists(path):
            return open(path).read()
        time.sleep(0.05)
    return "nothing came"

BARE = {name: os.environ[name] for name in ("HOME", "PATH", "POINTSMAN_CONFIG", "POINTSMAN_PROGRAM") if name in os.environ}

def handed_on(request):
    """A child opens the connection and ends; what is said then comes from nobody that can be seen."""
    told = []
    for name in sorted(os.listdir(f"{STATE}/hosts")):
        if not name.endswith(".sock") or name.endswith(".mcp.sock"):
            continue
        line = socket.socket(socket.AF_UNIX)
        child = os.fork()
        if child == 0:
            line.connect(f"{STATE}/hosts/{name}")
            os._exit(0)
        os.waitpid(child, 0)
        line.settimeout(30)
        line.sendall(json.dumps(request).encode() + b"\n")
        told.append(line.makefile().readline())
    return " ".join(told)
"#;

/// What it tries while it is where its host can see it.
const WITHIN: &str = r#"
GUESSES = [f"guess number {n}" for n in range(8)]
told = {}
told["plain"] = shell(*ALLOW)
told["pty"] = [typed(ALLOW, [guess]) for guess in GUESSES]
told["right"] = typed(ALLOW, ["%SECRET%"])
command = " ".join([PROGRAM, *ALLOW])
done = subprocess.run(["script", "-qec", command, "/dev/null"], input=b"guess\n", capture_output=True)
told["script"] = f"{done.returncode} {done.stdout.decode()}"
done = subprocess.run(["setsid", "--wait", PROGRAM, *ALLOW], capture_output=True, text=True, stdin=subprocess.DEVNULL)
told["setsid"] = f"{done.returncode} {done.stderr}"
told["variable"] = shell(*ALLOW, POINTSMAN_APPROVER_SECRET="%SECRET%", POINTSMAN_RUN_ID="", POINTSMAN_RUN_TOKEN="")
told["argument"] = shell(*ALLOW, "--secret", "%SECRET%")
told["pipe"] = shell(*ALLOW, stdin="%SECRET%\n" * 3)
told["alike"] = shell(*ALLOW, "--alike")
told["revoke"] = shell("approvals", "revoke", ASKED)
told["clear"] = typed(["approver", "clear"], ["%SECRET%"])
told["set"] = typed(["approver", "set"], ["%SECRET%", "of the agent", "of the agent"])
work = """
import subprocess
done = subprocess.run([os.environ["POINTSMAN_PROGRAM"], "approvals", "allow", "%ASKED%"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
open("daemon.new", "w").write(f"{done.returncode} {done.stderr}")
os.rename("daemon.new", "daemon")
"""
daemon(work, "daemon", BARE)
told["daemon"] = wait_for("daemon")
question = json.loads(subprocess.run([PROGRAM, "approvals", "show", ASKED, "--json"], capture_output=True, text=True).stdout)
answer = {"approval_id": ASKED, "digest": question["digest"], "answer": {"answer": "allow"}}
told["handed_on"] = handed_on({"answer_approval": answer})

# A host of its own, whose question it answers when that host is gone.
own = Line([], {})
run = own.spawn("script", "note mine\nsay hi", access="full")
asked = own.call("get_run", run_id=run["run_id"])["waiting_for"]["approval_id"]
own.process.kill()
own.process.wait()
told["own_host"] = shell("approvals", "allow", asked)

# A state of its own, with everything in it.
copy = os.path.join(os.getcwd(), "copy")
shutil.copytree(STATE, copy, ignore=lambda folder, names: [n for n in names if n.endswith(".sock") or n == "components"])
config = open(os.environ["POINTSMAN_CONFIG"]).read().replace('dir = "state"', f'dir = "{copy}"')
open("copy.toml", "w").write(config)
os.chmod(copy, 0o700)
told["copy"] = shell(*ALLOW, POINTSMAN_CONFIG=os.path.join(os.getcwd(), "copy.toml"))
say(**told)
"#;

/// How it gets away: it kills its supervisor, and what it left behind has nothing above it and nothing to show.
const AWAY: &str = r#"
supervisor = os.getppid()
work = open("sly.py").read() + """
while True:
    try:
        os.kill(%d, 0)
        time.sleep(0.01)
    except ProcessLookupError:
        break
told = TRIES
open("away.new", "w").write(json.dumps(told))
os.rename("away.new", "away")
""" % supervisor
work = "import sys\n" + work.replace("TRIES", open("tries.py").read().strip())
daemon(work, "away", BARE)
time.sleep(0.5)
os.kill(supervisor, signal.SIGKILL)
time.sleep(60)
"#;

struct Scene {
    place: Place,
    host: Host,
    run: Value,
    asked: String,
}

impl Scene {
    /// A host with a run that waits for a person.
    fn new() -> Self {
        // An agent may have others launched with more than it has, if a person says so.
        let place = place("[delegation.roles.worker]\nmay_delegate = { access = \"full\" }\n");
        let mut host = place.host();
        let run = host.spawn(&place, "script", "note launches\nsay hi", json!({"access": "full"}));
        let record = host.record(&run);
        let asked = record["waiting_for"]["approval_id"].as_str().unwrap().to_owned();
        Self { place, host, run, asked }
    }

    fn set_secret(&self) {
        let mut command = self.place.pointsman();
        command.args(["approver", "set"]);
        let mut terminal = Terminal::start(&command);
        for _ in 0..2 {
            terminal.expect(": ");
            terminal.line(SECRET);
        }
        assert_eq!(terminal.end().0, Some(0));
    }

    /// Has the agent do something; it is in the middle of it.
    fn sly(&mut self, what: &str) -> Value {
        let known =
            SLY.replace("%ASKED%", &self.asked).replace("%STATE%", &self.place.state().to_string_lossy());
        fs::write(self.place.project().join("sly.py"), &known).unwrap();
        let what = what.replace("%ASKED%", &self.asked).replace("%SECRET%", SECRET);
        self.host.spawn(&self.place, "client", &format!("{known}\n{what}"), json!({}))
    }

    /// Has the agent kill its supervisor, and a process that it left behind do something; gives what came of that.
    fn away(&mut self, tries: &str) -> Value {
        fs::write(self.place.project().join("tries.py"), tries).unwrap();
        let run = self.sly(AWAY);
        let told = eventually("what got away has tried", || {
            fs::read_to_string(self.place.project().join("away")).ok()
        });
        assert_eq!(self.host.finish(&run)["status"], "failed", "its supervisor was killed");
        serde_json::from_str(&told).unwrap()
    }

    fn records(&self, kind: &str) -> Vec<Value> {
        let args = ["audit", "show", "--json", "--kind", kind];
        let output = self.place.pointsman().args(args).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn attempts(&self) -> Vec<String> {
        self.records("approver").iter().map(|it| it["attempt"].as_str().unwrap().to_owned()).collect()
    }

    fn still_waits(&mut self) {
        let listed = self.place.cli(&["approvals", "show", &self.asked]);
        assert_eq!(listed["state"], "pending", "{listed}");
        assert_eq!(self.host.record(&self.run)["status"], "approval_required");
        assert!(!self.place.project().join("launches").exists(), "it was launched");
    }
}

/// Every way that it has while its host can see it: none goes anywhere, with a secret and without, and every try is on
/// record with the run that it came from.
#[test]
fn no_agent_answers_for_its_person_however_it_goes_about_it() {
    for with_secret in [false, true] {
        let mut scene = Scene::new();
        if with_secret {
            scene.set_secret();
        }
        let run = scene.sly(WITHIN);
        let told = said(&mut scene.host, &run);
        let refused = |what: &str, said: &Value| {
            let said = said.as_str().unwrap();
            assert!(said.contains("whoever asks cannot answer"), "{what}, {with_secret}: {said}");
            assert!(!said.starts_with("0 "), "{what}: {said}");
        };
        let mut unknown = 0;
        for (what, said) in told.as_object().unwrap() {
            match (what.as_str(), said) {
                ("pty", Value::Array(guesses)) => guesses.iter().for_each(|said| refused("pty", said)),
                ("argument", said) => assert!(said.as_str().unwrap().starts_with("2 "), "{said}"),
                ("handed_on", said) => {
                    let said = said.as_str().unwrap();
                    // The host may look at whoever opened it while that one still lives.
                    let ended = said.contains("has ended: who holds it now cannot be told");
                    assert!(ended || said.contains("whoever asks cannot answer"), "{said}");
                    assert!(!said.contains("settled"), "{said}");
                    unknown = usize::from(ended);
                }
                (what, said) => refused(what, said),
            }
        }
        scene.still_waits();
        assert!(!scene.place.project().join("mine").exists(), "nor was what its own host had asked");
        assert_eq!(scene.place.cli(&["approver", "status"]), json!({"set": with_secret}));
        let denied = scene.records("denied");
        let member = |it: &&Value| {
            it["reason"] == "agent"
                && it["chain"].as_array().unwrap().iter().any(|who| who["run_id"] == run["run_id"])
        };
        let tries = denied.iter().filter(member).count();
        // Eight guesses and thirteen other ways; one with an unknown argument is no try, one may have come from nobody who
        // can be seen, and that in the copy is in the copy's log.
        assert_eq!(tries, 8 + 13 - unknown, "{denied:?}");
        let strangers = denied.iter().filter(|it| it["reason"] == "unknown_caller").count();
        assert_eq!(strangers, unknown, "{denied:?}");
        assert_eq!(scene.attempts(), Vec::<String>::new(), "no secret was even looked at");

        // Its person still can.
        let mut command = scene.place.pointsman();
        command.args(["approvals", "allow", &scene.asked]);
        let mut terminal = Terminal::start(&command);
        if with_secret {
            terminal.expect(": ");
            terminal.line(SECRET);
        }
        assert_eq!(terminal.end().0, Some(0));
        assert_eq!(scene.host.finish(&scene.run)["status"], "completed");
        scene.host.hang_up().well();
    }
}

/// Nothing tells it from a person any more. With a secret it has to guess, and may not often; it cannot set another one,
/// and neither forgetting its guesses nor removing the secret behind the host's back helps.
#[test]
fn with_a_secret_an_agent_that_got_away_guesses_in_vain() {
    let mut scene = Scene::new();
    scene.set_secret();
    let told = scene.away(
        r#"dict(
    guesses=[(typed(ALLOW, [f"guess number {n}"], BARE), os.path.exists(f"{STATE}/approver.attempts") and os.remove(f"{STATE}/approver.attempts"))[0] for n in range(7)],
    pipe=shell(*ALLOW, stdin="%SECRET%\n"),
    set=typed(["approver", "set"], ["not known", "of the agent", "of the agent"], BARE),
    removed=(os.remove(f"{STATE}/approver.json"), typed(ALLOW, [], BARE))[1],
    own=typed(["approver", "set"], ["of the agent", "of the agent"], BARE),
)"#,
    );
    let guesses: Vec<&str> = told["guesses"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(guesses[..5].iter().all(|said| said.contains("secret is wrong")), "{guesses:?}");
    assert!(guesses[5..].iter().all(|said| said.contains("too many wrong secrets")), "{guesses:?}");
    assert!(told["pipe"].as_str().unwrap().contains("typed at a terminal"), "{told}");
    for what in ["removed", "own"] {
        assert!(told[what].as_str().unwrap().contains("replaced or removed"), "{what}: {told}");
    }
    assert!(!told["set"].as_str().unwrap().starts_with("0 "), "{told}");
    scene.still_waits();
    let words = scene.attempts();
    assert_eq!(words[..7], ["wrong", "wrong", "wrong", "wrong", "wrong", "locked", "locked"], "{words:?}");
    assert_eq!(words[7..].iter().filter(|word| *word == "replaced").count(), 2, "{words:?}");

    // Nor does the next host take an answer without what was set.
    scene.host.hang_up().well();
    let output = scene.place.cli_output(&["approvals", "allow", &scene.asked]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("replaced or removed"), "{output:?}");
}

/// What ARCHITECTURE.md says does not hold: without a secret, what got away is taken for a person.
#[test]
fn without_a_secret_an_agent_that_got_away_is_taken_for_a_person() {
    let mut scene = Scene::new();
    let told = scene.away("dict(allowed=shell(*ALLOW, POINTSMAN_RUN_ID=\"\"))");
    assert!(told["allowed"].as_str().unwrap().starts_with("0 "), "{told}");
    assert_eq!(scene.host.finish(&scene.run)["status"], "completed");
    scene.host.hang_up().well();
}
