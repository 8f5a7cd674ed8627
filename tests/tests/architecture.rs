//! The house holds: arrows between crates point down, floors know only what is theirs, and the repository carries
//! nothing of the machine that it was written on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use pointsman_guest_build::{TARGET, ensure_target, guest_dir, workspace};
use serde::Deserialize;

/// The house from the ground up. A crate may know those that are named beside it and no other; each of them stands
/// above it in this list.
const HOUSE: &[(&str, &[&str])] = &[
    ("pointsman-model", &[]),
    ("pointsman-kernel", &["pointsman-model"]),
    ("pointsman-question", &["pointsman-model"]),
    ("pointsman-sandbox", &["pointsman-model"]),
    ("pointsman-store", &["pointsman-model"]),
    ("pointsman-audit", &["pointsman-model"]),
    ("pointsman-approver", &["pointsman-model"]),
    ("pointsman-capabilities", &["pointsman-model"]),
    ("pointsman-listen", &[]),
    ("pointsman-state-key", &["pointsman-store"]),
    (
        "pointsman-engine",
        &[
            "pointsman-model",
            "pointsman-kernel",
            "pointsman-sandbox",
            "pointsman-store",
            "pointsman-audit",
            "pointsman-approver",
            "pointsman-capabilities",
        ],
    ),
    ("pointsman-mcp", &["pointsman-model", "pointsman-question", "pointsman-engine"]),
    ("pointsman-a2a", &["pointsman-model", "pointsman-engine", "pointsman-listen"]),
    (
        "pointsman-webhook",
        &[
            "pointsman-model",
            "pointsman-question",
            "pointsman-capabilities",
            "pointsman-listen",
            "pointsman-engine",
        ],
    ),
    (
        "pointsman",
        &[
            "pointsman-model",
            "pointsman-question",
            "pointsman-sandbox",
            "pointsman-store",
            "pointsman-state-key",
            "pointsman-audit",
            "pointsman-approver",
            "pointsman-capabilities",
            "pointsman-engine",
            "pointsman-mcp",
            "pointsman-a2a",
            "pointsman-webhook",
            "pointsman-bundle",
        ],
    ),
];

/// What only some crates of the house know, mostly one, tests of crates included.
const KEPT_TO_FEW: &[(&str, &[&str])] = &[
    ("wasmtime", &["pointsman-sandbox"]),
    ("rmcp", &["pointsman-mcp"]),
    ("axum", &["pointsman-listen", "pointsman-a2a", "pointsman-webhook"]),
    ("rusqlite", &["pointsman-store"]),
];

/// Crates that compute and do nothing else.
const PURE: &[&str] = &["pointsman-model", "pointsman-kernel", "pointsman-question"];

/// What stands nowhere below a crate that computes.
const IMPURE: &[&str] = &["cap-std", "mio", "rmcp", "rusqlite", "rustix", "tokio", "wasmtime"];

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(workspace().join("Cargo.toml")).no_deps();
    command.exec().expect("cargo reads this workspace")
}

/// Gives the workspace's crates that a crate knows; those that only its tests or its build script know as well.
fn known<'a>(package: &'a Package, all: &Metadata) -> BTreeSet<&'a str> {
    let member = |name: &str| all.packages.iter().any(|package| package.name == name);
    package.dependencies.iter().map(|it| it.name.as_str()).filter(|name| member(name)).collect()
}

fn package<'a>(name: &str, all: &'a Metadata) -> &'a Package {
    all.packages.iter().find(|package| package.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn arrows_point_down() {
    let all = metadata();
    for (index, (name, allowed)) in HOUSE.iter().enumerate() {
        for below in allowed.iter().filter(|below| **below != "pointsman-bundle") {
            assert!(HOUSE[..index].iter().any(|(lower, _)| lower == below), "{below} is not below {name}");
        }
        for neighbour in known(package(name, &all), &all) {
            // Tests of the sandbox build guests; that crate knows nobody.
            let builds = neighbour == "pointsman-guest-build";
            assert!(builds || allowed.contains(&neighbour), "{name} may not know {neighbour}");
        }
    }
}

#[test]
fn every_crate_has_its_place() {
    let all = metadata();
    let root = workspace();
    for package in &all.packages {
        let folder = package.manifest_path.as_std_path().parent().expect("a manifest lies in a folder");
        let place = folder.strip_prefix(&root).expect("members lie in the workspace");
        let (name, known) = (package.name.as_str(), known(package, &all));
        let allowed: &[&str] = match place.to_str().expect("folders have plain names") {
            // What the sdk is held against in its own tests.
            "plugins/sdk" => &["pointsman-model"],
            "plugins/build" => &[],
            "plugins/bundle" => &["pointsman-guest-build"],
            guest if guest.starts_with("plugins/") || guest.starts_with("policies/") => &["pointsman-sdk"],
            // Nobody helps a hostile guest.
            guest if guest.starts_with("tests/guests/") => &[],
            host if host.starts_with("host/") => {
                assert!(HOUSE.iter().any(|(known, _)| *known == name), "{name} has no floor in the house");
                continue;
            }
            "tests" | "xtask" => continue,
            other => panic!("nobody knows what {other} is for"),
        };
        let forbidden: Vec<_> = known.iter().filter(|known| !allowed.contains(known)).collect();
        assert!(forbidden.is_empty(), "{name} may not know {forbidden:?}");
    }
}

#[test]
fn what_is_kept_to_few_crates_is_known_to_these_alone() {
    let all = metadata();
    for (dependency, owners) in KEPT_TO_FEW {
        for (name, _) in HOUSE {
            let family = |it: &str| it == *dependency || it.starts_with(&format!("{dependency}-"));
            let knows = package(name, &all).dependencies.iter().any(|it| family(&it.name));
            assert_eq!(knows, owners.contains(name), "{dependency} belongs to {owners:?}; look at {name}");
        }
    }
}

/// `Cargo.lock`, as far as it says who stands on whom.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lock {
    /// Gives everything that these crates stand on, on any platform and with any features that somebody asks for.
    fn below(&self, roots: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<String> = roots.into_iter().collect();
        while let Some(entry) = open.pop() {
            // `name`, or `name version` where there are several.
            let mut words = entry.split(' ');
            let (name, version) = (words.next().unwrap_or_default(), words.next());
            let found =
                self.package.iter().filter(|it| it.name == name && version.is_none_or(|v| v == it.version));
            for package in found {
                if seen.insert((&package.name, &package.version)) {
                    open.extend(package.dependencies.iter().cloned());
                }
            }
        }
        seen.into_iter().map(|(name, _)| name.clone()).collect()
    }
}

#[test]
fn the_ground_floors_stand_on_nothing_that_acts() {
    let all = metadata();
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).expect("the lock file is there");
    let lock: Lock = toml::from_str(&lock).expect("the lock file is TOML");
    for name in PURE {
        // The lock file does not tell a crate's own tests from the crate, so the first step is cargo's.
        let own = package(name, &all).dependencies.iter();
        let own = own.filter(|it| {
            it.kind != cargo_metadata::DependencyKind::Development && !PURE.contains(&&*it.name)
        });
        let below = lock.below(own.map(|it| it.name.clone()));
        assert!(below.contains("serde"), "the lock file was read: {below:?}");
        for forbidden in IMPURE {
            assert!(!below.contains(*forbidden), "{name} stands on {forbidden}");
        }
    }
}

/// The proof that they need no operating system: they build where there is none to speak of.
#[test]
fn the_ground_floors_build_for_webassembly() {
    ensure_target().expect("the compiler can make WebAssembly");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).args(["check", "--target", TARGET, "--target-dir"]).arg(guest_dir());
    for name in PURE {
        cargo.args(["-p", name]);
    }
    let output = cargo.stdin(Stdio::null()).output().expect("cargo can be started");
    assert!(output.status.success(), "{cargo:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_released_contract_stays_letter_by_letter() {
    let wit = workspace().join("wit");
    let text = fs::read_to_string(wit.join("types.wit")).expect("the contract is there");
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("package pointsman:plugin@")?.strip_suffix(';'))
        .expect("the contract has a version");
    let frozen = wit.join("frozen");
    if version.starts_with("0.") {
        assert!(!frozen.exists(), "0.x is not frozen (wit/README.md)");
        return;
    }
    let released = frozen.join(version);
    let texts = |folder: &Path| -> BTreeMap<_, _> {
        let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = files.map(|file| file.expect("a folder can be read").path());
        let files = files.filter(|path| path.extension().is_some_and(|it| it == "wit"));
        files.map(|path| (path.file_name().map(ToOwned::to_owned), fs::read_to_string(&path).ok())).collect()
    };
    assert_eq!(texts(&wit), texts(&released), "wit/ is not what was released as {version}");
}

#[test]
fn nothing_tells_of_the_machine_it_was_written_on() {
    let root = workspace();
    let output =
        Command::new("git").args(["ls-files", "-z"]).current_dir(&root).output().expect("git is there");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let home = std::env::var_os("HOME").unwrap_or_default();
    let here: Vec<Vec<u8>> = [root.as_os_str(), &home]
        .iter()
        .map(|path| path.as_encoded_bytes().to_vec())
        // Not `/`, of which every path tells.
        .filter(|path| path.len() > 1)
        .map(|path| [path, b"/".to_vec()].concat())
        .collect();
    for name in output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name);
        // What is deleted and not yet committed is no longer there.
        let Ok(content) = fs::read(root.join(&*name)) else { continue };
        for path in &here {
            let tells = content.windows(path.len()).any(|window| window == path);
            assert!(!tells, "{name} tells of {}", String::from_utf8_lossy(path));
        }
    }
}

/// Whoever moves a file finds here what tells of it.
#[test]
fn documents_name_files_that_are_there() {
    const FOLDERS: [&str; 6] = ["host/", "plugins/", "policies/", "tests/", "wit/", "xtask/"];
    let root = workspace();
    let output =
        Command::new("git").args(["ls-files", "*.md"]).current_dir(&root).output().expect("git is there");
    let names = String::from_utf8(output.stdout).expect("names are text");
    let mut gone = Vec::new();
    for name in names.lines() {
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        let beside = root.join(name).parent().expect("a file lies in a folder").to_owned();
        let code = text.split('`').skip(1).step_by(2);
        let named = code.filter(|code| FOLDERS.iter().any(|folder| code.starts_with(folder)));
        // A place in a command or a pattern is none that anybody could open.
        let named = named.filter(|code| !code.contains([' ', '*', '<', '{', '\n']));
        gone.extend(named.filter(|path| !root.join(path).exists()).map(|path| format!("{name}: {path}")));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
        gone.extend(links.filter(|link| !beside.join(link).exists()).map(|link| format!("{name}: {link}")));
    }
    assert_eq!(gone, Vec::<String>::new());
}

/// Every judgement goes one way: a second way to a policy would be one that asks it otherwise, or forgets what it says.
#[test]
fn policies_are_asked_in_one_place() {
    // Loading rules to look at them asks nothing.
    const MAY_LOAD: &[&str] = &["host/engine/src/policies.rs", "host/cli/src/plugins.rs"];
    const MAY_ASK: &[&str] =
        &["host/engine/src/policies.rs", "host/engine/src/judge.rs", "host/engine/src/explain.rs"];
    let root = workspace();
    let output =
        Command::new("git").args(["ls-files", "host"]).current_dir(&root).output().expect("git is there");
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let sources = names.lines().filter(|name| name.ends_with(".rs") && name.contains("/src/"));
    let (mut load, mut ask) = (BTreeSet::new(), BTreeSet::new());
    for name in sources.filter(|name| !name.starts_with("host/sandbox/")) {
        let Ok(source) = fs::read_to_string(root.join(name)) else { continue };
        if source.contains("load_policy(") || source.contains("Rulebook") {
            load.insert(name);
        }
        if source.lines().any(|line| line.contains("decide(") && line.contains("question")) {
            ask.insert(name);
        }
    }
    assert_eq!(load, MAY_LOAD.iter().copied().collect());
    assert_eq!(ask, MAY_ASK.iter().copied().collect());
}
