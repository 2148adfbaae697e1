//! Reads orders, one a line: an append of a value of so many bytes, in so many attempts. Prints what became of each.
//!
//! `openapi/tests` runs it, as it runs such a program of each other client, against servers that refuse, restart, start or are busy.

#![expect(clippy::print_stdout, reason = "it answers there")]

use std::collections::HashMap;
use std::error::Error;

use opendata_log::{LogClient, Retry};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut clients = HashMap::new();
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let order: Value = serde_json::from_str(&line)?;
        let url = order["url"].as_str().ok_or("an order has a url")?;
        let token = order["token"].as_str().unwrap_or_default();
        let attempts = order["attempts"].as_u64().ok_or("an order has attempts")?;
        let bytes = order["bytes"].as_u64().ok_or("an order has bytes")?;
        let made = (url.to_owned(), token.to_owned(), attempts);
        if !clients.contains_key(&made) {
            clients.insert(made.clone(), client(url, token, u32::try_from(attempts)?)?);
        }
        // As many as the base64 of the other clients takes on its way.
        let value = vec![0; usize::try_from(bytes)? * 4 / 3];
        let outcome = match clients[&made].append([("orders", value)]).await {
            Ok(_) => json!(["Appended", null, ""]),
            Err(error) => json!([
                format!("{:?}", error.kind()),
                error.status(),
                error.to_string()
            ]),
        };
        println!("{outcome}");
    }
    Ok(())
}

/// One that says what is unknown in place of asking again, as the other clients do.
fn client(url: &str, token: &str, attempts: u32) -> Result<LogClient, opendata_log::Error> {
    let builder = LogClient::builder(url).without_producers().retry(Retry {
        attempts,
        ..Retry::default()
    });
    match token {
        "" => builder.build(),
        token => builder.token(token).build(),
    }
}
