//! What profiles may be read, and what their front matter means.

use std::fs;

use rstest::rstest;
use serde_json::json;

use super::*;

fn profile(text: &str) -> Result<Profile, String> {
    let beside = |file: &str| match file {
        "answer.json" => Ok(r#"{"type": "object"}"#.to_owned()),
        _ => Err("there is none".to_owned()),
    };
    parse("p.md".to_owned(), Origin::Operator, text, beside).map_err(|error| error.to_string())
}

#[test]
fn only_files_below_the_roots_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    let (cwd, root, named) = (top.join("cwd"), top.join("roots"), top.join("profiles"));
    for folder in [&cwd, &root, &named] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(top.join("secret"), "s").unwrap();
    fs::write(top.join("secret.md"), "s").unwrap();
    fs::write(top.join("secret.json"), "{}").unwrap();
    fs::write(cwd.join("own.md"), " be kind \n").unwrap();
    fs::write(cwd.join("reviewer"), "be blind").unwrap();
    fs::write(cwd.join("reviewer.md"), "be blind").unwrap();
    fs::write(cwd.join("team.md"), "be ours").unwrap();
    fs::write(root.join("team.md"), "be strict").unwrap();
    fs::write(root.join("empty.md"), " ").unwrap();
    fs::write(named.join("quick.md"), "be quick").unwrap();
    fs::write(named.join("peeking.md"), "---\nschema: ../secret.json\n---\nlook").unwrap();
    for (to, link) in [("secret", cwd.join("link.md")), ("secret.md", named.join("linked.md"))] {
        std::os::unix::fs::symlink(top.join(to), link).unwrap();
    }

    let profiles = Profiles::new(Some(named), vec![root]);
    let read = |text: &str| profiles.find(text, Some(&cwd)).map(|found| (found.text, found.origin));
    assert_eq!(read("own.md").unwrap(), ("be kind".to_owned(), Origin::WorkingDirectory));
    assert_eq!(read("quick").unwrap(), ("be quick".to_owned(), Origin::Operator));
    // A path is looked for in the working directory first, a name never there.
    assert_eq!(read("team.md").unwrap(), ("be ours".to_owned(), Origin::WorkingDirectory));
    let (text, origin) = read("reviewer").unwrap();
    assert_eq!((text.starts_with("You review"), origin), (true, Origin::Bundled));
    let absolute = top.join("secret").to_string_lossy().into_owned();
    for text in [
        "../secret",
        "link.md",
        "linked",
        "../secret.md",
        &absolute,
        "missing.md",
        "empty.md",
        "peeking",
        ".",
        "",
    ] {
        read(text).expect_err(text);
    }
    let names: Vec<_> = profiles.list().into_iter().map(|it| (it.name, it.profile.is_ok())).collect();
    let expected = [("linked", false), ("peeking", false), ("quick", true), ("reviewer", true)];
    assert_eq!(names, expected.map(|(name, fine)| (name.to_owned(), fine)));
}

#[test]
fn the_operators_own_file_wins_over_the_one_that_ships() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("reviewer.md"), "---\nbackend: codex\n---\nours").unwrap();
    let profiles = Profiles::new(Some(folder.path().to_owned()), Vec::new());
    let found = profiles.find("reviewer", None).unwrap();
    assert_eq!((found.text.as_str(), found.backend.as_deref()), ("ours", Some("codex")));
    assert_eq!(profiles.list().len(), 1);
}

#[test]
fn what_is_missing_is_told_with_what_there_is() {
    let error = Profiles::default().find("reviwer", None).unwrap_err().to_string();
    assert!(error.contains("not found: reviwer") && error.contains("there are reviewer"), "{error}");
}

#[test]
fn every_key_is_understood() {
    let found = profile(
        "---\n# For us.\ndescription: \"Looks: twice\"\nbackend: codex\nrole: reviewer\naccess: read-only\n\
         output_schema:\n  type: object\n  required: [verdict]\n  properties:\n    verdict: {enum: [yes, 'no', 1.5, true]}\n\
         ---\n\n Look twice. \n---\nand on\n",
    )
    .unwrap();
    assert_eq!(found.description.as_deref(), Some("Looks: twice"));
    assert_eq!(found.backend.as_deref(), Some("codex"));
    assert_eq!((found.role, found.access), (Some(Role::Reviewer), Some(Access::ReadOnly)));
    let schema = json!({"type": "object", "required": ["verdict"],
        "properties": {"verdict": {"enum": ["yes", "no", 1.5, true]}}});
    assert_eq!(Value::from(found.output_schema.unwrap()), schema);
    assert_eq!(found.text, "Look twice. \n---\nand on");
}

#[test]
fn json_is_yaml_too_and_a_schema_may_lie_beside() {
    let inline = profile("---\r\noutput_schema: {\"type\": \"object\"}\r\n---\r\ntext").unwrap();
    let beside = profile("---\nschema: answer.json\n---\ntext").unwrap();
    assert_eq!(inline.output_schema, beside.output_schema);
    assert!(inline.output_schema.is_some());
}

#[test]
fn without_front_matter_all_is_text() {
    for text in ["plain", "# A heading\n---\nmore", "--- not a fence"] {
        let found = profile(text).unwrap();
        assert_eq!((found.text.as_str(), found.backend, found.access), (text, None, None));
    }
    assert_eq!(profile("---\n# nothing\n---\ntext").unwrap().text, "text");
}

#[rstest]
#[case::unknown("---\nrole: worker\ntools: [bash]\n---\nx", "line 3: unknown key `tools`; known are")]
#[case::access(
    "---\naccess: all\n---\nx",
    "line 2: access is read-only, workspace-write or full, not \"all\""
)]
#[case::role("---\nrole: boss\n---\nx", "line 2: role is planner, worker or reviewer")]
#[case::kind("---\n\nbackend: 7\n---\nx", "line 3: `backend` must be a text")]
#[case::empty("---\nbackend:\n---\nx", "line 2: `backend` must be a text")]
#[case::schema("---\noutput_schema: answer.json\n---\nx", "line 2: `output_schema` must be a JSON Schema")]
#[case::no_file("---\nrole: worker\nschema: other.json\n---\nx", "line 3: schema other.json: there is none")]
#[case::both(
    "---\nschema: answer.json\noutput_schema: {}\n---\nx",
    "line 3: `output_schema` and `schema` exclude"
)]
#[case::twice("---\nrole: worker\nrole: worker\n---\nx", "line 3: `role` stands here twice")]
#[case::endless("---\nrole: worker\n", "line 1: front matter begins here and never ends")]
#[case::broken("---\nrole: [worker\n---\nx", "line 3: no YAML")]
#[case::list("---\n- role\n---\nx", "line 2: front matter is lines of `key: value`")]
#[case::two("---\nrole: worker\n...\nrole: worker\n---\nx", "front matter is one mapping")]
#[case::alias(
    "---\ndescription: &a x\nbackend: *a\n---\nx",
    "line 2: anchors, aliases and tags are not taken"
)]
#[case::tag("---\nbackend: !!str 7\n---\nx", "line 2: anchors, aliases and tags are not taken")]
#[case::no_text("---\nrole: worker\n---\n\n", "profile is empty: p.md")]
fn what_is_wrong_is_told_with_its_line(#[case] text: &str, #[case] expected: &str) {
    let error = profile(text).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_deep_value_is_refused_and_not_climbed() {
    let text = format!("---\noutput_schema: {}\n---\nx", "{a: ".repeat(5000));
    profile(&text).unwrap_err();
    let text = format!(
        "---\noutput_schema:\n{}\n---\nx",
        (0..200).map(|n| format!("{}a:\n", " ".repeat(n + 1))).collect::<String>()
    );
    assert!(profile(&text).unwrap_err().contains("deeper than 64"));
}

#[test]
fn the_profiles_that_ship_are_sound() {
    for named in Profiles::default().list() {
        let profile = named.profile.unwrap();
        assert!(profile.description.is_some(), "{}", named.name);
    }
}
