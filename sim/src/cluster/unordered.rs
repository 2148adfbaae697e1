//! A reader of all partitions with `order=none`, which goes from page to page at any node, through everything that happens.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::clients::{Client, json_of};
use super::planted::Face;
use super::record::Final;
use crate::time::now_ms;

/// The reader.
pub(super) struct Unordered {
    client: Client,
    face: Face,
    random: StdRng,
    /// Where it continues.
    positions: Value,
    read: Final,
}

impl Unordered {
    /// One that asks as `client`.
    pub(super) fn new(client: Client, seed: u64, face: Face) -> Self {
        Self {
            client,
            face,
            random: StdRng::seed_from_u64(seed),
            positions: json!([]),
            read: Final::new(),
        }
    }

    /// Reads durable records until `until_ms`.
    pub(super) async fn work(mut self, until_ms: u64) -> Self {
        while now_ms() < until_ms {
            self.page("durable").await;
            let pause = self.random.random_range(0..300);
            sleep(Duration::from_millis(pause)).await;
        }
        self
    }

    /// Reads on to the ends of all partitions, and gives all that it ever read; nothing if no node answers for long.
    pub(super) async fn finish(mut self) -> Option<Final> {
        let mut failures = 0;
        loop {
            match self.page("memory").await {
                Some(true) => {}
                Some(false) => return Some(self.read),
                None if failures > 100 => return None,
                None => {
                    failures += 1;
                    sleep(Duration::from_millis(300)).await;
                }
            }
        }
    }

    /// Reads one page, and says whether there may be more; nothing if that was refused.
    async fn page(&mut self, visibility: &str) -> Option<bool> {
        let limit = self.random.random_range(1..60);
        let body = json!({ "prefix": "", "order": "none", "visibility": visibility, "limit": limit, "positions": self.positions });
        let node = self.client.some_node();
        let path = "/api/v1/log/scan";
        let answer = self.client.ask(node, Method::POST, path, Some(&body));
        let answer = answer.await.ok()?;
        if answer.status != StatusCode::OK {
            return None;
        }
        let mut page = json_of(&answer);
        self.face.told(&mut page["positions"]);
        for record in page["values"].as_array()? {
            let text = |name: &str| {
                let bytes = STANDARD.decode(record[name].as_str()?).ok()?;
                String::from_utf8(bytes).ok()
            };
            let of_key = self.read.entry(text("key")?).or_default();
            of_key.push((record["sequence"].as_u64()?, text("value")?));
        }
        self.positions = page["positions"].take();
        Some(page["more"] == true)
    }
}
