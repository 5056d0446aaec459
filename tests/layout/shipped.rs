//! Leaves out what only tests compile: it may know other rooms, since it ships nowhere.

use crate::tokens::Token;

/// Takes out what stands under `#[cfg(test)]`, and names the modules among it that are files of their own.
pub(crate) fn without_tests(all: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut shipped, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < all.len() {
        if starts_with(&all[at..], &["#", "!", "["]) && is_test_only(&all[at + 1..]) {
            return (Vec::new(), modules);
        }
        if starts_with(&all[at..], &["#", "["]) && is_test_only(&all[at..]) {
            let item = skip_attributes(all, at);
            let end = item_end(all, item);
            let words = &all[item..end];
            let name =
                words.iter().position(|it| it.text == "mod").and_then(|it| words.get(it + 1));
            if let Some(name) = name.filter(|_| words.last().is_some_and(|it| it.text == ";")) {
                modules.push(name.text.clone());
            }
            at = end;
        } else {
            shipped.push(all[at].clone());
            at += 1;
        }
    }
    (shipped, modules)
}

/// Whether the attribute whose `[` is the second token is `cfg(test)`, alone or with further conditions.
fn is_test_only(attribute: &[Token]) -> bool {
    let body = attribute.get(2..).unwrap_or_default();
    starts_with(body, &["cfg", "(", "test", ")"])
        || starts_with(body, &["cfg", "(", "all", "(", "test", ","])
}

fn starts_with(tokens: &[Token], wanted: &[&str]) -> bool {
    tokens.len() >= wanted.len() && tokens.iter().zip(wanted).all(|(it, wanted)| it.text == *wanted)
}

fn skip_attributes(all: &[Token], mut at: usize) -> usize {
    while starts_with(&all[at..], &["#", "["]) {
        let mut depth = 0_usize;
        for (offset, token) in all[at + 1..].iter().enumerate() {
            match token.text.as_str() {
                "[" => depth += 1,
                "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                at += offset + 2;
                break;
            }
        }
        if depth > 0 {
            return all.len();
        }
    }
    at
}

/// Where the item, statement or field that starts at `start` ends.
fn item_end(all: &[Token], start: usize) -> usize {
    let is_item = all[start..].iter().take(8).any(|it| {
        let items =
            ["fn", "impl", "struct", "mod", "use", "const", "static", "enum", "trait", "type"];
        items.contains(&it.text.as_str())
    });
    let is_use =
        starts_with(&all[start..], &["use"]) || starts_with(&all[start..], &["pub", "use"]);
    let mut depth = 0_usize;
    for (at, token) in all.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 && !is_use {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            "," if depth == 0 && !is_item => return at + 1,
            _ => {}
        }
    }
    all.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn shipped(text: &str) -> String {
        let (shipped, _) = without_tests(&tokens(text));
        shipped.into_iter().map(|it| it.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn test_modules_do_not_ship() {
        let text = "a; #[cfg(test)] #[allow(x, reason = \"y\")] mod tests { fn f() { b } } c;";
        assert_eq!(shipped(text), "a ; c ;");
    }

    #[test]
    fn test_only_imports_functions_fields_and_constants_do_not_ship() {
        assert_eq!(shipped("#[cfg(test)] use a::{b, c}; d"), "d");
        assert_eq!(shipped("#[cfg(test)] pub(crate) fn a<A, B>(x: [u8; 2]) -> B { c } d"), "d");
        assert_eq!(shipped("S { #[cfg(test)] a: Vec<u8>, b: u8 }"), "S { b : u8 }");
        assert_eq!(shipped("#[cfg(test)] const A: [u8; 2] = [1, 2]; d"), "d");
        assert_eq!(shipped("#[cfg(all(test, unix))] impl A { } d"), "d");
    }

    #[test]
    fn what_ships_under_other_conditions_stays() {
        assert_eq!(
            shipped("#[cfg(not(test))] fn a() {}"),
            "# [ cfg ( not ( test ) ) ] fn a ( ) { }"
        );
        assert!(shipped("#[cfg(any(test, unix))] fn a() {}").ends_with("fn a ( ) { }"));
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_named() {
        let (_, modules) = without_tests(&tokens("#[cfg(test)] pub(crate) mod samples; mod a;"));
        assert_eq!(modules, ["samples"]);
    }

    #[test]
    fn a_file_for_tests_alone_ships_nothing() {
        assert_eq!(shipped("#![cfg(test)] use a::b;"), "");
    }
}
