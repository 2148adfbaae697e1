//! The little program that every client runs against a live server: `opendata-log-program URL REFUSING_URL`. It prints what it sees.
//! At the second URL every request ends in another error. `opendata-log-program outcomes` appends what it is told to.

use std::error::Error;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use opendata_log_client::apis::configuration::Configuration;
use opendata_log_client::apis::log_api::{append, count, list_keys, list_segments, scan};
use opendata_log_client::models::{AppendRequest, Record, ScanResponse, Value};
use serde_json::{Value as Json, json};

use errors::{Kind, LogError};

mod errors;
mod outcomes;
mod retry;
mod whole_requests;

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// In a cluster, what keys begin with.
fn tag() -> String {
    std::env::var("TAG").unwrap_or_default()
}

/// The partition of the tag.
fn partition() -> Option<i64> {
    std::env::var("PARTITION").ok()?.parse().ok()
}

fn key() -> Vec<u8> {
    [tag().as_bytes(), &[0, 255, 10, 128]].concat()
}

fn other() -> Vec<u8> {
    format!("{}other", tag()).into_bytes()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    match &urls[..] {
        [outcomes] if outcomes == "outcomes" => outcomes::outcomes().await,
        [url, refusing_url] => {
            run(&client(url, None)).await?;
            be_refused(&client(refusing_url, None)).await
        }
        _ => Err(
            "usage: opendata-log-program URL REFUSING_URL, or opendata-log-program outcomes".into(),
        ),
    }
}

fn client(url: &str, token: Option<&str>) -> Configuration {
    Configuration {
        base_path: url.to_owned(),
        client: whole_requests::client(),
        bearer_access_token: token.map(str::to_owned),
        ..Configuration::new()
    }
}

async fn run(log: &Configuration) -> Done {
    let records = (0..5)
        .map(|number| Record::new(key(), vec![0, number]))
        .collect();
    let request = AppendRequest {
        await_durable: Some(true),
        ..AppendRequest::new(records)
    };
    let appended = append(log, request).await?;
    say(
        "appended",
        json!([appended.start_sequence, appended.records_appended]),
    );
    append_one(log, &other(), b"").await?;
    append_one(log, &key(), b"\xff last").await?;

    let all = pages(log, 0, None, 2).await?;
    let shown: Vec<_> = all
        .iter()
        .map(|value| json!([value.sequence, hex(&value.value)]))
        .collect();
    say("scanned", json!(shown));
    let part = pages(log, 1, Some(4), 1000).await?;
    say(
        "part",
        json!(part.iter().map(|value| value.sequence).collect::<Vec<_>>()),
    );
    let newest = last(log, 2).await?;
    let sequences: Vec<i64> = newest.values.iter().map(|value| value.sequence).collect();
    say("last", json!([sequences, newest.next_sequence]));
    say("count", json!(count_all(log, &key()).await?));
    say("keys", json!(keys(&log).await?));
    let some = list_keys(
        log,
        None,
        None,
        None,
        Some(&format!("{}oth", tag())),
        None,
        None,
        None,
        None,
        None,
        partition(),
    )
    .await?;
    say(
        "prefix",
        json!(
            some.keys
                .iter()
                .map(|key| hex(&key.key))
                .collect::<Vec<_>>()
        ),
    );
    let segments = list_segments(log, None, None, partition()).await?.segments;
    say(
        "segments",
        json!(
            segments
                .iter()
                .map(|segment| segment.start_seq)
                .collect::<Vec<_>>()
        ),
    );

    let vain = follow(log, 7, 50).await?;
    say("followed in vain", json!([vain.values, vain.next_sequence]));
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        append_one(log, &key(), b"late").await
    };
    let (followed, late) = tokio::join!(follow(log, 7, 30_000), later);
    late?;
    let followed = followed?;
    let arrived: Vec<_> = followed
        .values
        .iter()
        .map(|value| hex(&value.value))
        .collect();
    say("followed", json!([arrived, followed.next_sequence]));

    let empty = refusal(append_one(log, b"", b"").await)?;
    let large = refusal(append_one(log, &[0; 9000], b"").await)?;
    let typed = [
        empty.kind == Kind::InvalidArgument,
        large.kind == Kind::TooLarge,
    ];
    say("typed", json!(typed));
    let began = Instant::now();
    say("status", json!(refusal(count_all(log, b"").await)?.status));
    say(
        "not sent again",
        json!(began.elapsed() < Duration::from_millis(2500)),
    );
    Ok(())
}

async fn be_refused(log: &Configuration) -> Done {
    let shown = |error: LogError| json!([format!("{:?}", error.kind), error.status]);
    let mut errors = Vec::new();
    for _ in 0..20 {
        errors.push(shown(refusal(count_all(log, &key()).await)?));
    }
    say("errors", json!(errors));
    let mut appends = Vec::new();
    for _ in 0..2 {
        appends.push(shown(refusal(append_one(log, &other(), b"").await)?));
    }
    say("appends", json!(appends));
    Ok(())
}

async fn append_one(log: &Configuration, key: &[u8], value: &[u8]) -> Result<(), LogError> {
    let record = Record::new(key.to_vec(), value.to_vec());
    append(log, AppendRequest::new(vec![record]))
        .await
        .map(drop)
        .map_err(|error| LogError::of_append(error, log))
}

async fn count_all(log: &Configuration, key: &[u8]) -> Result<i64, LogError> {
    let key = BASE64_STANDARD.encode(key);
    let answer = count(log, None, Some(&key), None, None, None).await;
    answer
        .map(|answer| answer.count)
        .map_err(|error| LogError::of_read(error, log))
}

/// Page by page, through `nextSequence`.
async fn pages(
    log: &Configuration,
    mut start: i64,
    end: Option<i64>,
    page: i64,
) -> Done<Vec<Value>> {
    let key = BASE64_STANDARD.encode(key());
    let mut all = Vec::new();
    loop {
        let answer = scan(
            log,
            None,
            Some(&key),
            Some(start),
            end,
            Some(page),
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
        )
        .await?;
        if answer.values.is_empty() && answer.more != Some(true) {
            return Ok(all);
        }
        all.extend(answer.values);
        start = answer.next_sequence;
    }
}

async fn keys(log: &Configuration) -> Done<Vec<String>> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = list_keys(
            log,
            None,
            None,
            Some(1),
            None,
            None,
            None,
            after.as_deref(),
            None,
            None,
            partition(),
        )
        .await?;
        all.extend(page.keys.iter().map(|key| hex(&key.key)));
        let Some(next) = page.next_start_after else {
            return Ok(all);
        };
        after = Some(BASE64_STANDARD.encode(next));
    }
}

async fn last(log: &Configuration, count: i64) -> Result<ScanResponse, LogError> {
    let key = BASE64_STANDARD.encode(key());
    scan(
        log,
        None,
        Some(&key),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        Some(count),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    )
    .await
    .map_err(|error| LogError::of_read(error, log))
}

async fn follow(log: &Configuration, start: i64, wait_ms: i64) -> Result<ScanResponse, LogError> {
    let key = BASE64_STANDARD.encode(key());
    scan(
        log,
        None,
        Some(&key),
        Some(start),
        None,
        None,
        Some(true),
        Some(wait_ms),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    )
    .await
    .map_err(|error| LogError::of_read(error, log))
}

fn refusal<T>(outcome: Result<T, LogError>) -> Done<LogError> {
    match outcome {
        Err(error) => Ok(error),
        Ok(_) => Err("it was not refused".into()),
    }
}

fn say(what: &str, seen: Json) {
    println!("{}", json!({ what: seen }));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
