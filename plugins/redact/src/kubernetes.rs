//! Secrets of Kubernetes, as `kubectl get secret -o yaml` prints them: what stands under `data` is one, whatever its name.

/// The kind that a marker shows.
pub(crate) const KIND: &str = "kubernetes-secret";
/// Lines of one document that are looked at, at most.
const LINES: usize = 2_000;

/// A line and where it begins.
type Line<'a> = (usize, &'a str);

/// Gives the places of the values of each Secret in a text, in YAML or in JSON that was printed over several lines.
pub(crate) fn values(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if !text.contains("Secret") {
        return found;
    }
    let mut document: Vec<Line<'_>> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let shown = line.trim_end();
        if shown == "---" {
            of_document(&document, &mut found);
            document.clear();
        } else if document.len() < LINES {
            document.push((start, shown));
        }
        start += line.len();
    }
    of_document(&document, &mut found);
    found
}

fn of_document(lines: &[Line<'_>], found: &mut Vec<(usize, usize)>) {
    for (at, &(_, line)) in lines.iter().enumerate() {
        if pair(line)
            .is_none_or(|(key, value)| key != "kind" || unquoted(value.trim_end_matches(',')) != "Secret")
        {
            continue;
        }
        // The fields of the object: as deep as its kind, up to what is less deep.
        let depth = depth(line);
        let of_object = |&&(_, line): &&Line<'_>| line.is_empty() || self::depth(line) >= depth;
        let (before, behind) = lines.split_at(at);
        let begins =
            |line: &str| line.trim_start_matches(' ').starts_with("- ") && self::depth(line) == depth;
        let mut from = at;
        if !begins(line) {
            for &(_, line) in before.iter().rev().take_while(of_object) {
                from -= 1;
                if begins(line) {
                    break;
                }
            }
        }
        let rest = behind.iter().skip(1).take_while(of_object);
        let to = at + 1 + rest.take_while(|&&(_, line)| !begins(line)).count();
        in_fields(lines.get(from..to).unwrap_or_default(), depth, found);
    }
}

fn in_fields(lines: &[Line<'_>], depth: usize, found: &mut Vec<(usize, usize)>) {
    let mut within = false;
    for &(start, line) in lines {
        if line.is_empty() {
            continue;
        }
        if self::depth(line) <= depth {
            within = pair(line).is_some_and(|(key, _)| matches!(key, "data" | "stringData"));
            continue;
        }
        // A value of several lines has no key on each of them.
        let value = match pair(line) {
            Some((_, value)) => value,
            None => line.trim_start(),
        };
        let value = unquoted(value.trim_end_matches(','));
        if within
            && value.len() >= 4
            && !matches!(value, "|-" | ">-")
            && !value.starts_with(['{', '[', '$', '<'])
        {
            let Some(offset) = line.rfind(value) else { continue };
            found.push((start + offset, start + offset + value.len()));
        }
    }
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-', '+']).len()
}

/// Splits `key: value`, in YAML or in JSON.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = unquoted(key.trim_start_matches([' ', '-', '+']).trim_end());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (key.bytes().all(plain) && (value.is_empty() || value.starts_with(' '))).then_some((key, value.trim()))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        values(text).into_iter().map(|(start, end)| &text[start..end]).collect()
    }

    #[test]
    fn what_a_secret_holds_is_found_whatever_stands_first() {
        assert_eq!(
            found("kind: Secret\ndata:\n  a.b: cGFzcw==\n  c: 'd29yZA=='\ntype: Opaque\n"),
            ["cGFzcw==", "d29yZA=="]
        );
        assert_eq!(found("data:\n  a: cGFzcw==\nkind: Secret\n"), ["cGFzcw=="]);
        assert_eq!(
            found("{\n  \"data\": {\n    \"a\": \"cGFzcw==\"\n  },\n  \"kind\": \"Secret\"\n}\n"),
            ["cGFzcw=="]
        );
        let listed = "items:\n- apiVersion: v1\n  data:\n    a: cGFzcw==\n  kind: Secret\n- kind: ConfigMap\n  data:\n    b: c29tZQ==\n";
        assert_eq!(found(listed), ["cGFzcw=="]);
        for none in [
            "kind: ConfigMap\ndata:\n  a: cGFzcw==\n---\nkind: Secret\nmetadata:\n  name: x\n",
            "kind: SecretStore\ndata:\n  a: cGFzcw==\n",
            "A Secret is of kind: Secret, and data: holds it.\n",
        ] {
            assert_eq!(found(none), Vec::<&str>::new(), "{none}");
        }
    }
}
