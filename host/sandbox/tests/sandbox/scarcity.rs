//! A host that gets little of the machine still runs guests.

use std::env;
use std::process::Command;

use crate::support::component;

/// The pool alone would be 8 TiB of address space.
#[test]
fn guests_run_where_address_space_is_limited() {
    // The limit is for a process and cannot be lifted again, so another one runs tests of this file's neighbours.
    component();
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 4194304 && exec \"$0\" --test-threads=1 --exact \"$@\""])
        .arg(env::current_exe().expect("this program"))
        .args([
            "loading::a_plugin_says_what_it_is",
            "policy::a_ruling_keeps_its_meaning_and_names_its_module",
            "policy::ruin_is_contained_and_named::word_5___frames__",
            "policy::ruin_is_contained_and_named::word_7___memory__",
        ])
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("4 passed"), "{said}");
}
