//! Translates the outcome of a command into the process's exit code.

fn main() -> std::process::ExitCode {
    kiosk_enroll::cli::main(std::env::args_os())
}
