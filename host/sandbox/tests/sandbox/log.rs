//! What guests print goes to the log, under their names.

use std::io::Write;
use std::sync::{Arc, Mutex};

use pointsman_sandbox::Sandbox;

use crate::support::{component, sandbox, task};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(sandbox: &Sandbox, word: &str) -> String {
    let backend = sandbox.load_backend("hostile", component()).expect("a backend");
    let page = Page::default();
    let writer = page.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let _whatever = backend.start(&task(word), [0; 32]);
    });
    let bytes = page.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("a text")
}

#[test]
fn lines_stand_there_with_the_plugins_name_and_without_control_characters() {
    let log = logged(&sandbox(), "print");
    assert!(log.contains(r#"to the output \u{1b}[31m plugin="hostile""#), "{log}");
    assert!(log.contains(r#"WARN pointsman::guest: to the error output plugin="hostile""#), "{log}");
}

#[test]
fn a_flood_is_cut() {
    let log = logged(&sandbox(), "print_flood");
    assert!(log.len() < 256 << 10, "{} bytes", log.len());
    assert!(log.contains("more bytes were printed"), "{}", &log[log.len().saturating_sub(500)..]);
}

#[test]
fn a_panic_says_where() {
    let log = logged(&sandbox(), "panic");
    assert!(log.contains("on purpose"), "{log}");
}
