//! Files that were made to hurt: a clean finding each, on a small stack.

use std::fmt::Write as _;

use rstest::rstest;

use crate::findings;

/// The stack of a component's host is a fraction of this, and its frames are smaller than those of a debug build.
const SMALL_STACK: usize = 1024 * 1024;

fn on_a_small_stack(work: impl FnOnce() -> String + Send + 'static) -> String {
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(work).unwrap().join().unwrap()
}

fn with_condition(when: &str) -> String {
    format!("[[rule]]\nid = \"deep\"\nthen = \"deny\"\nwhen = '''{when}'''\n")
}

#[rstest]
#[case::brackets("(".repeat(5000) + &")".repeat(5000))]
#[case::lists("[".repeat(3000) + &"]".repeat(3000))]
#[case::not("!".repeat(3000) + "true")]
#[case::minus("-".repeat(3000) + "1 == 1")]
#[case::fields(format!("request{} == 1", ".a".repeat(2000)))]
#[case::indices(format!("request{} == 1", "[0]".repeat(1000)))]
#[case::sums(format!("0{} == 1", "+1".repeat(2000)))]
#[case::choices("true ? true : ".repeat(300) + "true")]
#[case::comprehensions("chain.all(a,".repeat(200) + "true" + &")".repeat(200))]
#[case::open_brackets("(".repeat(8000))]
#[case::long("true && ".repeat(2000) + "true")]
fn deep_conditions_are_findings(#[case] when: String) {
    let found = on_a_small_stack(move || findings(&with_condition(&when)));
    assert!(found.starts_with("[deep] line 4: `when`"), "{found}");
}

#[rstest]
#[case::brackets("(".repeat(15) + "true" + &")".repeat(15))]
#[case::not("!".repeat(60) + "true")]
#[case::fields(format!("request{} == 1", ".a".repeat(55)))]
#[case::sums(format!("0{} == 1", "+1".repeat(55)))]
#[case::choices("true ? true : ".repeat(30) + "true")]
#[case::comprehensions("chain.all(a,".repeat(8) + "true" + &")".repeat(8))]
#[case::mixed("!(".repeat(15) + "chain.all(a, a.depth + 1 > 0 ? true : false)" + &")".repeat(15))]
#[case::ands("true && ".repeat(900) + "true")]
fn what_the_bounds_let_through_fits_the_stack(#[case] when: String) {
    assert_eq!(on_a_small_stack(move || findings(&with_condition(&when))), "no findings");
}

#[rstest]
#[case::arrays(format!("x = {}{}", "[".repeat(60_000), "]".repeat(60_000)))]
#[case::tables(format!("x = {}{}", "{a=".repeat(40_000), "}".repeat(40_000)))]
#[case::dotted_keys(format!("x{} = 1", ".a".repeat(60_000)))]
#[case::headers(format!("[x{}]", ".a".repeat(60_000)))]
#[case::example(format!("{}match = [{{ request{} = 1 }}]", with_condition("true"), ".a".repeat(60_000)))]
#[case::size("#".repeat(300 * 1024))]
#[case::no_toml("\u{0}\u{1}[[[".to_owned())]
fn hostile_files_are_findings(#[case] text: String) {
    assert_ne!(on_a_small_stack(move || findings(&text)), "no findings");
}

#[test]
fn many_rules_are_counted() {
    let mut text = String::new();
    for number in 0..501 {
        writeln!(text, "[[rule]]\nid = \"r{number}\"\nwhen = \"true\"\nthen = \"deny\"").unwrap();
    }
    assert_eq!(findings(&text), "[-] line 1: 501 rules, where 500 are allowed");
}

#[test]
fn many_findings_are_counted() {
    let found = findings(&"[[rule]]\n".repeat(100));
    assert_eq!(found.lines().count(), 51);
    assert!(found.ends_with("[-] 250 more findings are not shown"), "{found}");
}

#[test]
fn huge_patterns_are_findings() {
    let found = findings(&with_condition(r#"cwd.matches("(a{1000}){1000}")"#));
    assert!(found.contains("not a pattern"), "{found}");
    let found =
        findings(&with_condition(&format!("cwd.matches(\"{}\")", "(".repeat(4000) + &")".repeat(4000))));
    assert!(found.contains("not a pattern"), "{found}");
}
