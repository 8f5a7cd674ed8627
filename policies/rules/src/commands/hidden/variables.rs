//! Variables that decide what runs.

use super::super::Refusal;
use super::refuse;

/// Checks a variable that is set for a program, or given to one that takes variables as words.
///
/// # Errors
///
/// One that decides what runs.
pub(in super::super) fn variable(name: &str, value: &str) -> Result<(), Refusal> {
    // Some shells know `path` for `PATH`, and some systems do not tell upper from lower case.
    let upper = name.to_ascii_uppercase();
    let decides = VARIABLES.contains(&upper.as_str())
        || FAMILIES.iter().any(|family| upper.starts_with(family))
        || ENDINGS.iter().any(|ending| upper.ends_with(ending));
    if decides && !HARMLESS.contains(&upper.as_str()) && !IDLE.contains(&(name, value)) {
        return refuse(name, "is a variable that may decide what runs");
    }
    Ok(())
}

/// Variables that name a program, bring in code or settings, or say where programs are.
const VARIABLES: &[&str] = &[
    "AR",
    "AS",
    "BASHOPTS",
    "BROWSER",
    "CC",
    "CDPATH",
    "CFLAGS",
    "CLASSPATH",
    "CPP",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "EDITOR",
    "ENV",
    "FPATH",
    "GOENV",
    "GOROOT",
    "GOTOOLCHAIN",
    "GREP_OPTIONS",
    "HOME",
    "IFS",
    "LD",
    "LDFLAGS",
    "LESS",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "MAKEFILES",
    "MAKEFLAGS",
    "MANOPT",
    "MANPAGER",
    "MORE",
    "NM",
    "NULLCMD",
    "PAGER",
    "PATH",
    "PROMPT_COMMAND",
    "PS4",
    "RANLIB",
    "READNULLCMD",
    "RIPGREP_CONFIG_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "SHELL",
    "SHELLOPTS",
    "STRIP",
    "TAR_OPTIONS",
    "TERMCAP",
    "TERMINFO",
    "EXINIT",
    "CONFIG_SITE",
    "VIMINIT",
    "USERPROFILE",
    "GVIMINIT",
    "POSIXLY_CORRECT",
    "VISUAL",
    "ZDOTDIR",
    "ZIPOPT",
    "_",
];

/// Beginnings of names of such variables.
const FAMILIES: &[&str] = &[
    "ANT_",
    "AWS_",
    "BASH_",
    "BUNDLE_",
    "CARGO_",
    "CGO_",
    "CMAKE_",
    "CURL_",
    "DOCKER_",
    "DYLD_",
    "GCONV_",
    "GEM_",
    "GIT_",
    "GNUMAKE",
    "GOFLAGS",
    "GROFF_",
    "HG",
    "JAVA_",
    "_JAVA_",
    "JDK_",
    "KUBE",
    "LD_",
    "LESS",
    "LUA_",
    "MANOPT",
    "MANROFF",
    "MAVEN_",
    "NODE_",
    "NPM_",
    "OPENSSL_",
    "PERL",
    "PHP",
    "PIP_",
    "PKG_CONFIG",
    "PYTEST_",
    "PYTHON",
    "RSYNC_",
    "RUBY",
    "RUSTUP_",
    "SSH_",
    "SUDO_",
    "SVN_",
    "SYSTEMD_",
    "VIM",
    "WGETRC",
    "XDG_",
    "YARN_",
];

/// Ends of such names, whatever stands before.
const ENDINGS: &[&str] = &[
    "_ARGS", "_BROWSER", "_CMD", "_COMMAND", "_CONFIG", "_EXEC", "_HOME", "_INIT", "_LINKER", "_PLUGINS",
    "_PRELOAD", "_PROG", "_PROGRAM", "_RC", "_RSH", "_RUNNER", "_SHELL", "_WRAPPER", "ASKPASS", "EDITOR",
    "FLAGS", "OPTIONS", "OPTS", "PAGER", "PATH", "VIMRC",
];

/// Variables of those families that decide nothing of the kind.
const HARMLESS: &[&str] = &[
    "CARGO_INCREMENTAL",
    "CARGO_NET_OFFLINE",
    "CARGO_TERM_COLOR",
    "CARGO_TERM_PROGRESS_WHEN",
    "CARGO_TERM_QUIET",
    "CARGO_TERM_VERBOSE",
    "GIT_OPTIONAL_LOCKS",
    "GIT_TERMINAL_PROMPT",
    "NODE_ENV",
    "NODE_NO_WARNINGS",
    "NPM_CONFIG_COLOR",
    "NPM_CONFIG_LOGLEVEL",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
];

/// Variables and values that name a program which does nothing of its own.
const IDLE: &[(&str, &str)] = &[
    ("BAT_PAGER", "cat"),
    ("EDITOR", "true"),
    ("GH_PAGER", "cat"),
    ("GIT_EDITOR", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_SEQUENCE_EDITOR", "true"),
    ("MANPAGER", "cat"),
    ("PAGER", "cat"),
    ("SYSTEMD_PAGER", "cat"),
];
