//! `token status|set`: look after the bearer token, and never show it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::{Output, Tone};
use super::secret;
use super::setting::Setting;
use crate::app::{owner, renewal};
use crate::clock::{self, rfc3339};
use crate::config::SecretRights;
use crate::delivery::{Token, TokenError, TokenFile};
use crate::failure::{Exit, Failure};

/// Fewer days than this are worth a warning.
pub(super) const FEW_DAYS: u64 = 5;

/// Subcommands of `token`.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// How long the token lasts, where it is and who may read it
    Status,
    /// Replace the token; a running agent takes the new one by itself
    Set(SetArgs),
}

/// Arguments of `token set`.
#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The file with the bare token; "-" or nothing reads standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct TokenReport {
    path: PathBuf,
    mode: Option<String>,
    uid: Option<u32>,
    expires_at: Option<String>,
    days_left: Option<u64>,
    renewal: String,
    warnings: Vec<String>,
}

pub(super) fn run(
    command: TokenCommand,
    setting: &Setting,
    output: &Output,
) -> Result<(), Failure> {
    let path = setting.paths.token_file(setting.config.verifik.token_file.as_deref());
    match command {
        TokenCommand::Status => {
            let token = TokenFile::new(Some(path.clone())).read().map_err(|error| told(&error))?;
            // What can be renewed depends on the agent's rights, not on root's.
            owner::act_as_owner(&setting.paths.state)?;
            tell(&report(&path, &token, setting), output)
        }
        TokenCommand::Set(args) => {
            let text = match args.file.as_deref() {
                Some(file) if file != Path::new("-") => secret::read_file(file)?,
                _ => secret::read_input()?,
            };
            let token = parse(&text)?;
            if setting.paths.credentials.as_ref().is_some_and(|dir| path.starts_with(dir)) {
                let error = format!("{} is a credential of systemd's", path.display());
                return Err(Failure::new(Exit::Usage, error)
                    .hint("replace the file that LoadCredential= names, and restart the service"));
            }
            let whose = owner::whose(&path, &setting.paths.state);
            let dir = path.parent().unwrap_or(Path::new("."));
            if dir == setting.paths.state {
                crate::app::make_state_dir(dir)?;
            }
            // Also beside a running agent: in its folder the file must be its user's.
            owner::act_as_owner(dir)?;
            TokenFile::new(Some(path.clone()))
                .replace_for(&token, whose)
                .map_err(|error| told(&error))?;
            output.line(output.paint(Tone::Good, "replaced"));
            tell(&report(&path, &token, setting), output)
        }
    }
}

fn parse(text: &[u8]) -> Result<Token, Failure> {
    let refused = |what: String| {
        Failure::new(Exit::BadData, format!("the new token: {what}"))
            .hint("give the bare token on one line, without the word Bearer or quotes")
    };
    let text = std::str::from_utf8(text).map_err(|_| refused("it is not text".into()))?;
    Token::parse(text).map_err(|error| refused(error.to_string()))
}

fn report(path: &Path, token: &Token, setting: &Setting) -> TokenReport {
    let hindrance = owner::hindrance(path, &setting.paths.state);
    let permission = renewal::permission(&setting.config, &setting.paths);
    let now = clock::wall_now();
    let rights = SecretRights::of(path);
    let mut warnings = Vec::new();
    match token.expires_at() {
        Some(at) if at <= now => {
            warnings.push(format!("it expired at {}: updates will wait", rfc3339(at)));
        }
        Some(_) => warnings.extend(
            token
                .days_left(now)
                .filter(|days| *days < FEW_DAYS)
                .map(|days| format!("it lasts less than {} days more", days + 1)),
        ),
        None => {}
    }
    warnings.extend(hindrance);
    if let Some(rights) = rights.filter(|rights| rights.is_open()) {
        let wanted = rights.wanted();
        warnings.push(format!("others than it is meant for can read it: chmod {wanted:o}"));
    }
    TokenReport {
        path: path.to_owned(),
        mode: rights.map(|rights| format!("{:04o}", rights.mode)),
        uid: rights.map(|rights| rights.uid),
        expires_at: token.expires_at().map(rfc3339),
        days_left: token.days_left(now),
        renewal: renewal::plan_words(&permission, token.life()),
        warnings,
    }
}

fn tell(report: &TokenReport, output: &Output) -> Result<(), Failure> {
    let unknown = || "-".to_owned();
    let mode = report.mode.clone().unwrap_or_else(unknown);
    let uid = report.uid.map_or_else(unknown, |uid| uid.to_string());
    output.line(format!("file      {} (mode {mode}, user {uid})", report.path.display()));
    let lasts = match (&report.expires_at, report.days_left) {
        (Some(at), Some(days)) => format!("{days} days, until {at} (as it says itself)"),
        _ => "it does not say until when".to_owned(),
    };
    output.line(format!("lasts     {lasts}"));
    output.line(format!("renewal   {}", report.renewal));
    for warning in &report.warnings {
        output.line(format!("{}: {warning}", output.paint(Tone::Warning, "warning")));
    }
    output.json(report)
}

fn told(error: &TokenError) -> Failure {
    let exit = match error {
        TokenError::Unset => Exit::Configuration,
        TokenError::Missing { .. } => Exit::NoInput,
        TokenError::Malformed { .. } => Exit::BadData,
        TokenError::Unreadable { source, .. } | TokenError::Unwritable { source, .. } => {
            match source.kind() {
                std::io::ErrorKind::PermissionDenied => Exit::Permission,
                _ => Exit::Io,
            }
        }
    };
    Failure::caused(exit, error).hint(error.hint())
}
