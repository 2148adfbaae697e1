//! Pages whose time was over.

use futures::StreamExt;

use super::*;

/// A store that takes all the time that a page has to read one sequence.
struct Slow(MemoryStore);

impl LogReader for Slow {
    async fn scan(&self, scan: &Scan) -> Result<Page> {
        let (start, end) = (scan.range.start(), scan.range.end());
        let mut one = scan.clone();
        one.range = SequenceRange::new(start, end.min(start.plus(1)))?;
        let mut page = self.0.scan(&one).await?;
        if page.next < end.min(self.0.watermarks().tip) {
            (page.complete, page.more) = (false, true);
        }
        tokio::time::sleep(scan.limit.time.expect("a time")).await;
        Ok(page)
    }
    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        self.0.keys(query).await
    }
    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        self.0.segments(range).await
    }
    async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        self.0.count(key, range).await
    }
    async fn cursor(&self, name: &CursorName) -> Result<Option<Cursor>> {
        self.0.cursor(name).await
    }
    async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        self.0.cursors(query).await
    }
    fn watermarks(&self) -> Watermarks {
        self.0.watermarks()
    }
    fn floor(&self) -> Sequence {
        self.0.floor()
    }
    fn prefix_floor(&self, key: &Key) -> Sequence {
        self.0.prefix_floor(key)
    }
    fn status(&self) -> Status {
        self.0.status()
    }
    async fn check(&self) -> Result<()> {
        self.0.check().await
    }
    async fn stopped(&self) -> Stopped {
        self.0.stopped().await
    }
}

impl LogWriter for Slow {
    async fn append(&self, append: Append, durability: Durability) -> Result<Appended> {
        self.0.append(append, durability).await
    }
    async fn trim(&self, trim: Trim) -> Result<Sequence> {
        self.0.trim(trim).await
    }
    async fn delete(&self, deletion: Deletion) -> Result<Sequence> {
        self.0.delete(deletion).await
    }
    async fn apply_rules(&self, rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        self.0.apply_rules(rules).await
    }
    async fn move_cursor(&self, wanted: CursorMove) -> Result<Cursor> {
        self.0.move_cursor(wanted).await
    }
    async fn delete_cursor(&self, name: &CursorName) -> Result<bool> {
        self.0.delete_cursor(name).await
    }
    fn stored(&self) -> Vec<StoredSegment> {
        self.0.stored()
    }
    async fn close(&self, within: Duration) -> Result<()> {
        self.0.close(within).await
    }
}

/// A server with a record of `k` behind three others.
async fn slow_server() -> Server<Slow> {
    let limits = Limits::default();
    let followers = Arc::new(Followers::new(&limits));
    let memory = Memory::new(SealPolicy::default(), ProducerPolicy::default());
    let store = MemoryStore::open(memory, Arc::new(SystemClock), Arc::clone(&followers) as _);
    let options = HttpOptions::default();
    let server = server(Slow(store), followers, limits, options, Ready(Ok(())));
    server.append("other", &["0", "1", "2"]).await;
    server.append("k", &["3"]).await;
    server
}

#[tokio::test(start_paused = true)]
async fn a_page_that_ends_in_time_may_be_empty_and_leads_on() {
    let server = slow_server().await;
    for next in 1..=3 {
        let start = next - 1;
        let uri = format!("/api/v1/log/scan?key=k&start_seq={start}");
        let expected = format!(
            r#"{{"status":"success","key":"aw==","values":[],"nextSequence":{next},"more":true}}"#
        );
        assert_eq!(server.get(&uri).await.line(), expected);
    }
    let page = server
        .get("/api/v1/log/scan?key=k&start_seq=3")
        .await
        .json();
    assert_eq!(page["values"][0]["sequence"], 3);
    assert_eq!(page["nextSequence"], 4);
    assert!(page.get("more").is_none());
}

#[tokio::test(start_paused = true)]
async fn pages_of_several_keys_end_in_time_however_they_are_asked_for() {
    let server = slow_server().await;
    let expected = r#"{"status":"success","keyText":"","values":[],"nextSequence":1,"more":true}"#;
    for query in ["prefix=k", "keys=k&keys=none"] {
        let uri = format!("/api/v1/log/scan?{query}&format=text");
        assert_eq!(server.get(&uri).await.line(), expected, "{query}");
    }
    let body = r#"{"keysText":["k","none"],"format":"text"}"#;
    let page = server.send(post("/api/v1/log/scan", &[]).body(body)).await;
    assert_eq!(page.line(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_stream_reads_on_through_pages_that_end_in_time() {
    let server = slow_server().await;
    for query in ["key=k", "prefix=k", "keys=k&keys=none"] {
        let uri = format!("/api/v1/log/stream?{query}");
        let response = server.response(get(&uri, &[])).await;
        let mut chunks = Box::pin(response.into_body().into_bytes_stream());
        loop {
            let chunk = chunks.next().await.expect("open").expect("a chunk");
            if chunk.starts_with(b"id: 3\n") {
                break;
            }
            assert_eq!(chunk, ": heartbeat\n\n", "{query}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_that_reads_for_longer_than_it_may_wait_says_how_far_it_came() {
    let server = slow_server().await;
    let uri = "/api/v1/log/scan?key=k&follow=true&timeout_ms=40000";
    let page = server.get(uri).await;
    assert_eq!(
        page.line(),
        r#"{"status":"success","key":"aw==","values":[],"nextSequence":3,"more":true}"#
    );
    let uri = "/api/v1/log/scan?key=k&start_seq=3&follow=true&timeout_ms=10000";
    assert_eq!(server.get(uri).await.json()["values"][0]["sequence"], 3);
}
