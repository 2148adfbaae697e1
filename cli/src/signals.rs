//! SIGINT and SIGTERM: the first ends the command in order, the second at once.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{Failure, INTERRUPTED, Outcome, TERMINATED};

/// How often a tail looks whether its reader is there.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// Tells when the command is to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(watch::Receiver<Option<u8>>);

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the process cannot handle signals.
    pub(crate) fn new() -> Outcome<Self> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::io("cannot handle signals", &error));
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let (told, receiver) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let code = tokio::select! {
                    _ = interrupt.recv() => INTERRUPTED,
                    _ = terminate.recv() => TERMINATED,
                };
                if told.borrow().is_some() {
                    std::process::exit(code.into());
                }
                told.send_replace(Some(code));
            }
        });
        Ok(Self(receiver))
    }

    /// Waits for the signal; gives the exit code.
    pub(crate) async fn wait(&mut self) -> u8 {
        match self.0.wait_for(Option::is_some).await {
            Ok(code) => code.unwrap_or(INTERRUPTED),
            // The task above never ends.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Waits until nobody reads standard output any more. Without it, a quiet tail would stay when its reader has gone. Never, if it is no pipe.
pub(crate) async fn reader_left() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    loop {
        let stdout = std::io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let has_left = match poll(&mut fds, Some(&at_once)) {
            Ok(_) => fds[0].revents().contains(PollFlags::ERR),
            Err(_) => false,
        };
        if has_left {
            return;
        }
        tokio::time::sleep(LOOK_AFTER).await;
    }
}
