//! Examples for `--help` and the manual, in one list; a test parses each of them.

use clap::Command;

/// What to type, and what it does.
type Example = (&'static str, &'static str);

/// The examples of each command, by its words.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "demo",
        &[
            ("demo", "the whole story, ends by itself"),
            ("demo --serve", "keeps its page and the stand-in open until Ctrl-C"),
        ],
    ),
    (
        "run",
        &[
            ("run", "as systemd starts it"),
            (
                "--state-dir /tmp/kiosk --set camera.source=auto run",
                "in a terminal, beside an installed one",
            ),
        ],
    ),
    (
        "enroll",
        &[
            ("enroll person_123 --notes \"badge renewed\"", "captures now, queues the update"),
            (
                "enroll person_123 --dry-run --sheet why.png",
                "sends nothing, draws every judged frame with its reasons",
            ),
        ],
    ),
    (
        "update",
        &[
            ("update person_123 --name \"Ada Lovelace\"", "changes the name only"),
            (
                "update person_123 --image front.jpg --image left.jpg",
                "replaces the enrolled pictures by these",
            ),
        ],
    ),
    ("flush", &[("flush --timeout 5m", "delivers now; 0 when nothing deliverable is left")]),
    ("queue list", &[("queue list --json", "an array, oldest first")]),
    ("queue show", &[("queue show u17", "why it waits or is parked")]),
    ("queue retry", &[("queue retry u17 u18", "gives parked updates another try")]),
    ("queue drop", &[("queue drop u17 --yes", "removes it for good")]),
    ("queue verify", &[("queue verify", "reads every file; changes nothing")]),
    (
        "queue export",
        &[(
            "queue export stick.kiosk --passphrase-file word.txt --take",
            "seals what waits for another site, and parks it here",
        )],
    ),
    (
        "queue import",
        &[(
            "queue import stick.kiosk --passphrase-file word.txt",
            "queues each update once, however often it is given",
        )],
    ),
    ("camera list", &[("camera list", "stable names, sizes and rates, holders, controls")]),
    (
        "camera test",
        &[("camera test --seconds 10 --out view.jpg", "what it sees, with every gate and advice")],
    ),
    ("camera calibrate", &[("camera calibrate", "with a person who looks straight ahead")]),
    (
        "assess",
        &[
            ("assess picture.jpg folder/", "verdict, reasons and measures of each"),
            ("assess --json folder/", "a line of JSON for each picture"),
        ],
    ),
    (
        "doctor",
        &[
            ("doctor", "every fault with its remedy"),
            ("doctor --fix-hints", "only what to type"),
            ("doctor --json", "each check by its stable id"),
        ],
    ),
    ("diag", &[("diag --out support.tar.gz", "for the support: nobody and no secret is in it")]),
    (
        "status",
        &[
            ("status", "one screen; 69 where no agent runs"),
            ("status --watch", "again every second, until Ctrl-C"),
        ],
    ),
    ("token status", &[("token status", "days left, and who may read the file")]),
    (
        "token set",
        &[
            ("token set token.txt", "replaces it; a running agent takes the new one by itself"),
            ("token set -", "reads standard input"),
        ],
    ),
    (
        "stand-in",
        &[
            ("stand-in --listen 127.0.0.1:8481", "the persons API on this machine"),
            ("--set verifik.base_url=http://127.0.0.1:8481 run", "an agent that delivers to it"),
        ],
    ),
    ("config check", &[("config check", "values, files and their rights, the camera, the gates")]),
    ("config show", &[("config show --origin", "each value with the file and line it is from")]),
    ("config default", &[("config default", "every key, explained, with its default")]),
    ("completions", &[("completions bash", "into a file that your shell reads")]),
    ("man", &[("man", "this manual as roff, for `man -l -`")]),
];

/// The command line with the examples below each command's help.
pub(super) fn add(mut command: Command) -> Command {
    for (words, examples) in EXAMPLES {
        let parts: Vec<&str> = words.split(' ').collect();
        command = extended(command, &parts, &text(examples));
    }
    command
}

fn extended(command: Command, words: &[&str], text: &str) -> Command {
    match words {
        [] => command.after_help(text.to_owned()),
        [first, rest @ ..] if command.find_subcommand(first).is_some() => {
            command.mut_subcommand(*first, |inner| extended(inner, rest, text))
        }
        _ => command,
    }
}

fn text(examples: &[Example]) -> String {
    let lines: Vec<String> = examples
        .iter()
        .map(|(typed, what)| format!("  kiosk-enroll {typed}\n      {what}"))
        .collect();
    format!("Examples:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::Parser as _;

    use super::super::Cli;
    use super::*;

    /// Every command that does something, by its words.
    fn leaves(command: &Command, words: &str, found: &mut Vec<String>) {
        let shown =
            command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help");
        let mut is_leaf = true;
        for inner in shown {
            is_leaf = false;
            leaves(inner, format!("{words} {}", inner.get_name()).trim(), found);
        }
        if is_leaf {
            found.push(words.to_owned());
        }
    }

    #[test]
    fn every_command_has_an_example_and_a_sentence() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "", &mut found);
        for words in found {
            assert!(EXAMPLES.iter().any(|(it, _)| *it == words), "`{words}` has no example");
        }
        let command = add(Cli::command());
        assert!(command.get_subcommands().all(|it| it.get_about().is_some()));
    }

    #[test]
    fn every_example_is_one_that_the_command_line_takes() {
        for (words, examples) in EXAMPLES {
            for (typed, _) in *examples {
                let mut line = vec!["kiosk-enroll".to_owned()];
                // What is in quotation marks is one word.
                for (at, part) in typed.split('"').enumerate() {
                    match at % 2 {
                        0 => line.extend(part.split_whitespace().map(str::to_owned)),
                        _ => line.push(part.to_owned()),
                    }
                }
                let parsed = Cli::try_parse_from(&line);
                assert!(parsed.is_ok(), "{words}: {typed}: {parsed:?}");
            }
        }
    }

    #[test]
    fn the_help_of_a_nested_command_shows_its_example() {
        let mut command = add(Cli::command());
        command.build();
        let queue = command.find_subcommand_mut("queue");
        let list = queue.and_then(|queue| queue.find_subcommand_mut("list"));
        let help = list.map(|list| list.render_help().to_string()).unwrap_or_default();
        assert!(help.contains("Examples:\n  kiosk-enroll queue list --json"), "{help}");
    }
}
