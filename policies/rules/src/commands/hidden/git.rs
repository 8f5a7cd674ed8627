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
