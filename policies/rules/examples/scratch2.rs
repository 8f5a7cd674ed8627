#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout, missing_docs)]
use pointsman_rules::Rulebook;
fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        let started = std::time::Instant::now();
        match Rulebook::load(&text) {
            Ok(_) => println!("{path}: ok {:?}", started.elapsed()),
            Err(f) => {
                for f in f {
                    println!("{path}: [{}] {}", f.rule.as_deref().unwrap_or("-"), f.text);
                }
            }
        }
    }
}
