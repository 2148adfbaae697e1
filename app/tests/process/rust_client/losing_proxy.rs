//! A network that loses answers.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Each connection carries so many answers, and loses the next one.
const ANSWERS: usize = 7;

/// A proxy in front of a server, which may come and go. It ends when it is dropped.
pub(super) struct LosingProxy {
    address: SocketAddr,
    _connections: JoinSet<()>,
}

impl LosingProxy {
    pub(super) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("an address");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("accept");
                connections.spawn(carry(client, server));
                // So that those that ended take no memory.
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            _connections: tasks,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Ends when either side closes the connection, or an answer is lost.
async fn carry(mut client: TcpStream, server: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    let mut answers = 0;
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
                answers += 1;
                if read == 0 || answers > ANSWERS || client.write_all(&from_server[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
