//! A proxy that loses answers: the request arrives, and its connection ends before the answer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::server::Server;

/// Forwards connections to one server after the other, which may be away in between.
pub(crate) struct LossyProxy {
    url: String,
    target: Arc<Mutex<String>>,
    lost: Arc<AtomicU64>,
}

impl LossyProxy {
    /// Forwards to `server`, and loses the answer of every `one_in`th connection.
    pub(crate) async fn start(server: &Server, one_in: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let target = Arc::new(Mutex::new(server.address().to_owned()));
        let lost = Arc::new(AtomicU64::new(0));
        let (to, losses) = (Arc::clone(&target), Arc::clone(&lost));
        tokio::spawn(async move {
            let mut connections = 0u64;
            while let Ok((client, _)) = listener.accept().await {
                connections += 1;
                let losses = connections
                    .is_multiple_of(one_in)
                    .then(|| Arc::clone(&losses));
                let address = to.lock().clone();
                tokio::spawn(forward(client, address, losses));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            target,
            lost,
        }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Directs new connections to `server`.
    pub(crate) fn forward_to(&self, server: &Server) {
        server.address().clone_into(&mut self.target.lock());
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }
}

async fn forward(mut client: TcpStream, address: String, losses: Option<Arc<AtomicU64>>) {
    let Ok(mut server) = TcpStream::connect(address).await else {
        return;
    };
    let Some(losses) = losses else {
        // Either side may be killed.
        let _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    };
    let (mut from_client, _) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut first = [0];
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        // The server has answered: what it did is done.
        read = from_server.read(&mut first) => if matches!(read, Ok(1)) {
            losses.fetch_add(1, Ordering::SeqCst);
        },
    }
}
