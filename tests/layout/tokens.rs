//! Splits Rust source into words and signs.

/// A word or a sign of the source, with its line.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Splits source into words and signs; comments, strings, characters and lifetimes fall away.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let length = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => until_line_end(&chars[at..]),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment(&chars[at..]),
            '"' => quoted(&chars[at..], '"'),
            '\'' => character_or_lifetime(&chars[at..]),
            first if first.is_alphanumeric() || first == '_' => {
                let word = word_length(&chars[at..]);
                let text: String = chars[at..at + word].iter().collect();
                match literal_prefix(&text, &chars[at + word..]) {
                    Some(rest) => word + rest,
                    None if text == "r" && chars.get(at + word) == Some(&'#') => word + 1,
                    None => {
                        found.push(Token { text, line });
                        word
                    }
                }
            }
            ':' if chars.get(at + 1) == Some(&':') => {
                found.push(Token { text: "::".into(), line });
                2
            }
            sign => {
                if !sign.is_whitespace() {
                    found.push(Token { text: sign.into(), line });
                }
                1
            }
        };
        line += chars[at..at + length].iter().filter(|it| **it == '\n').count();
        at += length;
    }
    found
}

fn until_line_end(chars: &[char]) -> usize {
    chars.iter().position(|it| *it == '\n').unwrap_or(chars.len())
}

fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn quoted(chars: &[char], end: char) -> usize {
    let mut at = 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            it if it == end => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn character_or_lifetime(chars: &[char]) -> usize {
    let is_character = chars.get(1) == Some(&'\\') || chars.get(2) == Some(&'\'');
    if is_character { quoted(chars, '\'') } else { 1 + word_length(&chars[1..]) }
}

fn word_length(chars: &[char]) -> usize {
    chars.iter().position(|it| !(it.is_alphanumeric() || *it == '_')).unwrap_or(chars.len())
}

/// The length of the string that a prefix such as `br` opens, if it does.
fn literal_prefix(word: &str, rest: &[char]) -> Option<usize> {
    match word {
        "b" | "c" if rest.first() == Some(&'"') => Some(quoted(rest, '"')),
        "b" if rest.first() == Some(&'\'') => Some(quoted(rest, '\'')),
        "r" | "br" | "cr" => {
            let hashes = rest.iter().take_while(|it| **it == '#').count();
            if rest.get(hashes) != Some(&'"') {
                return None;
            }
            let closes = |at: &usize| {
                rest[*at] == '"'
                    && rest[at + 1..].iter().take_while(|it| **it == '#').count() >= hashes
            };
            Some((hashes + 1..rest.len()).find(closes).map_or(rest.len(), |at| at + 1 + hashes))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn comments_and_strings_of_every_kind_fall_away() {
        let text = r###"
            a // crate::web
            /* crate::web /* nested */ unsafe */ b
            "crate::web \" unsafe" c r#"crate::web " unsafe"# d b"x" e br##"y"# "## f c"z" g
        "###;
        assert_eq!(words(text), ["a", "b", "c", "d", "e", "f", "g"]);
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        assert_eq!(words(r#"x '"' y '\'' z b'"' &'a str"#), ["x", "y", "z", "&", "str"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let found = tokens("/* \n\n */ a\n\"\n\" b");
        assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn raw_names_are_names() {
        assert_eq!(words("r#type::x"), ["type", "::", "x"]);
    }
}
