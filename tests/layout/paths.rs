//! Finds the paths that source names, in `use` trees and in the code, from the root of the crate.

use std::collections::BTreeSet;

use crate::tokens::Token;

/// A path as the compiler would see it from the crate's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedPath {
    /// `crate` first for what is ours, else the name it starts with.
    pub(crate) segments: Vec<String>,
    /// Where it stands.
    pub(crate) line: usize,
    /// Whether a `use` names it, or the code itself.
    pub(crate) place: Place,
}

/// Where a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Use,
    Code,
}

/// Every path in the tokens, resolved from the module they stand in.
pub(crate) fn paths(tokens: &[Token], file_module: &[&str]) -> BTreeSet<NamedPath> {
    let mut found = BTreeSet::new();
    // The modules around the current token; a brace that opens no module is `None`.
    let mut braces: Vec<Option<String>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let module: Vec<&str> = file_module
            .iter()
            .copied()
            .chain(braces.iter().flatten().map(String::as_str))
            .collect();
        match tokens[at].text.as_str() {
            "mod" if tokens.get(at + 2).is_some_and(|it| it.text == "{") => {
                braces.push(Some(tokens[at + 1].text.clone()));
                at += 3;
                continue;
            }
            "{" => braces.push(None),
            "}" => drop(braces.pop()),
            "use" => {
                let mut leaves = Vec::new();
                at = use_tree(tokens, at + 1, &[], &mut leaves);
                found.extend(leaves.into_iter().map(|(path, line)| NamedPath {
                    segments: resolved(&path, &module),
                    line,
                    place: Place::Use,
                }));
                continue;
            }
            word if is_word(word) => {
                let (path, next) = plain_path(tokens, at);
                if path.len() > 1 {
                    found.insert(NamedPath {
                        segments: resolved(&path, &module),
                        line: tokens[at].line,
                        place: Place::Code,
                    });
                }
                at = next;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Collects the leaves of the `use` tree at `at`, and says where it ends.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    leaves: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |it| it.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|it| it.text != "}") {
                    if tokens[at].text == "," {
                        at += 1;
                    } else {
                        at = use_tree(tokens, at, &path, leaves);
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            "," | ";" | "}" => break,
            "self" if !path.is_empty() => at += 1,
            "::" => at += 1,
            word => {
                path.push(word.to_owned());
                at += 1;
            }
        }
    }
    leaves.push((path, line));
    at
}

fn plain_path(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[start].text.clone()];
    let mut at = start + 1;
    while tokens.get(at).is_some_and(|it| it.text == "::")
        && tokens.get(at + 1).is_some_and(|it| is_word(&it.text))
    {
        path.push(tokens[at + 1].text.clone());
        at += 2;
    }
    (path, at)
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|it| it.is_alphabetic() || it == '_')
}

/// Turns `self`, `super` and the package's own name into a path from `crate`.
fn resolved(path: &[String], module: &[&str]) -> Vec<String> {
    let supers = path.iter().take_while(|it| *it == "super" || *it == "self").count();
    let ups = path[..supers].iter().filter(|it| *it == "super").count();
    let root = || ["crate".to_owned()].into_iter();
    if supers > 0 {
        let base = module[..module.len().saturating_sub(ups)].iter().map(|it| (*it).to_owned());
        return root().chain(base).chain(path[supers..].iter().cloned()).collect();
    }
    match path.first().map(String::as_str) {
        Some("crate" | "kiosk_enroll") => root().chain(path[1..].iter().cloned()).collect(),
        _ => path.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn named(text: &str, module: &[&str]) -> Vec<String> {
        paths(&tokens(text), module).into_iter().map(|it| it.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        let text = "use crate::{a::{self, B as C}, d::*, e};";
        assert_eq!(named(text, &[]), ["crate::a", "crate::a::B", "crate::d::*", "crate::e"]);
    }

    #[test]
    fn a_path_in_the_code_counts_like_an_import() {
        assert_eq!(
            named("fn f() { let x = crate::web::serve::<u8>(); }", &["queue"]),
            ["crate::web::serve"]
        );
        assert_eq!(named("pub(crate) fn f() {}", &["queue"]), [""; 0]);
    }

    #[test]
    fn parents_are_followed_to_the_root() {
        assert_eq!(
            named("use super::super::web::Page;", &["queue", "entry"]),
            ["crate::web::Page"]
        );
        assert_eq!(
            named("super::lanes::next()", &["queue", "entry"]),
            ["crate::queue::lanes::next"]
        );
        assert_eq!(named("self::lanes::next()", &["queue"]), ["crate::queue::lanes::next"]);
    }

    #[test]
    fn a_module_inside_a_file_is_one_level_deeper() {
        let text = "mod inner { fn f() { { super::super::web::x() } } } super::web::y();";
        assert_eq!(named(text, &["queue"]), ["crate::web::x", "crate::web::y"]);
    }

    #[test]
    fn the_package_by_its_own_name_is_the_crate() {
        assert_eq!(named("use kiosk_enroll::web;", &[]), ["crate::web"]);
    }

    #[test]
    fn attributes_and_macros_name_paths_too() {
        assert_eq!(named("#[derive(serde::Serialize)] struct S;", &[]), ["serde::Serialize"]);
        assert_eq!(named("$crate::web::x!()", &[]), ["crate::web::x"]);
    }
}
