//! Whether the hosts that run judge by what stands in the files.

use std::path::Path;

use super::finding::{Finding, Health};
use crate::control::{held_policies, news};

/// Asks every host that lives.
pub(super) fn check(state: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for host in held_policies(state) {
        for module in host.modules.iter().flatten() {
            let Some(news) = news(&host, module) else { continue };
            let finding = |health| Finding::new(format!("rules of {}", module.module), health, news);
            findings.push(if module.unread {
                finding(Health::Note)
            } else {
                let file =
                    module.file.as_ref().map_or_else(String::new, |file| format!(" {}", file.display()));
                finding(Health::Missing)
                    .mend(format!("pointsman policy check{file} says what is wrong; no restart is needed"))
            });
        }
    }
    findings
}
