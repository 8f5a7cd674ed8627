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

fn blocks() -> Vec<&'static str> {
    README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_rules_of_the_readme_load() {
    assert!(blocks().len() >= 2);
    for block in blocks() {
        crate::load(block);
    }
}

#[test]
fn the_base_question_of_the_readme_is_the_one_that_examples_start_from() {
    let block = blocks().into_iter().find(|block| block.contains("the-base-question")).unwrap();
    let table: toml::Table = block.parse().unwrap();
    let shown = serde_json::to_value(&table["rule"][0]["match"][0]).unwrap();
    let base = pointsman_rules::base_question();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let expected = serde_json::json!({
        "action": base.action,
        "backend": base.backend,
        "role": base.role,
        "cwd": base.cwd,
        "access": "workspace-write",
        "chain": [{ "name": base.chain[0].name, "role": base.chain[0].role }],
        "request": json(&base.detail),
        "facts": json(&base.facts),
        "now": base.at,
    });
    assert_eq!(shown, expected);
}
