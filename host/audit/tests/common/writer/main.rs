//! Appends records to the log of a state folder, until it is done or killed: `audit-test-writer STATE COUNT ROTATE`.

use std::path::Path;
use std::process::ExitCode;

use pointsman_audit::{Draft, Fact, Keep, Log, Options};
use pointsman_model::{Digest, HostId, Timestamp};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [state, count, rotate] = arguments.as_slice() else { return ExitCode::from(2) };
    let (Ok(count), Ok(rotate)) = (count.parse::<u64>(), rotate.parse()) else { return ExitCode::from(2) };
    let Ok(mut log) = Log::open(Path::new(state), Options { rotate, keep: Keep::Forever }) else {
        return ExitCode::FAILURE;
    };
    let mut id = [0; 16];
    id[..4].copy_from_slice(&std::process::id().to_be_bytes());
    let host = HostId::from_random(id);
    for number in 0..count {
        let fact = Fact::PolicyLoaded {
            module: format!("{}-{number}", std::process::id()),
            component: Digest::of(b"component"),
            rules: Digest::of(&number.to_be_bytes()),
            before: None,
        };
        if log.append(&[Draft { at: Timestamp::from_millis(number), host, fact }]).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
