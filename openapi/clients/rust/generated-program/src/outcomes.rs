//! Reads orders, one a line: an append of a value of so many bytes, in so many attempts. Prints what became of each.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use tokio::task::spawn_blocking;

use crate::retry::retried;
use crate::{Done, append_one, client};

pub async fn outcomes() -> Done {
    let mut clients = HashMap::new();
    // Beside the runtime, which notices meanwhile that a server closes a connection.
    while let Some(line) = spawn_blocking(|| std::io::stdin().lines().next()).await? {
        let order: Json = serde_json::from_str(&line?)?;
        let url = order["url"].as_str().ok_or("an order has a url")?;
        let token = order["token"].as_str().filter(|token| !token.is_empty());
        let attempts = order["attempts"].as_u64().ok_or("an order has attempts")?;
        let bytes = order["bytes"].as_u64().ok_or("an order has bytes")?;
        let value = vec![0; usize::try_from(bytes)?];
        let log = clients
            .entry((url.to_owned(), token.map(str::to_owned)))
            .or_insert_with(|| client(url, token));
        let outcome = retried(usize::try_from(attempts)?, async || {
            append_one(log, b"orders", &value).await
        });
        let outcome = match outcome.await {
            Ok(()) => json!(["Appended", null, ""]),
            Err(error) => json!([format!("{:?}", error.kind), error.status, error.message]),
        };
        println!("{outcome}");
    }
    Ok(())
}
