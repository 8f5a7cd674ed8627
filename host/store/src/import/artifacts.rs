//! Reading the values that were moved out of events.

use cap_std::fs::Dir;
use pointsman_model::SpilledValue;
use serde_json::Value;

use super::records::FoundRun;
use super::{open_dir, read_file, read_json};
use crate::write::SpilledRow;

/// Bytes of one value, at most.
const VALUE_BYTES: usize = 64 << 20;
/// Bytes of all values of a run, at most.
const RUN_BYTES: usize = 512 << 20;

/// Reads the values that the events refer to. One that cannot be read is noted; its event stays.
pub(super) fn read_artifacts(dir: &Dir, found: &mut FoundRun, notes: &mut Vec<String>) {
    let Ok(artifacts) = open_dir(dir, "artifacts") else { return };
    let mut left = RUN_BYTES;
    for event in &found.events {
        let Some(references) = event.data.get("artifact_refs").and_then(Value::as_object) else { continue };
        for (pointer, reference) in references {
            let relpath = reference.get("relpath").and_then(Value::as_str).unwrap_or_default();
            match read_value(&artifacts, relpath, pointer, left.min(VALUE_BYTES), notes) {
                Ok(value) => {
                    left -= value.content.len();
                    found.bytes += value.content.len();
                    found.spilled.push(SpilledRow::of(event.seq, relpath.to_owned(), value));
                }
                Err(reason) => {
                    notes.push(format!("the value {pointer:.80} of event {} is lost: {reason}", event.seq));
                }
            }
        }
    }
}

fn read_value(
    artifacts: &Dir,
    relpath: &str,
    pointer: &str,
    most: usize,
    notes: &mut Vec<String>,
) -> Result<SpilledValue, String> {
    let folder = folder_name(relpath).ok_or("its relpath is no manifest's")?;
    let folder = open_dir(artifacts, folder).map_err(|error| error.to_string())?;
    let manifest = read_json(&folder, "manifest.json", notes)?;
    let field = manifest
        .get("fields")
        .and_then(|fields| fields.get(pointer))
        .ok_or("the manifest does not list it")?;
    let mut content = Vec::new();
    for chunk in field.get("chunks").and_then(Value::as_array).ok_or("the manifest lists no files")? {
        let file = chunk.get("file").and_then(Value::as_str).filter(|file| is_plain_name(file));
        let file = file.ok_or("the manifest lists a file that is none of its own")?;
        let room = (most - content.len()) as u64;
        let piece = read_file(&folder, file, room).map_err(|error| error.to_string())?;
        content.extend(piece.ok_or_else(|| format!("it is larger than {most} bytes"))?);
    }
    // Files ended anywhere, also within characters, so only the whole is text.
    let content = String::from_utf8(content).map_err(|_| "it is not UTF-8")?;
    let mime = match field.get("mime").and_then(Value::as_str) {
        Some("application/json") => "application/json",
        _ => "text/plain",
    };
    Ok(SpilledValue { pointer: pointer.to_owned(), mime: mime.to_owned(), content })
}

/// Gives the folder's name in `artifacts/<digits>-<kind>/manifest.json`, if the path is of just this form.
fn folder_name(relpath: &str) -> Option<&str> {
    let folder = relpath.strip_prefix("artifacts/")?.strip_suffix("/manifest.json")?;
    let (digits, kind) = folder.split_once('-')?;
    let plain = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(folder)
}

/// Says whether a name stands for a file in the same folder and nothing else.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("artifacts/000004-command_finished/manifest.json", true)]
    #[case("artifacts/../../manifest.json", false)]
    #[case("artifacts/000004-a/../../x/manifest.json", false)]
    #[case("artifacts/000004-/manifest.json", false)]
    #[case("/etc/passwd", false)]
    #[case("", false)]
    fn only_a_manifests_path_is_taken(#[case] relpath: &str, #[case] taken: bool) {
        assert_eq!(folder_name(relpath).is_some(), taken);
    }
}
