//! Leaves out what the storage engine says of being fenced.
//!
//! SlateDB reports it as an error of each of its tasks. In a cluster it is what happens to the engine of a partition that was handed over, and
//! whenever it matters, this server says itself that another one has taken over.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;

/// The target of SlateDB, and what its lines say of being fenced.
const ENGINE: &str = "slatedb";
const FENCED: &str = "error=Fenced";

/// Drops these lines, unless the setting `log` asks for the DEBUG lines of SlateDB.
pub(super) struct FencedEngines {
    wanted: bool,
}

impl FencedEngines {
    /// For the filter in the setting `log`.
    pub(super) fn new(filter: &str) -> Self {
        let wanted = filter.parse::<Targets>().unwrap_or_default();
        Self {
            wanted: wanted.would_enable(ENGINE, &Level::DEBUG),
        }
    }
}

impl<S: Subscriber> Layer<S> for FencedEngines {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        // SlateDB logs through the crate `log`.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if self.wanted || !metadata.target().starts_with(ENGINE) {
            return true;
        }
        let mut message = Message::default();
        event.record(&mut message);
        !message.0.contains(FENCED)
    }
}

/// The text of a line.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{fmt, registry};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged with this filter of lines that SlateDB and this server write.
    fn logged(filter: &str) -> String {
        let written = Written::default();
        let writer = written.clone();
        let lines = fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(false);
        let layers = registry().with(FencedEngines::new(filter)).with(lines);
        tracing::subscriber::with_default(layers, || {
            tracing::error!(target: "slatedb::dispatcher", "task failed [name=first, error=Fenced, panic=None]");
            tracing::error!(target: "slatedb::dispatcher", "task failed [name=second, error=IoError, panic=None]");
            tracing::warn!(target: "log_app", "third: error=Fenced");
        });
        let written = written.0.lock().clone();
        String::from_utf8(written).expect("text")
    }

    #[test]
    fn only_what_the_engine_says_of_being_fenced_is_left_out() {
        let text = logged("info");
        assert!(!text.contains("first"), "{text}");
        assert!(text.contains("second") && text.contains("third"), "{text}");
        assert!(logged("info,slatedb=debug").contains("first"));
    }
}
