//! A TCP proxy that stands for the line between a kiosk and the server, and for what goes wrong on it.
//!
//! A change of the line ends every connection on it: what comes next meets the line as it is then.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, sleep};

/// So many bytes of a client pass a line that breaks in the middle: a whole handshake, but no picture.
const MIDDLE: u64 = 20_000;

/// What the line does to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nobody listens.
    Refuses,
    /// Carries everything.
    Whole,
    /// Takes connections and carries nothing.
    BlackHole,
    /// Resets a connection as soon as it is there.
    ResetsAtOnce,
    /// Resets it in the middle of a request.
    ResetsDuring,
    /// Resets it when the server has the whole request, before any answer.
    ResetsAfter,
    /// Carries one byte a second to the client.
    Trickles,
}

/// See the module.
pub(crate) struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    route: Route,
    /// Bound but deaf, while the line refuses.
    deaf: Option<TcpSocket>,
}

/// Where a connection goes, and how many requests have arrived there.
#[derive(Clone)]
struct Route {
    server: SocketAddr,
    arrived: watch::Receiver<usize>,
}

impl Proxy {
    /// A line to `server`, which tells how many requests it has wholly received.
    pub(crate) fn new(server: SocketAddr, arrived: watch::Receiver<usize>, line: Line) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let route = Route { server, arrived };
        let mut proxy = Self { address, line: watch::Sender::new(line), route, deaf: Some(socket) };
        if line != Line::Refuses {
            proxy.listen();
        }
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set(&mut self, line: Line) {
        self.line.send_if_modified(|now| std::mem::replace(now, line) != line);
        self.listen();
    }

    /// Ends every connection, so that the next request needs a new one.
    pub(crate) fn hang_up(&self) {
        self.line.send_modify(|_| {});
    }

    fn listen(&mut self) {
        if let Some(socket) = self.deaf.take() {
            let listener = socket.listen(64).unwrap();
            tokio::spawn(accept(listener, self.route.clone(), self.line.subscribe()));
        }
    }
}

async fn accept(listener: TcpListener, route: Route, line: watch::Receiver<Line>) {
    while let Ok((client, _)) = listener.accept().await {
        let (route, mut line) = (route.clone(), line.clone());
        tokio::spawn(async move {
            let now = *line.borrow_and_update();
            let mut client = client;
            tokio::select! {
                _ = carry(&mut client, route, now) => {}
                _ = line.changed() => {}
            }
            // The next thing that the client hears is a reset; all that was carried wholly has gone before.
            if now != Line::Whole {
                let _ = client.set_zero_linger();
            }
        });
    }
}

async fn carry(client: &mut TcpStream, mut route: Route, line: Line) -> std::io::Result<()> {
    match line {
        Line::Refuses | Line::ResetsAtOnce => return Ok(()),
        Line::BlackHole => return std::future::pending().await,
        _ => {}
    }
    route.arrived.mark_unchanged();
    let mut server = TcpStream::connect(route.server).await?;
    match line {
        Line::ResetsDuring => {
            let (from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let mut start = from_client.take(MIDDLE);
            tokio::select! {
                _ = copy(&mut start, &mut to_server) => {}
                _ = copy(&mut from_server, &mut to_client) => {}
            }
        }
        Line::ResetsAfter => {
            tokio::select! {
                _ = copy_bidirectional(client, &mut server) => {}
                _ = route.arrived.changed() => {}
            }
        }
        Line::Trickles => {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let trickle = async {
                while let Ok(byte) = from_server.read_u8().await {
                    to_client.write_u8(byte).await?;
                    sleep(Duration::from_secs(1)).await;
                }
                Ok::<(), std::io::Error>(())
            };
            tokio::select! {
                _ = copy(&mut from_client, &mut to_server) => {}
                _ = trickle => {}
            }
        }
        _ => {
            copy_bidirectional(client, &mut server).await?;
        }
    }
    Ok(())
}
