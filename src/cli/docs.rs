//! `completions` and `man`: generated from the same definitions as `--help`.

use std::io::{self, Write as _};

use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;

use super::output::Output;
use crate::failure::{Exit, Failure};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    command: &mut clap::Command,
    output: &Output,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "kiosk-enroll", &mut script);
    output.raw(&script);
    Ok(())
}

pub(super) fn man(command: clap::Command, output: &Output) -> Result<(), Failure> {
    let page = page(command).map_err(|error| Failure::caused(Exit::Internal, &error))?;
    output.raw(&page);
    Ok(())
}

/// One page for all: the program, then each command with its options and examples.
fn page(mut command: clap::Command) -> io::Result<Vec<u8>> {
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    let mut sections = Vec::new();
    describe(&command, &mut sections)?;
    let mut page = without_other_pages(&command, &page);
    for (words, section) in sections {
        writeln!(page, ".SH \"{}\"", words.to_uppercase())?;
        // A command's own sections stand below its heading.
        let section = section.replace("\n.SH ", "\n.SS ").replacen(".SH ", ".SS ", 1);
        page.extend(section.replace(".SS EXTRA", ".SS EXAMPLES").into_bytes());
    }
    Ok(page)
}

/// There is but this page: commands are named as they are typed, and the exit codes have a heading that says so.
fn without_other_pages(command: &clap::Command, page: &[u8]) -> Vec<u8> {
    let mut page = String::from_utf8_lossy(page).replace(".SH EXTRA", ".SH \"EXIT STATUS\"");
    for inner in command.get_subcommands() {
        let name = inner.get_name().replace('-', "\\-");
        let linked = format!("kiosk\\-enroll\\-{name}(1)");
        page = page.replace(&linked, &format!("kiosk\\-enroll {name}"));
    }
    page.into_bytes()
}

/// Every command that does something, by its words, in the order of the help.
fn describe(command: &clap::Command, sections: &mut Vec<(String, String)>) -> io::Result<()> {
    for inner in command.get_subcommands() {
        if inner.is_hide_set() || inner.get_name() == "help" {
            continue;
        }
        if inner.has_subcommands() {
            describe(inner, sections)?;
            continue;
        }
        let own = without_globals(inner);
        let words = inner.get_bin_name().unwrap_or_else(|| inner.get_name()).to_owned();
        let man = Man::new(own.clone());
        let mut section = Vec::new();
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        if own.get_arguments().any(|argument| !argument.is_hide_set()) {
            man.render_options_section(&mut section)?;
        }
        man.render_extra_section(&mut section)?;
        sections.push((words, String::from_utf8_lossy(&section).into_owned()));
    }
    Ok(())
}

/// What every command understands stands once, on top.
fn without_globals(command: &clap::Command) -> clap::Command {
    let hidden = |argument: clap::Arg| {
        let is_global = argument.is_global_set() || argument.get_id() == "help";
        if is_global { argument.hide(true) } else { argument }
    };
    command.clone().mut_args(hidden)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    #[test]
    fn the_manual_has_every_command_with_its_options_and_examples() {
        let page = super::page(super::super::command_line()).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        for part in [
            ".SH \"KIOSK-ENROLL QUEUE EXPORT\"",
            "--passphrase-file",
            ".SH \"KIOSK-ENROLL DIAG\"",
            "kiosk-enroll diag --out support.tar.gz",
        ] {
            assert!(page.contains(part), "{part} is not in:\n{page}");
        }
        let (top, commands) = page.split_once(".SH \"KIOSK-ENROLL DEMO\"").unwrap();
        assert!(!commands.contains("--config"), "what every command understands is told once");
        assert!(top.contains("--config") && top.contains(".SH \"EXIT STATUS\""), "{top}");
        assert!(!page.contains("(1)"), "there is no other page");
    }
}
