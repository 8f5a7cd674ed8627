//! What a program is given, what comes of it, and what is said if it cannot be started.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use common::{Bench, HOST, PATIENCE, alive, all, exists, exit, lines, next, output, script, until};
use pointsman_capabilities::process::{
    HostEnvironment, ProcessEvent, ProgramEntry, SpawnError, StandardInput, SupervisorCommand, WriteError,
};
use pointsman_model::plugin::{Argument, ErrorStream, Exit, Framing, OutputStream, Process, SecretOr};

#[tokio::test]
async fn output_comes_before_the_exit() {
    let bench = Bench::new();
    let mut process = script("printf 'one\\r\\ntwo\\nno end'; echo oops >&2; exit 4");
    let events = bench.run(&process).await;
    assert_eq!(output(&events), ["one", "two", "no end"]);
    assert_eq!(exit(&events), (Exit::Code(4), "oops\n"));
    assert_eq!(lines(&events, OutputStream::StandardError), [""; 0], "only the tail was asked for");

    process.errors = ErrorStream::Lines;
    let events = bench.run(&process).await;
    assert_eq!(lines(&events, OutputStream::StandardError), ["oops"]);

    process.framing = Framing::Bytes;
    let events = bench.run(&process).await;
    let bytes: Vec<u8> = events
        .iter()
        .flat_map(|event| if let ProcessEvent::Bytes(bytes) = event { bytes.clone() } else { Vec::new() })
        .collect();
    assert_eq!(bytes, b"one\r\ntwo\nno end");
}

#[tokio::test]
async fn long_lines_are_clipped_and_marked() {
    let mut bench = Bench::new();
    bench.limits.line_bytes = 8;
    let events = bench.run(&script("echo short; echo 12345678; echo 123456789; echo after")).await;
    assert_eq!(output(&events), ["short", "12345678", "12345678", "after"]);
    let mut all_clipped = Vec::new();
    let mut before = 0;
    for event in &events {
        if let ProcessEvent::Output { lines, clipped, .. } = event {
            all_clipped.extend(clipped.iter().map(|index| before + index));
            before += u32::try_from(lines.len()).unwrap();
        }
    }
    assert_eq!(all_clipped, [2]);
}

#[tokio::test]
async fn the_end_of_standard_error_is_kept() {
    let bench = Bench::new();
    let events =
        bench.run(&script("yes 0123456789abcde | head -n 20000 >&2; echo last >&2; kill -TERM $$")).await;
    let (exit, tail) = exit(&events);
    assert_eq!(exit, Exit::Signal(15));
    assert_eq!(tail.len(), 64 * 1024);
    assert!(tail.ends_with("0123456789abcde\nlast\n"));
}

/// A consumer that does not take events holds the program up: nothing is collected in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_program_waits_for_whoever_takes_its_output() {
    let bench = Bench::new();
    let (child, mut events) =
        bench.start(&script("yes 0123456789abcdef | head -c 100000000; echo; echo done > finished")).await;
    let before = resident();
    until("the program is held up", || is_held_up("yes", child.pid()));
    assert!(!exists(bench.folder.path().join("finished")));
    assert!(resident().saturating_sub(before) < 16 << 20, "{} against {before}", resident());
    let mut bytes = 0;
    loop {
        match next(&mut events).await {
            ProcessEvent::Output { lines, .. } => {
                bytes += lines.iter().map(|line| line.len() + 1).sum::<usize>();
            }
            ProcessEvent::Exited { exit, .. } => break assert_eq!(exit, Exit::Code(0)),
            ProcessEvent::Bytes(_) => panic!("lines were asked for"),
        }
    }
    assert_eq!(bytes, 100_000_001);
    assert!(exists(bench.folder.path().join("finished")));
}

/// A line without end costs its bound and no more, and does not hold the program up.
#[tokio::test]
async fn an_endless_line_is_read_away() {
    let bench = Bench::new();
    let before = resident();
    let events = bench.run(&script("head -c 100000000 /dev/zero; echo; echo after")).await;
    assert!(resident().saturating_sub(before) < 80 << 20, "{} against {before}", resident());
    let seen = output(&events);
    assert_eq!((seen[0].len(), seen[1]), (16 << 20, "after"));
}

/// Memory of this process, in bytes.
#[expect(clippy::unwrap_used, reason = "in a test a panic is the message")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Says whether a child of a shell sleeps, and wrote nothing between two looks.
fn is_held_up(name: &str, shell: i32) -> bool {
    let written = || {
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        let is_meant = |pid: &&str| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
        };
        let child = children.split_whitespace().find(is_meant)?;
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        let io = std::fs::read_to_string(format!("/proc/{child}/io")).ok()?;
        stat.contains(") S ").then(|| io.lines().find(|line| line.starts_with("wchar")).map(str::to_owned))?
    };
    let first = written();
    std::thread::sleep(Duration::from_millis(100));
    first.is_some() && first == written()
}

#[tokio::test]
async fn input_is_taken_whole_and_then_closed() {
    let bench = Bench::new();
    let (mut child, mut events) = bench.start(&script("wc -c | tr -d ' '")).await;
    child.write(vec![b'a'; 1_000_000]).unwrap();
    child.write(b"b".to_vec()).unwrap();
    child.close_input();
    assert_eq!(child.write(b"c".to_vec()), Err(WriteError::Closed));
    assert_eq!(output(&all(&mut events).await), ["1000001"]);
}

/// codex waits for ever on an input that stays open.
#[tokio::test]
async fn input_can_be_closed_from_the_start() {
    let bench = Bench::new();
    let process = bench.authorize(&script("cat; echo end")).unwrap().with_input(StandardInput::Closed);
    let (child, mut events) = bench.processes().spawn(process, bench.folder.path(), &[]).await.unwrap();
    assert_eq!(child.write(b"c".to_vec()), Err(WriteError::Closed));
    assert_eq!(output(&all(&mut events).await), ["end"]);
}

#[tokio::test]
async fn a_program_that_does_not_read_is_not_written_to_without_end() {
    let mut bench = Bench::new();
    bench.limits.input_bytes = 1 << 20;
    let (child, mut events) = bench.start(&script("echo ready; sleep 600; :")).await;
    next(&mut events).await;
    let mut accepted = 0;
    let error = loop {
        match child.write(vec![0; 1 << 16]) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WriteError::Full { .. }), "{error}");
    assert!(accepted <= 18, "{accepted} writes of 64 KiB were accepted: a MiB, and what the pipe has taken");
}

#[tokio::test]
async fn the_environment_is_what_is_listed_and_nothing_else() {
    let host: HostEnvironment = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/h"),
        ("LC_ALL", "C"),
        ("CODEX_HOME", "/c"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("LD_PRELOAD", ""),
    ]
    .into_iter()
    .collect();
    let entry = ProgramEntry {
        pass_env: vec!["CODEX_*".into()],
        set_env: vec![("FIXED".into(), "by the operator".into()), ("PEER_NAME".into(), "no".into())],
        plugin_env: vec!["AGENT_*".into()],
        args_before: vec!["-c".into()],
        ..ProgramEntry::default()
    };
    let bench = Bench::with(entry, host);
    let mut process = script("");
    // `args_before` comes first.
    process.args = vec![Argument::Plain("tr '\\0' '\\n' < /proc/$$/environ".into())];
    process.env = vec![
        ("AGENT_MODE".into(), SecretOr::Plain("x=y".into())),
        ("AGENT_KEY".into(), SecretOr::Secret("path".into())),
    ];
    let authorized = bench.authorize(&process).unwrap();
    let secret = std::env::var("PATH").unwrap();
    assert!(!format!("{authorized:?}").contains(&secret), "secrets are not shown");
    let run_env = [("PEER_NAME".to_owned(), "ada".to_owned())];
    let (_child, mut events) =
        bench.processes().spawn(authorized, bench.folder.path(), &run_env).await.unwrap();
    let events = all(&mut events).await;
    let mut seen = output(&events);
    seen.sort_unstable();
    let key = format!("AGENT_KEY={secret}");
    assert_eq!(
        seen,
        [
            &key,
            "AGENT_MODE=x=y",
            "CODEX_HOME=/c",
            "FIXED=by the operator",
            "HOME=/h",
            "LC_ALL=C",
            "PATH=/usr/bin:/bin",
            "PEER_NAME=ada"
        ]
    );
}

#[rstest::rstest]
#[case::a_variable_that_is_not_listed("LD_PRELOAD", SecretOr::Plain("x.so".into()), "[programs.sh] plugin_env = [\"LD_PRELOAD\"]")]
#[case::a_name_that_is_none("A=B", SecretOr::Plain(String::new()), "may not be set")]
fn a_plugin_may_set_only_what_is_listed(#[case] name: &str, #[case] value: SecretOr, #[case] helps: &str) {
    let refusal =
        Bench::new().authorize(&Process { env: vec![(name.into(), value)], ..script("") }).unwrap_err();
    assert!(refusal.reason.contains(helps), "{refusal}");
    assert_eq!((refusal.effect, refusal.id), ("start-process", Some(7)));
}

#[test]
fn a_program_that_is_not_in_the_table_is_refused_with_the_line_that_adds_it() {
    let refusal = Bench::new().authorize(&Process { program: "vim".into(), ..script("") }).unwrap_err();
    assert!(refusal.reason.contains("[programs.vim] command = \"vim\""), "{refusal}");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_says_why() {
    let mut bench = Bench::new();
    let here = bench.folder.path().to_owned();
    let spawn = |bench: &Bench, process: Process, cwd: &std::path::Path| {
        let (processes, process, cwd) =
            (bench.processes(), bench.authorize(&process).unwrap(), cwd.to_owned());
        async move { processes.spawn(process, &cwd, &[]).await.map(|_| ()).expect_err("cannot be started") }
    };

    let gone = spawn(&bench, Process { program: "gone".into(), ..script("") }, &here).await;
    assert!(matches!(gone, SpawnError::Missing(_)), "{gone}");
    assert!(gone.to_string().contains("[programs.gone] command ="), "{gone}");

    let nowhere = spawn(&bench, script(""), &here.join("nowhere")).await;
    assert!(matches!(nowhere, SpawnError::WorkingDirectory { .. }), "{nowhere}");

    let no_interpreter = here.join("agent");
    std::fs::write(&no_interpreter, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&no_interpreter, std::fs::Permissions::from_mode(0o755)).unwrap();
    let entry = ProgramEntry { command: no_interpreter.to_str().unwrap().into(), ..ProgramEntry::default() };
    bench.programs = pointsman_capabilities::process::Programs::resolve(
        [
            ("agent".to_owned(), entry),
            ("sh".to_owned(), ProgramEntry { command: "sh".into(), ..ProgramEntry::default() }),
        ],
        HostEnvironment::of_this_process(),
    )
    .unwrap();
    let refused = spawn(&bench, Process { program: "agent".into(), ..script("") }, &here).await;
    assert!(matches!(&refused, SpawnError::Refused { why, .. } if why.contains("os error 2")), "{refused}");

    bench.supervisor = SupervisorCommand { program: "/no/such/host".into(), args: Vec::new() };
    let error = spawn(&bench, script(""), &here).await;
    assert!(matches!(error, SpawnError::Supervisor { .. }), "{error}");

    bench.supervisor = SupervisorCommand { program: HOST.into(), args: vec!["nonsense".into()] };
    let error = spawn(&bench, script(""), &here).await;
    assert!(
        error.to_string().contains("did not start program \"sh\": it ended with exit status: 1"),
        "{error}"
    );

    bench.supervisor = SupervisorCommand { program: "/bin/sleep".into(), args: vec!["600".into()] };
    bench.limits.start_timeout = Duration::from_millis(20);
    let error = spawn(&bench, script(""), &here).await;
    assert!(error.to_string().contains("it said nothing for 20ms"), "{error}");
}

#[tokio::test]
async fn scratch_files_live_as_long_as_their_process() {
    let bench = Bench::new();
    let mut process = script("echo $0; cat \"$0\"; stat -c %a \"$0\" \"${0%/*}\"");
    process.args.push(Argument::File { name: "schema.json".into(), content: b"{\"a\":1}\n".to_vec() });
    let events = bench.run(&process).await;
    let seen = output(&events);
    assert!(
        seen[0].starts_with(bench.scratch().to_str().unwrap()) && seen[0].ends_with("/schema.json"),
        "{seen:?}"
    );
    assert_eq!(seen[1..], ["{\"a\":1}", "600", "700"]);
    assert_eq!(std::fs::read_dir(bench.scratch()).unwrap().count(), 0, "removed before the exit is told");

    process.args.push(Argument::File { name: "../out".into(), content: Vec::new() });
    let refusal = bench.authorize(&process).unwrap_err();
    assert!(refusal.reason.contains("\"../out\""), "{refusal}");
}

/// Nothing that the host holds open reaches the program: it could read the journal, or keep a pipe from ending.
#[tokio::test]
async fn a_program_inherits_its_three_streams_and_nothing_else() {
    let bench = Bench::new();
    // As if whoever started the host had been careless.
    let careless = std::fs::File::open("/dev/zero").unwrap();
    rustix::io::fcntl_setfd(&careless, rustix::io::FdFlags::empty()).unwrap();
    let events = bench.run(&script("exec ls /proc/self/fd")).await;
    assert_eq!(output(&events), ["0", "1", "2", "3"], "the last is the folder that `ls` lists");
    let events = bench.run(&script("ps -o sid= -p $$ | tr -d ' '; echo $$")).await;
    let seen = output(&events);
    assert_eq!(seen[0], seen[1], "it leads a session of its own");
}

#[tokio::test]
async fn many_lines_come_in_few_events() {
    let bench = Bench::new();
    let events = bench.run(&script("seq 100000")).await;
    assert_eq!(output(&events).len(), 100_000);
    assert!(events.len() < 5_000, "{}", events.len());
    for event in &events {
        assert!(!matches!(event, ProcessEvent::Output { lines, .. } if lines.len() > 512));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn starting_can_be_given_up() {
    let bench = Bench::new();
    let mark = bench.mark();
    for patience in [0, 1, 2, 5, 10] {
        let process = bench.authorize(&script(&format!("sleep 600; : {mark}"))).unwrap();
        let processes = bench.processes();
        let start = processes.spawn(process, bench.folder.path(), &[]);
        // Whether it was given up or the handle is dropped: either way nothing stays.
        drop(tokio::time::timeout(Duration::from_millis(patience), start).await);
    }
    until("nothing is left", || alive(&mark).is_empty());
}

/// Ctrl-C ends a program that does not listen for it.
#[tokio::test]
async fn an_interrupt_alone_ends_a_plain_program() {
    let bench = Bench::new();
    let (child, mut events) = bench.start(&script("echo ready; exec sleep 600")).await;
    next(&mut events).await;
    tokio::time::timeout(PATIENCE, child.stop_gracefully(PATIENCE)).await.unwrap();
    assert_eq!(exit(&all(&mut events).await).0, Exit::Signal(2));
}
