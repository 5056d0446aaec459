//! The line to the clients: a listener whose connections break while the fault is [`FaultKind::Down`].

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::FaultKind;

/// The present fault, shared by every connection.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<RwLock<FaultKind>>);

impl Line {
    pub(super) fn new(fault: FaultKind) -> Self {
        Self(Arc::new(RwLock::new(fault)))
    }

    pub(super) fn fault(&self) -> FaultKind {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_fault(&self, fault: FaultKind) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub(super) fn listen(&self, listener: TcpListener) -> Lines {
        Lines { listener, line: self.clone() }
    }

    fn check(&self) -> io::Result<()> {
        match self.fault() {
            FaultKind::Down => Err(ErrorKind::ConnectionReset.into()),
            _ => Ok(()),
        }
    }
}

/// Accepts connections.
#[derive(Debug)]
pub(super) struct Lines {
    listener: TcpListener,
    line: Line,
}

impl Listener for Lines {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, client) = Listener::accept(&mut self.listener).await;
            if self.line.check().is_ok() {
                return (Connection { stream, line: self.line.clone() }, client);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that breaks at its next use once the line is down.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
