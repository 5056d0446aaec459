//! One file under `src/`, read far enough for the rules.

use std::collections::BTreeSet;

use crate::paths::{NamedPath, paths};
use crate::shipped::without_tests;
use crate::tokens::{Token, tokens};

/// What a file holds.
pub(crate) struct Source {
    /// Its place below `src/`, with `/`.
    pub(crate) file: String,
    /// Its module below the crate's root: `["queue", "lanes"]`; nothing for `main.rs` and `lib.rs`.
    pub(crate) module: Vec<String>,
    /// How many lines it has.
    pub(crate) lines: usize,
    /// What ships: without the items that only tests compile.
    pub(crate) shipped: Vec<Token>,
    /// Everything, tests too.
    pub(crate) all: Vec<Token>,
    /// The paths that what ships names.
    pub(crate) paths: BTreeSet<NamedPath>,
    /// The modules in files of their own that only tests compile.
    pub(crate) test_modules: Vec<Vec<String>>,
}

impl Source {
    /// Reads `text` as the file at `file` below `src/`.
    pub(crate) fn read(file: &str, text: &str) -> Self {
        let module = module_of(file);
        let all = tokens(text);
        let (shipped, names) = without_tests(&all);
        let within: Vec<&str> = module.iter().map(String::as_str).collect();
        let paths = paths(&shipped, &within);
        let test_modules =
            names.into_iter().map(|it| module.iter().cloned().chain([it]).collect()).collect();
        let lines = text.lines().count();
        Self { file: file.to_owned(), module, lines, shipped, all, paths, test_modules }
    }

    /// The calls of any of these macros in what ships.
    pub(crate) fn calls<'a>(&'a self, macros: &'a [&str]) -> impl Iterator<Item = &'a Token> {
        self.shipped
            .windows(2)
            .filter(|it| macros.contains(&it[0].text.as_str()) && it[1].text == "!")
            .map(|it| &it[0])
    }

    /// The names of the constants whose type is `kind`, by whatever path it is written.
    pub(crate) fn constants_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Token> {
        let names = self.shipped.windows(3).enumerate().filter(|(_, it)| {
            ["const", "static"].contains(&it[0].text.as_str()) && it[2].text == ":"
        });
        names.filter_map(move |(at, it)| {
            let mut rest = self.shipped[at + 3..].iter().map(|it| it.text.as_str());
            let end = rest.position(|it| it == "=").filter(|it| *it > 0)?;
            (self.shipped[at + 2 + end].text == kind).then_some(&it[1])
        })
    }

    /// `file:line`, as editors jump to it.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("src/{}:{line}", self.file)
    }
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    match path {
        "main" | "lib" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_module_of_its_place() {
        assert_eq!(module_of("lib.rs"), [""; 0]);
        assert_eq!(module_of("clock.rs"), ["clock"]);
        assert_eq!(module_of("queue/mod.rs"), ["queue"]);
        assert_eq!(module_of("queue/lanes.rs"), ["queue", "lanes"]);
    }

    #[test]
    fn modules_for_tests_are_named_from_the_root() {
        let source = Source::read("queue/mod.rs", "#[cfg(test)] mod samples;");
        assert_eq!(source.test_modules, [["queue", "samples"]]);
    }
}
