//! Who asks for something by hand, and through which door.

/// The way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The agent's Unix socket.
    Socket,
    /// The agent's loopback address, with the local token.
    Loopback,
    /// A command that works on the state directory itself.
    Terminal,
    /// None: the agent does it by itself, as it is configured to.
    Agent,
}

impl Door {
    /// The name as it stands in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Loopback => "loopback",
            Self::Terminal => "terminal",
            Self::Agent => "agent",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The door that was used.
    pub door: Door,
    /// The system's user number; `None` behind a door that does not tell it.
    pub uid: Option<u32>,
}
