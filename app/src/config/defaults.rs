//! What holds for settings that nobody gives.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytesize::ByteSize;
use log_adapters::http::HttpOptions;
use log_adapters::store::slate;
use log_domain::Limits;

use super::*;

impl Default for Config {
    fn default() -> Self {
        let (limits, slate, http) = (
            Limits::default(),
            slate::Options::default(),
            HttpOptions::default(),
        );
        let bytes = |bytes: usize| ByteSize::b(bytes as u64);
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            log: "info,slatedb=warn,object_store=warn,poem=warn".into(),
            log_format: LogFormat::default(),
            tls: security::Tls::default(),
            auth: security::Auth::default(),
            admin: security::Admin::default(),
            http: Http::default(),
            storage: Storage::default(),
            read_only: false,
            reader: Reader::default(),
            cluster: Cluster::default(),
            limits: LimitsSection {
                request_bytes: bytes(limits.request_bytes),
                key_bytes: bytes(limits.key_bytes),
                value_bytes: bytes(limits.value_bytes),
                record_headers: limits.record_headers,
                record_header_bytes: bytes(limits.record_header_bytes),
                batch_records: limits.batch_records,
                page_records: limits.page_records,
                page_bytes: bytes(limits.page_bytes),
                append_queue_requests: limits.append_queue_requests,
                append_queue_bytes: bytes(limits.append_queue_bytes),
                followers: limits.followers,
                producers: slate.producers.limit,
                cursors: limits.cursors,
                connections: 20_000,
                requests: 20_000,
                connection_streams: 128,
                header_bytes: ByteSize::kib(64),
            },
            segments: Segments::default(),
            retention: RetentionSection::default(),
            producers: Producers {
                expire_after: slate.producers.expire_after,
            },
            durability: Durability {
                flush_interval: slate
                    .settings
                    .flush_interval
                    .unwrap_or(Duration::from_millis(100)),
                flush_spacing: slate.flush_spacing,
            },
            timeouts: Timeouts {
                append: slate.append_timeout,
                read: http.read_timeout,
                headers: Duration::from_secs(10),
                body: http.body_timeout,
                idle: Duration::from_secs(180),
                linger: Duration::from_secs(30),
                heartbeat: http.heartbeat,
                check: slate.check_timeout,
                open: slate.open_timeout,
            },
            shutdown: Shutdown {
                timeout: Duration::from_secs(45),
                lame_duck: None,
                fenced: Duration::from_secs(2),
            },
            memory: Memory {
                block_cache: ByteSize::b(slate.block_cache_bytes),
                meta_cache: ByteSize::b(slate.meta_cache_bytes),
                key_table: ByteSize::b(slate.key_table_bytes),
                requests: ByteSize::mib(256),
                answers: ByteSize::b(http.answer_bytes),
                streams: ByteSize::b(http.stream_bytes),
                unflushed: bytes(slate.settings.max_unflushed_bytes),
            },
            cache: Cache::default(),
            slatedb: SlateDb::default(),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            data_dir: None,
            sync: true,
            in_memory: false,
            s3: S3::default(),
            gcs: Gcs::default(),
            azure: Azure::default(),
            wal: Wal::default(),
            instance: None,
            take_over: false,
            create: Create::default(),
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Config::default().limits
    }
}

impl Default for Producers {
    fn default() -> Self {
        Config::default().producers
    }
}

impl Default for Durability {
    fn default() -> Self {
        Config::default().durability
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Config::default().timeouts
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Config::default().shutdown
    }
}

impl Default for Memory {
    fn default() -> Self {
        Config::default().memory
    }
}
