//! What the operating system offers to keep agents in check.

use super::finding::{Finding, Health};

/// Looks at supervision, Landlock and user namespaces.
pub(super) fn check() -> Vec<Finding> {
    let active = pointsman_capabilities::process::supervision();
    let health = if active.host_death == "none" { Health::Note } else { Health::Good };
    let detail = format!(
        "process trees are found by {}; if the host dies they end by {}",
        active.process_tree, active.host_death
    );
    vec![Finding::new("supervision", health, detail), landlock(), namespaces()]
}

/// Landlock and user namespaces are what agents build their own sandboxes from; this host does without them.
#[cfg(target_os = "linux")]
fn landlock() -> Finding {
    match landlock_version() {
        Some(version) => {
            Finding::new("landlock", Health::Good, format!("version {version} of its interface"))
        }
        None => Finding::new(
            "landlock",
            Health::Note,
            "not offered by this kernel: agents may refuse to sandbox commands",
        )
        .mend("boot with lsm=landlock,… or use a kernel from 5.13 on"),
    }
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> Finding {
    Finding::new("landlock", Health::Note, "Linux only")
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system call has no safe wrapper among our dependencies")]
fn landlock_version() -> Option<libc::c_long> {
    /// Asks for the version instead of making a rule set.
    const CREATE_RULESET_VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call reads no memory and makes nothing: a null attribute of size 0 is what it wants.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    (version > 0).then_some(version)
}

#[cfg(target_os = "linux")]
fn namespaces() -> Finding {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let subject = "namespaces";
    if number("/proc/sys/user/max_user_namespaces") == Some(0) {
        return Finding::new(
            subject,
            Health::Note,
            "user namespaces are switched off: bubblewrap will not work",
        )
        .mend("sysctl -w user.max_user_namespaces=15000");
    }
    if number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        return Finding::new(
            subject,
            Health::Note,
            "user namespaces are for root only: bubblewrap will not work",
        )
        .mend("sysctl -w kernel.unprivileged_userns_clone=1");
    }
    if number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        return Finding::new(
            subject,
            Health::Note,
            "AppArmor restricts user namespaces: bubblewrap may not work",
        )
        .mend("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
    }
    Finding::new(subject, Health::Good, "user namespaces are there for everybody")
}

#[cfg(not(target_os = "linux"))]
fn namespaces() -> Finding {
    Finding::new("namespaces", Health::Note, "Linux only")
}
