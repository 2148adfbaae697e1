//! Data that vanishes while no server runs, and an operator who puts it back when the server refuses to open the log.

use crate::checks::Violation;
use crate::history::Recorder;
use crate::hosts::s3::{Copies, Loss, Objects};
use crate::hosts::server::Process;

pub(super) struct Vanishing {
    objects: Objects,
    recorder: Recorder,
    /// What vanishes once the server has stopped.
    coming: Option<Coming>,
    gone: Vec<Gone>,
    violations: Vec<Violation>,
}

pub(super) struct Coming {
    pub(super) loss: Loss,
    pub(super) for_ms: u64,
    pub(super) recorded: usize,
}

/// What has vanished.
struct Gone {
    what: Coming,
    until_ms: u64,
    copies: Copies,
}

impl Vanishing {
    pub(super) fn new(objects: Objects, recorder: Recorder) -> Self {
        Self {
            objects,
            recorder,
            coming: None,
            gone: Vec::new(),
            violations: Vec::new(),
        }
    }

    pub(super) fn violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Has this vanish when the server, which was asked to stop, has ended.
    pub(super) fn comes(&mut self, coming: Coming) {
        self.cancel();
        self.coming = Some(coming);
    }

    /// Nothing more vanishes.
    pub(super) fn cancel(&mut self) {
        if let Some(coming) = self.coming.take() {
            self.recorder.over(coming.recorded);
        }
    }

    /// The server has ended. After a crash nothing vanishes: the watermark is then up to a minute behind, and a start
    /// does not notice the loss of what is newer.
    pub(super) fn ended(&mut self, process: Process, now: u64) {
        if !process.clean {
            self.cancel();
        }
        if let Some(what) = self.coming.take() {
            self.gone.push(Gone {
                until_ms: now + what.for_ms,
                copies: self.objects.lose(what.loss),
                what,
            });
        }
    }

    /// Puts back what vanished, between two attempts of the server to start. Once a server has opened the log without it,
    /// nothing is put back: then nothing may have been lost with it, which the checkers see in the final log.
    pub(super) fn look_after(&mut self, process: Process, now: u64, over: bool) {
        let idle = process.ended;
        let settled = |gone: &mut Gone| process.open || idle && (over || gone.until_ms <= now);
        for gone in self.gone.extract_if(.., settled) {
            if !process.open {
                self.objects.put_back(gone.copies);
            } else if gone.what.loss == Loss::Manifests {
                self.violations.push(Violation {
                    checker: "vanished",
                    message: format!("a server opened the log at {now} ms without manifests"),
                });
            }
            self.recorder.over(gone.what.recorded);
        }
    }
}
