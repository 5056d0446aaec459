//! As much of HTTP as the scenarios ask with.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::agent::{Outcome, read_all, told};

/// Asks the agent's socket for a JSON document.
pub fn get_unix(socket: &Path, path: &str) -> Outcome<Value> {
    let stream = UnixStream::connect(socket).map_err(told("socket"))?;
    let body = get(stream, path)?;
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

/// Asks a server for a page.
pub fn get_tcp(address: &str, path: &str) -> Outcome<Vec<u8>> {
    get(TcpStream::connect(address).map_err(told(address))?, path)
}

fn get(mut stream: impl Read + Write, path: &str) -> Outcome<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: lab\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(told("request"))?;
    let answer = read_all(stream)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no HTTP answer")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    if head.split(' ').nth(1) != Some("200") {
        return Err(format!("{path}: {}", head.lines().next().unwrap_or_default()));
    }
    Ok(answer[end + 4..].to_vec())
}
