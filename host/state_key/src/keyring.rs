//! A key in the system's keyring, asked for by the system's own program: `secret-tool` for the Secret Service on Linux,
//! `security` for the Keychain on macOS.
//!
//! Not by a library: what speaks to a keyring over D-Bus is forty crates that would run inside the host, for one read at
//! its start. Nor the kernel's keyring, which forgets at the next boot and would take the state with it.

use zeroize::Zeroizing;

use crate::command;

/// Reads an entry.
pub(crate) fn read(service: &str, name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let (program, args) = if cfg!(target_os = "macos") {
        ("security", words(&["find-generic-password", "-s", service, "-a", name, "-w"]))
    } else {
        ("secret-tool", words(&["lookup", "service", service, "username", name]))
    };
    let found = command::read(program, &args).map_err(|why| failed(program, &why))?;
    if found.is_empty() {
        return Err(format!("there is no such entry; {MAKE}"));
    }
    Ok(found)
}

/// Makes an entry that is not there yet.
pub(crate) fn create(service: &str, name: &str, secret: &str) -> Result<(), String> {
    if cfg!(target_os = "macos") {
        // It takes a secret from nobody but a person or its command line, which everybody can see.
        return Err(format!(
            "make it with `security add-generic-password -s {service} -a {name} -w`, and give 32 random bytes in base64 \
             when it asks"
        ));
    }
    if let Ok(found) = command::read("secret-tool", &words(&["lookup", "service", service, "username", name]))
        && !found.is_empty()
    {
        return Err("there is an entry already".to_owned());
    }
    let label = format!("--label=Pointsman state key {service}/{name}");
    let args = words(&["store", &label, "service", service, "username", name]);
    command::tell("secret-tool", &args, secret).map_err(|why| failed("secret-tool", &why))
}

const MAKE: &str = "`pointsman state new-key` makes one";

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Says what is wrong, and what is missing if that is the program.
fn failed(program: &str, why: &str) -> String {
    let missing = why.contains("cannot be started") && program == "secret-tool";
    let help = if missing { "; it comes with libsecret (package libsecret-tools)" } else { "" };
    // Without a word it says that there is nothing.
    let nothing = why.ends_with("exit status: 1") || why.contains("could not be found");
    if nothing { format!("there is no such entry; {MAKE}") } else { format!("{program}: {why}{help}") }
}
