//! The README says what is so.

const README: &str = include_str!("../../README.md");

#[test]
fn every_variable_and_fact_is_described() {
    for path in pointsman_rules::documented_paths() {
        assert!(README.contains(&format!("`{path}`")), "{path} is missing in README.md");
    }
}

#[test]
fn every_function_is_described() {
    for name in pointsman_rules::documented_functions() {
        assert!(README.contains(&format!("`{name}")), "{name} is missing in README.md");
    }
}

/// The rules in the README load, and the base question that it shows is the one that examples start from: said in
/// full as an example, it changes nothing.
#[test]
fn the_examples_of_the_readme_load() {
    let blocks: Vec<&str> =
        README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        crate::load(block);
    }
}
