//! Git, which can be told to start programs in many ways.

use super::super::Refusal;
use super::refuse;

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

/// Checks the words of `git`.
///
/// # Errors
///
/// If one of them names a program, or brings in settings that may.
pub(super) fn git(words: &[&str]) -> Result<(), Refusal> {
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
        store if store.starts_with("credential") => true,
        "bisect" => has("run") || has("vi"),
        "config" => config(rest),
        "submodule" => has("foreach") || has("update") || has("add"),
        "clone" => has("-c") || has("-u"),
        "grep" => {
            rest.iter().any(|word| !word.starts_with("--") && word.starts_with('-') && word.contains('O'))
        }
        "rebase" => has("-x") || has("-i") || has("--i") || has("--edit"),
        "difftool" | "mergetool" | "filter-branch" | "for-each-repo" | "send-email" | "instaweb"
        | "daemon" | "shell" | "hook" | "upload-pack" | "receive-pack" | "upload-archive"
        | "http-backend" | "cvsserver" | "gui" | "citool" | "gitk" | "web--browse" | "p4" | "svn"
        | "archimport" | "quiltimport" | "remote-ext" | "remote-fd" | "maintenance"
        | "interpret-trailers" | "merge-index" | "submodule--helper" => true,
        _ => false,
    };
    // Into a file that a rule would have to look for: `git log` and `git diff` look like what only looks.
    let output = |word: &&str| {
        let option = word.split_once('=').map_or(*word, |(option, _)| option);
        option.starts_with("--o") && "--output".starts_with(option)
    };
    let bad = bad || subcommand != Some("archive") && rest.iter().any(output);
    // A remote may be a command.
    if bad || words.iter().any(|word| word.contains("ext::") || word.contains("fd::")) {
        hidden()
    } else {
        Ok(())
    }
}

/// Settings of a person and of colours, which start nothing.
const PLAIN_SETTINGS: &[&str] = &[
    "advice.",
    "branch.autosetup",
    "branch.sort",
    "color.",
    "column.",
    "commit.verbose",
    "core.abbrev",
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.longpaths",
    "core.precomposeunicode",
    "core.quotepath",
    "fetch.prune",
    "init.defaultbranch",
    "log.date",
    "merge.conflictstyle",
    "merge.ff",
    "pull.ff",
    "pull.rebase",
    "push.autosetupremote",
    "push.default",
    "rebase.autosquash",
    "rebase.autostash",
    "rerere.",
    "status.",
    "tag.sort",
    "user.email",
    "user.name",
];

/// Tells whether `git config` may set, or bring in, something that starts a program. Looking is fine.
fn config(words: &[&str]) -> bool {
    let plain = |key: &str| {
        let key = key.to_ascii_lowercase();
        PLAIN_SETTINGS.iter().any(|known| key.starts_with(known))
    };
    let looks = |word: &&str| {
        let ways = [
            "--get",
            "--get-all",
            "--get-regexp",
            "--get-urlmatch",
            "--get-color",
            "--get-colorbool",
            "--list",
            "-l",
        ];
        ways.contains(word)
    };
    // All words count, those that belong to options, too.
    if words.iter().any(|word| word.starts_with("-e") || word.starts_with("--e")) {
        return true;
    }
    let mut named = words.iter().copied().filter(|word| !word.starts_with('-'));
    match named.next() {
        _ if words.iter().any(looks) => false,
        // Without a value, a key is only looked up; so is one behind `get`.
        None | Some("get" | "list") => false,
        Some("set" | "unset") => !named.next().is_some_and(plain),
        Some("edit" | "rename-section" | "remove-section") => true,
        Some(key) => named.next().is_some() && !plain(key),
    }
}
