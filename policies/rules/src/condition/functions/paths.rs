//! Paths, judged by their text.

use crate::finding::shorten;

/// Tells whether a path is a root or lies below it, component by component: `/repo-old` is not inside `/repo`.
///
/// # Errors
///
/// A path that is not absolute or goes up: whether it is inside cannot be told from its text.
pub(super) fn path_inside(path: &str, root: &str) -> Result<bool, String> {
    let mut path = components(path)?;
    Ok(components(root)?.all(|expected| path.next() == Some(expected)))
}

/// Gives what of a path lies below a root, without a slash before it: empty for the root itself.
///
/// # Errors
///
/// A path that is not inside the root, not absolute, or goes up.
pub(super) fn path_below(path: &str, root: &str) -> Result<String, String> {
    if !path_inside(path, root)? {
        return Err(format!("{:?} is not inside its root", shorten(path, 80)));
    }
    let below: Vec<&str> = components(path)?.skip(components(root)?.count()).collect();
    Ok(below.join("/"))
}

fn components(path: &str) -> Result<impl Iterator<Item = &str>, String> {
    if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(format!("needs absolute paths without `..`, not {:?}", shorten(path, 80)));
    }
    Ok(path.split('/').filter(|part| !part.is_empty() && *part != "."))
}

/// Gives the last part of a path, empty for the root.
pub(super) fn path_base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

/// Gives what stands before the last part of a path: `/` for what lies in the root, `.` for a name alone.
pub(super) fn path_dir(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((dir, _)) if dir.trim_end_matches('/').is_empty() => "/",
        Some((dir, _)) => dir.trim_end_matches('/'),
        None if trimmed.is_empty() && path.starts_with('/') => "/",
        None => ".",
    }
}

/// Gives the last extension of a path without its dot: empty if it has none, as `.env` has.
pub(super) fn path_ext(path: &str) -> &str {
    match path_base(path).rsplit_once('.') {
        Some((stem, ext)) if !stem.is_empty() => ext,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/repo/a", "/repo", true)]
    #[case("/repo", "/repo/", true)]
    #[case("/repo//./a", "/repo", true)]
    #[case("/repo-old", "/repo", false)]
    #[case("/", "/repo", false)]
    #[case("/anything", "/", true)]
    fn paths_are_compared_by_component(#[case] path: &str, #[case] root: &str, #[case] inside: bool) {
        assert_eq!(path_inside(path, root), Ok(inside));
    }

    #[rstest]
    #[case("/repo/a/b", "/repo", "a/b")]
    #[case("/repo//./a/", "/repo/", "a")]
    #[case("/repo", "/repo", "")]
    #[case("/a", "/", "a")]
    fn what_lies_below_a_root_has_no_slash_before_it(
        #[case] path: &str,
        #[case] root: &str,
        #[case] below: &str,
    ) {
        assert_eq!(path_below(path, root).as_deref(), Ok(below));
    }

    #[rstest]
    #[case("work", "/repo")]
    #[case("/repo/../etc", "/repo")]
    #[case("/repo", "")]
    #[case("", "/")]
    fn paths_that_go_up_or_start_nowhere_are_errors(#[case] path: &str, #[case] root: &str) {
        path_inside(path, root).unwrap_err();
        path_below(path, root).unwrap_err();
    }

    #[test]
    fn a_sibling_has_nothing_below_a_root() {
        path_below("/repo-old/a", "/repo").unwrap_err();
    }

    #[rstest]
    #[case("/repo/src/a.tar.gz", "a.tar.gz", "/repo/src", "gz")]
    #[case("/repo/.env", ".env", "/repo", "")]
    #[case("a.pem", "a.pem", ".", "pem")]
    #[case("/a", "a", "/", "")]
    #[case("/a//b/", "b", "/a", "")]
    #[case("/", "", "/", "")]
    #[case("", "", ".", "")]
    fn paths_have_parts(#[case] path: &str, #[case] base: &str, #[case] dir: &str, #[case] ext: &str) {
        assert_eq!((path_base(path), path_dir(path), path_ext(path)), (base, dir, ext));
    }
}
