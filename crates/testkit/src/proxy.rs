//! A wire that can be cut: what stands behind it seems to go away and come back.

use std::{net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// Forwards connections to another address until it is cut.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    open: Arc<watch::Sender<bool>>,
    task: AbortHandle,
}

impl Proxy {
    /// Forwards whatever connects to [`Proxy::address`] to `target`, such as `127.0.0.1:5672`.
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let open = Arc::new(watch::Sender::new(true));
        let task = tokio::spawn(accept(listener, target, Arc::clone(&open))).abort_handle();
        Self { address, open, task }
    }

    /// Where to connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, and every new one at once.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: String, open: Arc<watch::Sender<bool>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut open = open.subscribe();
        if !*open.borrow() {
            continue;
        }
        let target = target.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = open.wait_for(|open| !*open) => {}
                () = forward(client, &target) => {}
            }
        });
    }
}

async fn forward(mut client: TcpStream, target: &str) {
    if let Ok(mut server) = TcpStream::connect(target).await {
        // Either side may end it; whoever is left sees the connection close.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}
