use std::time::Duration;

use log_domain::{Sequence, Status, Stopped, Watermarks};

use super::*;
use ::slatedb_common::metrics::MetricsRecorder;

fn lines(metrics: &Metrics) -> Vec<String> {
    let text = metrics.render();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(str::to_owned).collect()
}

#[test]
fn the_service_is_counted_under_exactly_the_documented_names_without_labels() {
    let metrics = Metrics::new().expect("metrics");
    metrics.appended(2, 30);
    metrics.appended(1, 1);
    metrics.scanned(5, 70);
    metrics.dropped(2, 2_000);
    let counted = |line: &String| line.starts_with("log_") && line.contains("_total");
    assert_eq!(
        lines(&metrics)
            .into_iter()
            .filter(counted)
            .collect::<Vec<_>>(),
        [
            "log_append_bytes_total 31",
            "log_append_records_total 3",
            "log_bytes_scanned_total 70",
            "log_dropped_bytes_total 2000",
            "log_dropped_segments_total 2",
            "log_records_scanned_total 5",
        ]
    );
    let text = metrics.render();
    assert!(text.contains("# TYPE log_append_bytes_total counter\n"));
    assert!(text.contains("# HELP log_append_bytes_total Bytes of keys"));
}

#[test]
fn two_servers_do_not_share_counters() {
    let (one, other) = (
        Metrics::new().expect("metrics"),
        Metrics::new().expect("metrics"),
    );
    one.appended(1, 1);
    assert!(other.render().contains("log_append_records_total 0\n"));
}

#[test]
fn slatedb_metrics_are_named_after_it_with_underscores() {
    let metrics = Metrics::new().expect("metrics");
    let recorder = metrics.slatedb();
    recorder
        .register_counter("slatedb.db.writes", "Writes.", &[("op", "put")])
        .increment(3);
    recorder
        .register_gauge("cache.bytes", "Bytes.", &[])
        .set(-4);
    recorder
        .register_up_down_counter("slatedb.db.open", "", &[])
        .increment(2);
    let latency = recorder.register_histogram("slatedb.get.latency", "Seconds.", &[], &[0.1, 1.0]);
    latency.record(0.5);
    let text = metrics.render();
    for line in [
        "# HELP slatedb_db_writes_total Writes.",
        "# TYPE slatedb_db_writes_total counter",
        "slatedb_db_writes_total{op=\"put\"} 3",
        "# TYPE slatedb_cache_bytes gauge",
        "slatedb_cache_bytes -4",
        "slatedb_db_open 2",
        "# TYPE slatedb_get_latency histogram",
        "slatedb_get_latency_bucket{le=\"0.1\"} 0",
        "slatedb_get_latency_bucket{le=\"1\"} 1",
        "slatedb_get_latency_bucket{le=\"+Inf\"} 1",
        "slatedb_get_latency_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[test]
fn the_same_name_and_labels_are_the_same_metric() {
    let metrics = Metrics::new().expect("metrics");
    let recorder = metrics.slatedb();
    recorder
        .register_counter("slatedb.x", "X.", &[("a", "1"), ("b", "2")])
        .increment(1);
    recorder
        .register_counter("slatedb.x", "X.", &[("b", "2"), ("a", "1")])
        .increment(1);
    assert!(
        metrics
            .render()
            .contains("slatedb_x_total{a=\"1\",b=\"2\"} 2\n")
    );
}

#[test]
fn one_name_may_have_different_labels() {
    let metrics = Metrics::new().expect("metrics");
    let recorder = metrics.slatedb();
    recorder
        .register_counter("slatedb.x", "X.", &[("a", "1")])
        .increment(1);
    recorder
        .register_counter("slatedb.x", "Y.", &[("b", "1")])
        .increment(2);
    recorder.register_counter("slatedb.x", "", &[]).increment(3);
    let text = metrics.render();
    for line in [
        "slatedb_x_total{a=\"1\"} 1\n",
        "slatedb_x_total{b=\"1\"} 2\n",
        "slatedb_x_total 3\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(text.matches("# TYPE slatedb_x_total").count(), 1);
}

#[test]
fn what_cannot_be_exported_is_left_out_and_harms_nobody() {
    let metrics = Metrics::new().expect("metrics");
    let recorder = metrics.slatedb();
    recorder.register_gauge("slatedb.x", "X.", &[]).set(1);
    recorder
        .register_histogram("slatedb.x", "X.", &[], &[1.0])
        .record(1.0);
    recorder
        .register_histogram("slatedb.x", "X.", &[("a", "1")], &[1.0])
        .record(1.0);
    recorder
        .register_histogram("slatedb.y", "Y.", &[], &[2.0, 1.0])
        .record(1.0);
    recorder
        .register_counter("slatedb.z", "Z.", &[("1 bad", "\n\"")])
        .increment(1);
    assert!(metrics.render().contains("slatedb_x 1\n"));
    assert!(!metrics.render().contains("slatedb_y"));
}

#[test]
fn each_cursor_has_its_lag_for_as_long_as_it_exists() {
    let metrics = Metrics::new().expect("metrics");
    let lags = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let source = Arc::clone(&lags);
    metrics.watch_cursors(Arc::new(move || source.lock().clone()));
    let shown = || -> Vec<String> {
        let lines = lines(&metrics).into_iter();
        lines
            .filter(|line| line.starts_with("log_cursor_lag"))
            .collect()
    };
    assert_eq!(shown(), [""; 0]);
    *lags.lock() = vec![("a\"b".to_owned(), 3), ("c".to_owned(), 0)];
    let expected = [
        r#"log_cursor_lag{cursor="a\"b"} 3"#,
        r#"log_cursor_lag{cursor="c"} 0"#,
    ];
    assert_eq!(shown(), expected);
    lags.lock().remove(0);
    assert_eq!(shown(), expected[1..]);
    // More than an instrument would keep.
    *lags.lock() = (0..10_000).map(|n| (n.to_string(), n)).collect();
    assert_eq!(shown().len(), 10_000);
}

#[test]
fn what_an_operator_asks_next_is_there() {
    let metrics = Metrics::new().expect("metrics");
    metrics.committed(CommitStats {
        appends: 3,
        records: 30,
        waited: Duration::from_millis(2),
    });
    metrics.dropped(2, 2_000);
    let watermarks = Watermarks {
        tip: Sequence::new(50),
        durable: Sequence::new(20),
    };
    metrics.watch(Arc::new(move || GaugeValues {
        status: Status {
            watermarks,
            durable_lag: Duration::from_millis(1_500),
            queued_requests: 4,
            queued_bytes: 400,
            segments: 6,
            dead_segments: 2,
            purges: 3,
            oldest_purge: Duration::from_secs(14),
            cursors: 2,
            active_segment: 7,
            lag: Some(Duration::from_millis(2_500)),
            lag_sequences: Some(15),
            stopped: Some(Stopped::Fenced),
        },
        followers: 8,
        ready: false,
        writes_fail: Duration::from_secs(9),
        floor: 11,
    }));
    metrics.watch_stored(Arc::new(|| StoredValues {
        bytes: 12,
        oldest_segment: Duration::from_secs(13),
        oldest_record: Duration::from_secs(10),
    }));
    let text = metrics.render();
    for line in [
        "log_write_failure_seconds 9",
        "log_append_queue_bytes 400",
        "log_append_queue_requests 4",
        "log_active_segment 7",
        "log_dead_segments 2",
        "log_purges 3",
        "log_cursors 2",
        "log_oldest_purge_seconds 14",
        "log_commit_appends_sum 3",
        "log_commit_records_sum 30",
        "log_append_queue_wait_seconds_count 1",
        "log_durable_lag_records 30",
        "log_durable_lag_seconds 1.5",
        "log_reader_lag_seconds 2.5",
        "log_reader_lag_sequences 15",
        "log_durable_sequence 20",
        "log_fenced 1",
        "log_followers 8",
        "log_ready 0",
        "log_segments 6",
        "log_floor_sequence 11",
        "log_stored_bytes 12",
        "log_oldest_segment_age_seconds 13",
        "log_oldest_record_age_seconds 10",
        "log_dropped_segments_total 2",
        "log_dropped_bytes_total 2000",
        "log_tip_sequence 50",
        "log_build_info{version=\"0.1.0\"} 1",
        "# TYPE process_cpu_seconds_total counter",
        "# TYPE process_resident_memory_bytes gauge",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
}
