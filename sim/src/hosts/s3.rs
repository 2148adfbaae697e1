//! The host `s3`: an object store in memory that speaks S3, and can be in trouble.

mod loss;
mod objects;
mod trouble;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use turmoil::net::TcpListener;

pub use loss::{Copies, Loss};
pub use objects::Objects;
use trouble::Troubled;
pub use trouble::{Trouble, Troubles};

/// Its name on the network.
pub const HOST: &str = "s3";
/// The only bucket.
pub const BUCKET: &str = "log-data";

const PORT: u16 = 9000;
const ACCESS_KEY: &str = "simulated";
const SECRET_KEY: &str = "simulated-secret";

/// The `AWS_*` variables of a server that uses this host.
pub fn variables(request_timeout_ms: u64) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT", format!("http://{HOST}:{PORT}")),
        ("AWS_ALLOW_HTTP", "true".into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.into()),
        ("AWS_CONNECT_TIMEOUT", "2s".into()),
        ("AWS_TIMEOUT", format!("{request_timeout_ms}ms")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What runs on the host.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(objects: Objects, troubles: Troubles) -> turmoil::Result {
    let mut builder = S3ServiceBuilder::new(objects);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = Troubled {
        s3: builder.build(),
        troubles,
    };
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .half_close(true)
                .serve_connection(TokioIo::new(stream), service);
            // A connection that breaks is the client's to notice.
            drop(connection.await);
        });
    }
}
