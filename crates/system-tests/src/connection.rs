//! One keep-alive connection that posts JSON and gets it.
//!
//! As little work as possible between a request and the next: whoever measures a service on the
//! same machine must not be what is measured.

use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const READ_BYTES: usize = 16 * 1024;
const ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    received: Vec<u8>,
}

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, whatever it is.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the request had its effect, now or before.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), received: Vec::with_capacity(READ_BYTES) })
    }

    /// Posts a body under an idempotency key and waits for the answer.
    ///
    /// After an error the connection must not be used again.
    pub async fn post(
        &mut self,
        path: &str,
        token: &str,
        key: &str,
        body: &str,
    ) -> io::Result<Answer> {
        self.request.clear();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.request).await?;
        self.answer().await
    }

    /// Sends a body with further header lines, each with its end, and waits for the answer.
    ///
    /// After an error the connection must not be used again.
    pub async fn send(
        &mut self,
        (method, path): (&str, &str),
        token: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             {headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    /// Asks for what is at a path. After an error the connection must not be used again.
    pub async fn get(&mut self, path: &str, token: &str) -> io::Result<Answer> {
        self.get_with(path, token, "").await
    }

    /// The same with further header lines, each with its end.
    pub async fn get_with(&mut self, path: &str, token: &str, headers: &str) -> io::Result<Answer> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        self.received.clear();
        let head_end = loop {
            if let Some(end) = position(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.receive().await?;
        };
        let head = std::str::from_utf8(&self.received[..head_end]).map_err(|_| broken())?;
        let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
        let length = content_length(head).ok_or_else(broken)?;
        while self.received.len() < head_end + length {
            self.receive().await?;
        }
        Ok(Answer { status, body: self.received[head_end..head_end + length].to_vec() })
    }

    async fn receive(&mut self) -> io::Result<()> {
        if ANSWER_LIMIT_BYTES < self.received.len() {
            return Err(broken());
        }
        self.received.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn content_length(head: &str) -> Option<usize> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is no answer with a length")
}
