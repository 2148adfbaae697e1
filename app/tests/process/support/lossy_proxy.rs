//! A proxy that loses answers: the request arrives, and its connection ends before the answer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::server::Server;

/// Forwards connections to one server after the other, which may be away in between. It ends when it is dropped.
pub(crate) struct LossyProxy {
    url: String,
    network: Arc<Network>,
    _connections: JoinSet<()>,
}

/// What all connections share.
struct Network {
    target: Mutex<String>,
    /// Of every so many answers one is lost.
    one_in: u64,
    answers: AtomicU64,
}

impl LossyProxy {
    /// Forwards to `server`, and loses every `one_in`th answer. A long answer, which comes in pieces, counts for several.
    pub(crate) async fn start(server: &Server, one_in: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let network = Arc::new(Network {
            target: Mutex::new(server.address().to_owned()),
            one_in,
            answers: AtomicU64::new(0),
        });
        let shared = Arc::clone(&network);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, Arc::clone(&shared)));
                // So that those that ended take no memory.
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            network,
            _connections: tasks,
        }
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// New connections go to `server` from now on.
    pub(crate) fn forward_to(&self, server: &Server) {
        server.address().clone_into(&mut self.network.target.lock());
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.network.answers.load(Ordering::SeqCst) / self.network.one_in
    }
}

/// Ends when either side closes the connection, or an answer is lost.
async fn carry(mut client: TcpStream, network: Arc<Network>) {
    let address = network.target.lock().clone();
    let Ok(mut server) = TcpStream::connect(address).await else {
        return;
    };
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let read = read.unwrap_or(0);
                if read == 0 || server.write_all(&from_client[..read]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let read = read.unwrap_or(0);
                // The server has answered: what it did is done.
                let is_lost = read > 0 && network.loses_this_one();
                if read == 0 || is_lost || client.write_all(&from_server[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Network {
    fn loses_this_one(&self) -> bool {
        let answer = self.answers.fetch_add(1, Ordering::SeqCst) + 1;
        answer.is_multiple_of(self.one_in)
    }
}
