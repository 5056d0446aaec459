//! Where the local page and API listen on loopback, if they do.
//!
//! A port that another program has keeps nobody from enrolling: the agent serves its Unix socket and tries the port
//! again until it is free.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::agent::raised;
use super::local_token;
use crate::config::{Config, Paths};
use crate::failure::{Exit, Failure};
use crate::web::{Kiosk, server};

/// The file in the state directory that holds the token for calls that change something.
const LOCAL_TOKEN: &str = "local.token";
/// How often a port is tried that another program has.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A listening address with the token that its state-changing calls need.
pub(super) struct Loopback {
    address: SocketAddr,
    /// Bound, not yet served; `None` while another program has the port.
    listener: Option<TcpListener>,
    /// What a page has to show to change anything.
    token: String,
}

impl Loopback {
    /// Listens on `web.listen`; `None` where only the Unix socket is wished for.
    ///
    /// # Errors
    /// When the address can never be bound, or the token neither read nor made.
    pub(super) async fn open(config: &Config, paths: &Paths) -> Result<Option<Self>, Failure> {
        let Some(address) = config.web_listen else { return Ok(None) };
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => Some(listener),
            Err(error) if passes(error.kind()) => {
                tracing::error!(
                    %address,
                    %error,
                    hint = "`ss -ltnp` names the other program; or choose another port",
                    "web.listen cannot be used: the local page waits for it"
                );
                None
            }
            Err(error) => {
                let error = format!("web.listen = \"{address}\" cannot be used: {error}");
                return Err(Failure::new(Exit::Configuration, error)
                    .hint("choose another port, or \"\" for the Unix socket only"));
            }
        };
        let token = local_token::load_or_create(&paths.state.join(LOCAL_TOKEN))?;
        Ok(Some(Self { address, listener, token }))
    }

    /// Serves until `stopped` is raised, from when the port can be had.
    ///
    /// # Errors
    /// When the listener fails.
    pub(super) async fn serve<K: Kiosk>(
        self,
        kiosk: K,
        stopped: watch::Receiver<bool>,
    ) -> std::io::Result<()> {
        let listener = match self.listener {
            Some(listener) => listener,
            None => tokio::select! {
                listener = bound(self.address, TRY_AGAIN) => listener,
                () = raised(stopped.clone()) => return Ok(()),
            },
        };
        server::serve_loopback(listener, kiosk, self.token, raised(stopped)).await
    }
}

/// Whether an address that cannot be bound now may be bound later.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable)
}

/// Tries until the address can be bound.
async fn bound(address: SocketAddr, pause: Duration) -> TcpListener {
    loop {
        tokio::time::sleep(pause).await;
        if let Ok(listener) = TcpListener::bind(address).await {
            tracing::info!(%address, "the local page can be served at last");
            return listener;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::config::{Layers, PathOverrides, Sources};

    #[tokio::test]
    async fn a_port_that_another_program_has_is_waited_for_instead_of_ending_the_agent() {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = other.local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let settings = vec![format!("web.listen={address}")];
        let layers = Layers::gather(&Sources { settings, ..Sources::default() }).unwrap();
        let config = Config::resolve(&layers).unwrap();
        let state_dir = Some(dir.path().to_owned());
        let paths = Paths::of_this_process(&PathOverrides { state_dir });
        let loopback = Loopback::open(&config, &paths).await.unwrap().unwrap();
        assert!(loopback.listener.is_none());
        let waiting = tokio::spawn(bound(loopback.address, Duration::from_millis(10)));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        drop(other);
        assert_eq!(waiting.await.unwrap().local_addr().unwrap(), address);
    }
}
