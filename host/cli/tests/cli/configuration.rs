//! What is wrong with a configuration is said with its place and with what would help.

use rstest::rstest;

use crate::program::Home;

#[rstest]
#[case::a_key_misspelt(
    "[backends.mine]\ncomponnent = \"bundled:codex\"\n",
    "error: ~/.config/pointsman/pointsman.toml:2:1: unknown key `backends.mine.componnent`\n\
     help: did you mean `component`? `pointsman config example` shows every key\n"
)]
#[case::a_key_in_the_wrong_section(
    "[runs]\nrun_folders = false\n",
    "error: ~/.config/pointsman/pointsman.toml:2:1: unknown key `runs.run_folders`\n\
     help: it belongs to [state]; `pointsman config example` shows every key\n"
)]
#[case::a_value_of_the_wrong_kind(
    "[state]\nrun_folders = \"yes\"\n",
    "error: ~/.config/pointsman/pointsman.toml:2:15: `state.run_folders`: invalid type: string \"yes\", expected a \
     boolean\nhelp: `pointsman config example` shows every key\n"
)]
#[case::a_capability_that_does_not_exist(
    "[backends.mine]\ncomponent = \"bundled:codex\"\ngrants = [\"process/spwan@1 codex\"]\n",
    "error: ~/.config/pointsman/pointsman.toml:3:10: `backends.mine.grants[0]`: unknown capability \
     \"process/spwan@1\"; there are process/spawn@1, timer/set@1, secret/use@1 and request/send@1\n\
     help: `pointsman config example` shows every key\n"
)]
#[case::a_component_that_does_not_exist(
    "[backends.mine]\ncomponent = \"bundled:kodex\"\n",
    "error: ~/.config/pointsman/pointsman.toml:2:1: `backends.mine.component`: no such component \"bundled:kodex\"; there \
     are bundled:acp, bundled:claude_code, bundled:codex, bundled:command, bundled:remote_a2a, \
     bundled:redact, bundled:spill, bundled:rules\n\
     help: `pointsman config example` shows every key\n"
)]
#[case::a_secret_from_nowhere(
    "[secrets.token]\n",
    "error: ~/.config/pointsman/pointsman.toml:1:10: `secrets.token`: give where it is read: either env = \"VARIABLE\" or \
     file = \"PATH\"\nhelp: `pointsman config example` shows every key\n"
)]
#[case::a_secret_for_no_origin(
    "[secrets.token]\nenv = \"T\"\norigins = []\n",
    "error: ~/.config/pointsman/pointsman.toml:3:1: `secrets.token.origins`: it would go nowhere; name an origin, or leave \
     origins out\nhelp: `pointsman config example` shows every key\n"
)]
fn faults_are_named_with_their_place(#[case] text: &str, #[case] said: &str) {
    let home = Home::new();
    home.configure(text);
    for args in [&["config", "check"][..], &["plugin", "list"], &["serve"]] {
        let it = home.run(args);
        assert_eq!((it.exit, it.err.as_str(), it.out.as_str()), (Some(3), said, ""), "{args:?}");
    }
}

/// What would parse and not act, each with its line and what to do.
#[rstest]
#[case("[runs]\napproval_ttl = \"0s\"\n", "2:1: `runs.approval_ttl`: every question would lapse")]
#[case("[runs]\nlive = 0\n", "2:1: `runs.live`: no run could ever start")]
#[case(
    "[waits]\ndefault = \"2h\"\nmost = \"1s\"\n",
    "2:1: `waits.default`: no wait is longer than waits.most, which is 1s"
)]
#[case(
    "[log]\nlevel = \"loud\"\n",
    "2:1: `log.level`: \"loud\" is none of off, error, warn, info, debug, trace"
)]
#[case("[budgets]\ndepth = 0\n", "2:1: `budgets.depth`: no run could work at all")]
#[case("[budgets]\n\nlive_runs = 0\n", "3:1: `budgets.live_runs`: no run could work at all")]
#[case(
    "[budgets]\nwall_time = \"900ms\"\n",
    "2:1: `budgets.wall_time`: no run could work at all; give at least 1s"
)]
#[case(
    "[budgets.roles.worker]\ntokens = 0\n",
    "2:1: `budgets.roles.worker.tokens`: no run could work at all"
)]
#[case("[budgets]\ncost_usd = -1.0\n", "2:1: `budgets.cost_usd`: an amount of US dollars")]
#[case(
    "[budgets]\ntokens = 1.5\n",
    "2:10: `budgets.tokens`: invalid type: floating point `1.5`, expected a whole number"
)]
#[case(
    "[budgets.roles.boss]\ndepth = 1\n",
    "1:16: `budgets.roles.boss`: no such role; there are planner, worker, reviewer"
)]
#[case("[delegation]\ngive = [\"codexx\"]\n", "2:1: `delegation.give`: no backend is called \"codexx\"")]
#[case(
    "[delegation]\ngive = [\"remote_a2a\"]\n",
    "2:1: `delegation.give`: backend \"remote_a2a\" cannot be handed this host"
)]
#[case("[audit]\nkeep = 0\n", "2:8: `audit.keep`: give how many files stay, at least 1, or \"forever\"")]
#[case("[policies]\nname = \"x\"\n", "1:1: `policies`: invalid type: a table, expected a list")]
#[case("[secrets.\"a b\"]\nenv = \"X\"\n", "1:10: `secrets.a b`: a secret's name is made of")]
#[case("[secrets.a]\nenv = \"\"\n", "2:1: `secrets.a.env`: name the variable")]
#[case("[[policies]]\nname = \"a\"\ncomponent = \"bundled:rules\"\n", "1:1: `policies[0]`: it has no rules")]
#[case(
    "[[sanitizers]]\nname = \"a\"\ncomponent = \"bundled:spill\"\n[[sanitizers]]\nname = \"a\"\n\
     component = \"bundled:redact\"\n",
    "5:1: `sanitizers[1].name`: another one is called \"a\" already"
)]
#[case(
    "[[sanitizers]]\nname = \"a\"\ncomponent = \"bundled:spill\"\n[[sanitizers]]\nname = \"b\"\n\
     component = \"bundled:redact\"\n",
    "1:1: `sanitizers[0]`: long values would be moved into artifacts with the secrets in them; list redact first"
)]
#[case("[programs.x]\ncommand = \"./x\"\n", "1:11: programs.x: command \"./x\" is neither")]
fn what_would_not_act_is_refused_with_its_line(#[case] text: &str, #[case] said: &str) {
    let home = Home::new();
    home.configure(text);
    let it = home.run(&["config", "check"]);
    assert_eq!(it.exit, Some(3), "{}", it.err);
    let said = format!("error: ~/.config/pointsman/pointsman.toml:{said}");
    assert!(it.err.starts_with(&said), "wanted {said}\nheard  {}", it.err);
}

/// The host would not start with these, so `config check` must not say that all is well.
#[rstest]
#[case(
    "[[policies]]\nname = \"a\"\ncomponent = \"bundled:rules\"\ninline = '''\n[[rule]]\nid = \"x\"\n\
     when = \"cwdd == 'x'\"\nthen = \"deny\"\n'''\n",
    "1:1: `policies[0]`: policy a: rule x: line 3: `when` at column 1: unknown variable `cwdd`; did you mean `cwd`?"
)]
#[case(
    "[[policies]]\nname = \"a\"\ncomponent = \"bundled:codex\"\ninline = ''\n",
    "1:1: `policies[0]`: plugin a: the component does not export"
)]
#[case(
    "[[sanitizers]]\nname = \"a\"\ncomponent = \"bundled:spill\"\nconfig = { nonsense = 1 }\n",
    "4:12: `sanitizers[0].config.nonsense`: unknown key"
)]
fn what_does_not_load_is_no_good_configuration(#[case] text: &str, #[case] said: &str) {
    let home = Home::new();
    home.configure(text);
    let it = home.run(&["config", "check"]);
    assert_eq!((it.exit, it.out.as_str()), (Some(3), ""), "{}", it.err);
    let said = format!("error: ~/.config/pointsman/pointsman.toml:{said}");
    assert!(it.err.contains(&said), "wanted {said}\nheard  {}", it.err);
}

const SANITIZER: &str =
    "[[sanitizers]]\nname = \"redact\"\ncomponent = \"bundled:redact\"\n[sanitizers.config]\n";

#[rstest]
#[case::a_key_that_does_not_exist(
    "paterns = []\n",
    "5:1: `sanitizers[0].config.paterns`: unknown key; there are `allow`, `patterns`"
)]
#[case::one_further_down(
    "patterns = [\n  { name = \"a\", regexp = \"b\" },\n]\n",
    "6:3: `sanitizers[0].config.patterns[0]`: \"regex\" is a required property\n\
     ~/.config/pointsman/pointsman.toml:6:17: `sanitizers[0].config.patterns[0].regexp`: unknown key; there are `group`, \
     `keywords`, `name`, `regex`"
)]
#[case::a_value_of_the_wrong_kind(
    "allow = \"x\"\n",
    "5:1: `sanitizers[0].config.allow`: \"x\" is not of type \"array\""
)]
#[case::an_expression_that_does_not_compile(
    "patterns = [\n  { name = \"a\", regex = \"b\" },\n  { name = \"c\", regex = \"ab[\" },\n]\n",
    "7:17: `sanitizers[0].config.patterns[1].regex`: unclosed character class (at character 3 of \"ab[\")"
)]
#[case::a_group_that_does_not_exist(
    "patterns = [{ name = \"a\", regex = \"(b)\", group = 2 }]\n",
    "5:42: `sanitizers[0].config.patterns[0].group`: \"(b)\" has no group 2, only group 1"
)]
#[case::an_empty_match(
    "patterns = [{ name = \"a\", regex = \"b*\" }]\n",
    "5:27: `sanitizers[0].config.patterns[0].regex`: it may match nothing; a secret has at least one character"
)]
#[case::what_lets_everything_pass(
    "allow = [\"ok\", \".*\"]\n",
    "5:16: `sanitizers[0].config.allow[1]`: it may match nothing, and lets too much pass then"
)]
#[case::what_the_host_fills_in(
    "host_secrets = { salt = \"\", forms = \"\" }\n",
    "5:1: `sanitizers[0].config.host_secrets`: it is filled in by the host"
)]
fn what_a_sanitizer_does_not_take_stops_the_start(#[case] config: &str, #[case] said: &str) {
    let home = Home::new();
    home.configure(&format!("{SANITIZER}{config}"));
    let told = format!(
        "error: ~/.config/pointsman/pointsman.toml:{said}\nhelp: `pointsman config example` shows every key\n"
    );
    for args in [&["config", "check"][..], &["serve"]] {
        let it = home.run(args);
        assert_eq!((it.exit, it.err.as_str(), it.out.as_str()), (Some(3), told.as_str(), ""), "{args:?}");
    }
    let it = home.run(&["doctor", "--json"]);
    let findings: serde_json::Value = serde_json::from_str(&it.out).unwrap();
    let found =
        findings["findings"].as_array().unwrap().iter().find(|it| it["subject"] == "sanitizer redact");
    assert_eq!(found.unwrap()["health"], "missing", "{found:?}");
}

#[test]
fn profiles_are_read_beside_the_configuration() {
    let home = Home::new();
    home.configure("");
    let folder = home.path().join(".config/pointsman/profiles");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("strict.md"), "---\naccess: read-only\ndescription: Looks hard\n---\nlook")
        .unwrap();
    std::fs::write(folder.join("torn.md"), "---\nacces: full\n---\nlook").unwrap();
    let it = home.run(&["profiles", "list"]);
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""));
    for said in ["reviewer", "Looks hard", "access read-only", "line 2: unknown key `acces`"] {
        assert!(it.out.contains(said), "{said} in {}", it.out);
    }
    let it = home.run(&["profiles", "show", "strict"]);
    assert!(it.out.ends_with("\n\nlook\n"), "{}", it.out);
}

#[test]
fn no_file_is_needed_and_the_working_directory_is_never_looked_at() {
    let home = Home::new();
    std::fs::write(home.path().join("pointsman.toml"), "nonsense").unwrap();
    let it = home.run(&["config", "check"]);
    assert_eq!((it.exit, it.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(it.out, @r"
    ok: no configuration file, and none is needed
      state       ~/.local/state/pointsman
      backends    claude_code, codex, gemini, opencode, remote_a2a
      sanitizers  redact, spill
      policies    careful
    ");
}

#[test]
fn a_file_adds_to_what_is_built_in() {
    let home = Home::new();
    home.configure(
        "[backends.lint]\ncomponent = \"bundled:command\"\nconfig = { program = \"lint\" }\n\
         [state]\ndir = \"kept\"\n",
    );
    let it = home.run(&["config", "check", "--json"]);
    let check: serde_json::Value = serde_json::from_str(&it.out).unwrap();
    assert_eq!(
        check["backends"],
        serde_json::json!(["claude_code", "codex", "gemini", "lint", "opencode", "remote_a2a"])
    );
    assert_eq!(check["state"], "~/.config/pointsman/kept");
}

#[test]
fn rule_sets_are_known_by_name() {
    let home = Home::new();
    let with = |rules: &str| {
        let policy =
            format!("[[policies]]\nname = \"x\"\ncomponent = \"bundled:rules\"\nrules = \"{rules}\"\n");
        home.configure(&policy);
        home.run(&["config", "check"])
    };
    for set in ["careful", "read-only", "team", "open"] {
        assert_eq!(with(&format!("bundled:{set}")).exit, Some(0), "{set}");
    }
    let it = with("bundled:teem");
    assert_eq!(it.exit, Some(3));
    assert!(it.err.contains("no such rule set \"bundled:teem\"; there are bundled:careful"), "{}", it.err);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let home = Home::new();
    let it = home.run(&["config", "check", "nowhere.toml"]);
    assert_eq!(it.exit, Some(3));
    assert!(it.err.contains("nowhere.toml: cannot read the configuration"), "{}", it.err);
    let it = home.run(&["--config", "nowhere.toml", "runs", "list"]);
    assert_eq!(it.exit, Some(3));
    let mut by_variable = home.command(&["runs", "list"]);
    let it = home.said(by_variable.env("POINTSMAN_CONFIG", "nowhere.toml").output().unwrap());
    assert_eq!(it.exit, Some(3));
}

#[test]
fn the_example_is_well_formed() {
    let home = Home::new();
    home.configure(&home.run(&["config", "example"]).out);
    assert_eq!(home.run(&["config", "check"]).exit, Some(0));
}

#[test]
fn the_schema_is_closed_and_describes_every_key() {
    let home = Home::new();
    let schema: serde_json::Value = serde_json::from_str(&home.run(&["config", "schema"]).out).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let mut undescribed = Vec::new();
    for (name, section) in schema["$defs"].as_object().unwrap() {
        for (key, value) in section["properties"].as_object().into_iter().flatten() {
            if value["description"].as_str().is_none_or(str::is_empty) {
                undescribed.push(format!("{name}.{key}"));
            }
        }
    }
    assert_eq!(undescribed, Vec::<String>::new());
}
