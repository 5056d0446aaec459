//! Where the local page and API listen on loopback, if they do.

use tokio::net::TcpListener;

use super::local_token;
use crate::config::{Config, Paths};
use crate::failure::{Exit, Failure};

/// The file in the state directory that holds the token for calls that change something.
const LOCAL_TOKEN: &str = "local.token";

/// A listening address with the token that its state-changing calls need.
pub(super) struct Loopback {
    /// Bound, not yet served.
    pub(super) listener: TcpListener,
    /// What a page has to show to change anything.
    pub(super) token: String,
}

impl Loopback {
    /// Listens on `web.listen`; `None` where only the Unix socket is wished for.
    ///
    /// # Errors
    /// When the address cannot be bound, or the token neither read nor made.
    pub(super) async fn open(config: &Config, paths: &Paths) -> Result<Option<Self>, Failure> {
        let Some(address) = config.web_listen else { return Ok(None) };
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::new(
                Exit::Configuration,
                format!("web.listen = \"{address}\" cannot be used: {error}"),
            )
            .hint("choose another port, or \"\" for the Unix socket only")
        })?;
        let token = local_token::load_or_create(&paths.state.join(LOCAL_TOKEN))?;
        Ok(Some(Self { listener, token }))
    }
}
