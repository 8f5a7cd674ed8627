//! Programs and variables behind which something runs that the line does not show.
//!
//! A rule looks at names and words. Here is what would make them say too little: builtins that change what later words
//! mean, programs that are given code or commands as words, options and variables that name a program. A line with one
//! of them is refused as a whole. The list cannot be complete (any program may do anything), so rules should name what
//! they allow, not what they do not.

use super::Refusal;
use super::resolve::Argument;

/// Builtins that evaluate their words, or change what the shell makes of later ones.
const BUILTINS: &[&str] = &[
    ".",
    "alias",
    "autoload",
    "bind",
    "bindkey",
    "builtin",
    "compgen",
    "complete",
    "declare",
    "disable",
    "emulate",
    "enable",
    "eval",
    "export",
    "fc",
    "float",
    "functions",
    "getopts",
    "hash",
    "history",
    "integer",
    "let",
    "local",
    "mapfile",
    "print",
    "read",
    "readarray",
    "readonly",
    "rehash",
    "sched",
    "setopt",
    "shopt",
    "source",
    "trap",
    "typeset",
    "unalias",
    "unfunction",
    "unhash",
    "unset",
    "unsetopt",
    "vared",
    "zmodload",
    "zparseopts",
    "zstyle",
];

/// Programs that run what their words, their input or another machine says; and shells of another language.
const LAUNCHERS: &[&str] = &[
    "arch",
    "ash.static",
    "at",
    "autossh",
    "batch",
    "bwrap",
    "caffeinate",
    "cgexec",
    "chroot",
    "chrt",
    "cmd",
    "crontab",
    "cscript",
    "csh",
    "daemonize",
    "dbus-launch",
    "dbus-run-session",
    "doas.static",
    "elvish",
    "entr",
    "es",
    "expect",
    "fakeroot",
    "firejail",
    "fish",
    "flock",
    "gdb",
    "hyperfine",
    "ionice",
    "ksh",
    "linux32",
    "linux64",
    "lldb",
    "ltrace",
    "mksh",
    "mosh",
    "mshta",
    "nsenter",
    "nu",
    "numactl",
    "osascript",
    "parallel",
    "pdksh",
    "pkexec",
    "powershell",
    "prlimit",
    "proot",
    "proxychains",
    "proxychains4",
    "pwsh",
    "rc",
    "rlwrap",
    "rsh",
    "run-parts",
    "rundll32",
    "runuser",
    "screen",
    "script",
    "setarch",
    "setpriv",
    "socat",
    "ssh",
    "sshpass",
    "start-stop-daemon",
    "strace",
    "su",
    "systemd-run",
    "taskset",
    "tcsh",
    "tmux",
    "torsocks",
    "unbuffer",
    "unshare",
    "watch",
    "watchexec",
    "wscript",
    "wsl",
    "xonsh",
    "xvfb-run",
    "yash",
];

/// Interpreters: the letters of their options that are followed by code, and the long ones.
const INTERPRETERS: &[(&str, &str, &[&str])] = &[
    ("bun", "ep", &["--eval", "--print", "--preload"]),
    ("elixir", "er", &["--eval", "--rpc-eval"]),
    ("groovy", "e", &[]),
    ("guile", "ceL", &[]),
    ("julia", "eEpL", &["--eval", "--print", "--load"]),
    ("lua", "el", &[]),
    ("luajit", "el", &[]),
    ("node", "eprC", &["--eval", "--print", "--require", "--import", "--loader", "--experimental-loader"]),
    ("nodejs", "epr", &["--eval", "--print", "--require", "--import", "--loader", "--experimental-loader"]),
    ("perl", "eEMmIdx", &[]),
    ("php", "rBRFEdz", &["--run", "--process-begin", "--process-code", "--process-end", "--define"]),
    ("pypy", "c", &[]),
    ("python", "c", &[]),
    ("racket", "e", &["--eval"]),
    ("rscript", "e", &[]),
    ("ruby", "erI", &[]),
    ("tclsh", "", &[]),
];

/// Programs, and the beginnings of those words of theirs that name a program, or hold code.
const OPTIONS: &[(&str, &[&str])] = &[
    ("cargo", &["--config"]),
    ("clang", &["-fplugin", "-Xclang", "-B", "-specs"]),
    ("curl", &["-K", "--config"]),
    ("deno", &["eval", "repl"]),
    ("docker", &["run", "exec", "compose", "build", "buildx", "container", "--config", "-H", "--host"]),
    ("emacs", &["-"]),
    ("ex", &["-c", "+", "--cmd", "-S", "-s", "-u"]),
    ("gcc", &["-fplugin", "-wrapper", "-B", "-specs", "--specs"]),
    ("go", &["-exec", "--exec", "-toolexec", "--toolexec"]),
    ("kubectl", &["exec", "run", "debug", "cp", "plugin"]),
    ("less", &["+", "-k", "--lesskey", "-"]),
    ("make", &["--eval", "SHELL=", "-E"]),
    ("gmake", &["--eval", "SHELL=", "-E"]),
    (
        "man",
        &["-P", "--pager", "-H", "--html", "-C", "--config", "-X", "--gxditview", "-p", "--preprocessor"],
    ),
    ("more", &["+"]),
    ("nc", &["-e", "-c", "--exec", "--sh-exec"]),
    ("ncat", &["-e", "-c", "--exec", "--sh-exec", "--lua-exec"]),
    ("netcat", &["-e", "-c", "--exec", "--sh-exec"]),
    ("nmap", &["--script", "--interactive"]),
    ("nvim", &["-c", "+", "--cmd", "-S", "-s", "-u", "-l", "--listen", "--remote"]),
    ("podman", &["run", "exec", "compose", "build", "container", "--remote", "--url"]),
    ("rg", &["--pre", "--hostname-bin"]),
    ("rsync", &["-e", "--rsh", "--rsync-path"]),
    ("scp", &["-S", "-o", "-F"]),
    ("sftp", &["-S", "-o", "-F", "-b", "-D"]),
    ("sort", &["--comp"]),
    ("split", &["--filter"]),
    ("sqlite3", &["-cmd", "--cmd", "-init", "--init", "."]),
    (
        "tar",
        &[
            "--checkpoint-action",
            "--to-command",
            "--use-compress",
            "--rsh",
            "--info-script",
            "--new-volume",
            "-I",
            "-F",
        ],
    ),
    ("bsdtar", &["--use-compress", "-I"]),
    ("vi", &["-c", "+", "--cmd", "-S", "-s", "-u"]),
    ("view", &["-c", "+", "--cmd", "-S", "-s", "-u"]),
    ("vim", &["-c", "+", "--cmd", "-S", "-s", "-u"]),
    ("wget", &["-e", "--execute", "--use-askpass", "--config"]),
    ("zip", &["-T", "--unzip-command"]),
];

/// Long options of git that name a program or bring one in; git takes any beginning of theirs.
const OF_GIT: &[&str] = &[
    "--config",
    "--config-env",
    "--exec",
    "--exec-path",
    "--ext-diff",
    "--extcmd",
    "--open-files-in-pager",
    "--receive-pack",
    "--sendmail-cmd",
    "--smtp-server",
    "--template",
    "--tool",
    "--upload-pack",
];

/// Variables that name a program, bring in code or settings, or say where programs are.
const VARIABLES: &[&str] = &[
    "BASHOPTS",
    "BROWSER",
    "CC",
    "CDPATH",
    "CLASSPATH",
    "CXX",
    "EDITOR",
    "ENV",
    "FPATH",
    "GREP_OPTIONS",
    "HOME",
    "IFS",
    "LD",
    "LESSCLOSE",
    "LESSOPEN",
    "LESS",
    "MAKEFLAGS",
    "MANOPT",
    "MANPAGER",
    "MORE",
    "NULLCMD",
    "PAGER",
    "PATH",
    "PS4",
    "PROMPT_COMMAND",
    "READNULLCMD",
    "RIPGREP_CONFIG_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "SHELL",
    "SHELLOPTS",
    "TAR_OPTIONS",
    "TERMINFO",
    "VIMINIT",
    "VISUAL",
    "ZDOTDIR",
    "ZIPOPT",
    "_",
];

/// Beginnings of names of such variables.
const FAMILIES: &[&str] = &[
    "BASH_", "CARGO_", "CMAKE_", "DYLD_", "GCONV_", "GIT_", "GOFLAGS", "JAVA_", "JDK_", "LD_", "LUA_",
    "MAVEN_", "NODE_", "NPM_", "PERL", "PHP", "PIP_", "PYTHON", "RUBY", "SSH_", "SUDO_", "XDG_", "_JAVA",
    "npm_",
];

fn refuse(name: &str, why: &str) -> Result<(), Refusal> {
    Err(Refusal::because(format!("`{name}` {why}")))
}

/// Checks a variable that is set for a program.
///
/// # Errors
///
/// One that decides what runs.
pub(super) fn variable(name: &str) -> Result<(), Refusal> {
    if VARIABLES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family)) {
        return refuse(name, "is a variable that may decide what runs");
    }
    Ok(())
}

/// Checks a program, by its name in lower case, and its words.
///
/// # Errors
///
/// If something would run that nobody sees.
pub(super) fn program(name: &str, arguments: &[Argument]) -> Result<(), Refusal> {
    let texts: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
    if BUILTINS.contains(&name) {
        return refuse(name, "changes what the shell does, or runs its words");
    }
    // With numbers: `python3.12`, `lua5.4`, `ksh93`.
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if LAUNCHERS.contains(&name) || LAUNCHERS.contains(&family) || name.starts_with("ld-linux") {
        return refuse(name, "runs what is not read here");
    }
    if let Some((_, letters, long)) = INTERPRETERS.iter().find(|(known, ..)| *known == family) {
        return interpreter(name, &texts, letters, long);
    }
    if let Some((_, refused)) = OPTIONS.iter().find(|(known, _)| *known == name || *known == family)
        && texts.iter().any(|word| refused.iter().any(|begin| word.starts_with(begin)))
    {
        return refuse(name, "is told to start a program, or to read settings that may");
    }
    match name {
        "git" => git(&texts),
        "sed" | "gsed" => sed(&texts),
        "awk" | "gawk" | "mawk" | "nawk" => awk(name, &texts),
        // With `-v` it sets a variable; what looks like arithmetic may be evaluated.
        "printf" | "test" | "[" | "wait" | "kill" | "ulimit" | "shift" | "exit" | "return" => {
            let hides = |word: &&str| word.contains(['$', '`']) || *word == "-v" || word.starts_with("-v");
            if texts.iter().any(hides) { refuse(name, "may evaluate its words") } else { Ok(()) }
        }
        "set" => {
            let known = ["-e", "-u", "-x", "-eu", "-ex", "-eux", "-euo", "-o", "+e", "+x", "pipefail"];
            if texts.is_empty() || !texts.iter().all(|word| known.contains(word)) {
                return refuse(name, "changes what the shell does");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn interpreter(name: &str, words: &[&str], letters: &str, long: &[&str]) -> Result<(), Refusal> {
    for word in words {
        match word.strip_prefix('-') {
            // Its file; what follows is for that. Without one, or with `-`, it reads its input.
            None => return Ok(()),
            Some("") => break,
            Some("-version" | "-help" | "V" | "h") => return Ok(()),
            Some(option) if option.starts_with('-') => {
                let option = word.split_once('=').map_or(*word, |(option, _)| option);
                if long.iter().any(|known| known.starts_with(option)) {
                    return refuse(name, "is given code");
                }
            }
            // What follows `-m` is a module, and the rest is for that.
            Some(option) if option.starts_with('m') && letters == "c" => return Ok(()),
            Some(option) => {
                if option.contains(|letter| letters.contains(letter)) {
                    return refuse(name, "is given code");
                }
            }
        }
    }
    refuse(name, "reads its code from its input")
}

fn git(words: &[&str]) -> Result<(), Refusal> {
    let hidden = || refuse("git", "is told to start a program, or to take settings that may");
    let mut subcommand = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        match *word {
            "-C" | "--git-dir" | "--work-tree" | "--namespace" | "--super-prefix" => at += 1,
            "-c" => return hidden(),
            option if option.starts_with('-') => {}
            name => {
                subcommand = Some(name);
                break;
            }
        }
    }
    for word in words.iter().take_while(|word| **word != "--") {
        let option = word.split_once('=').map_or(*word, |(option, _)| option);
        if option.starts_with("--") && OF_GIT.iter().any(|known| known.starts_with(option)) {
            return hidden();
        }
    }
    let rest = words.get(at..).unwrap_or_default();
    let has = |begin: &str| rest.iter().any(|word| word.starts_with(begin));
    let bad = match subcommand.unwrap_or_default() {
        "bisect" => has("run"),
        "submodule" => has("foreach") || has("update") || has("add"),
        "clone" => has("-c") || has("-u"),
        "grep" => {
            rest.iter().any(|word| !word.starts_with("--") && word.starts_with('-') && word.contains('O'))
        }
        "rebase" => has("-x") || has("-i"),
        "difftool" | "mergetool" | "filter-branch" | "for-each-repo" | "send-email" | "instaweb"
        | "daemon" | "shell" | "hook" | "credential" | "upload-pack" | "receive-pack" | "upload-archive"
        | "http-backend" | "cvsserver" | "gui" | "citool" | "gitk" | "web--browse" | "p4" | "svn"
        | "archimport" | "quiltimport" | "remote-ext" | "remote-fd" | "maintenance"
        | "interpret-trailers" => true,
        _ => false,
    };
    // A remote may be a command.
    if bad || words.iter().any(|word| word.contains("ext::") || word.contains("fd::")) {
        hidden()
    } else {
        Ok(())
    }
}

/// Takes only scripts of one address with `p`, `d`, `q` or `=`, and one substitution.
fn sed(words: &[&str]) -> Result<(), Refusal> {
    let hidden = || refuse("sed", "is given a script that is not read here");
    let mut script = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        match *word {
            "-n" | "-E" | "-r" | "-u" | "-s" | "-z" | "--quiet" | "--silent" | "--posix" | "--debug"
            | "--sandbox" => {}
            "-i" | "-ni" | "-in" | "--in-place" => {}
            "-e" if script.is_none() => {
                script = words.get(at);
                at += 1;
            }
            option if option.starts_with('-') => return hidden(),
            _ if script.is_none() => script = Some(word),
            _ => break,
        }
    }
    // GNU takes options after the files, too.
    if words.get(at..).unwrap_or_default().iter().any(|word| word.starts_with('-')) {
        return hidden();
    }
    match script {
        Some(script) if sed_script(script) => Ok(()),
        _ => hidden(),
    }
}

fn sed_script(script: &str) -> bool {
    let address = script.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '$' | ' '));
    let mut letters = address.chars();
    match (letters.next(), letters.as_str()) {
        (Some('p' | 'd' | 'q' | '='), "") => true,
        (Some('s'), rest) => {
            let Some(delimiter) =
                rest.chars().next().filter(|c| matches!(c, '/' | '|' | '#' | ',' | ':' | '@'))
            else {
                return false;
            };
            let mut parts = rest[1..].split(delimiter);
            let (_, _, flags, more) = (parts.next(), parts.next(), parts.next(), parts.next());
            // An escaped delimiter makes one part more, and is refused.
            more.is_none()
                && !rest.contains('\n')
                && flags.is_some_and(|flags| {
                    flags.chars().all(|c| matches!(c, 'g' | 'i' | 'I' | 'p' | '0'..='9'))
                })
        }
        _ => false,
    }
}

fn awk(name: &str, words: &[&str]) -> Result<(), Refusal> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match *word {
            "-F" | "-v" => at += 2,
            "--" => return refuse(name, "is given a script that is not read here"),
            option if option.starts_with("-F") || option.starts_with("-v") => at += 1,
            option if option.starts_with('-') => {
                return refuse(name, "is given a script that is not read here");
            }
            _ => break,
        }
    }
    let starts = |script: &&str| {
        script.contains(['|', '>', '<', '@', '\\']) || script.contains("system") || script.contains("getline")
    };
    match words.get(at) {
        Some(script) if !starts(script) => Ok(()),
        _ => refuse(name, "is given a script that may start programs"),
    }
}
