//! Inspects HTTP/2 frames: whether the head of a request has begun and not ended.
//!
//! Such a head comes in a frame HEADERS and any number of CONTINUATION. Until its end the library buffers it, where one byte may
//! take a hundred in memory, without a notification.

/// What is left of the preface after its first line.
const REST_OF_PREFACE: usize = 8;
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// The frames on one connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// What is skipped before the next frame: the content of the last one.
    skip: usize,
    header: [u8; HEADER],
    filled: usize,
    head_is_open: bool,
}

impl Frames {
    /// Those that come after the first line of the preface.
    pub(super) fn after_the_first_line() -> Self {
        Self {
            skip: REST_OF_PREFACE,
            header: [0; HEADER],
            filled: 0,
            head_is_open: false,
        }
    }

    /// These bytes have come.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = bytes.len().min(HEADER - self.filled);
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == HEADER {
                self.begin_frame();
            }
        }
    }

    /// Whether a head has begun and not ended.
    pub(super) fn head_is_open(&self) -> bool {
        self.head_is_open
    }

    fn begin_frame(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.filled = 0;
        self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
        if kind == HEADERS || kind == CONTINUATION {
            self.head_is_open = flags & END_HEADERS == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let header = [0, 0, length, kind, flags, 0, 0, 0, 1];
        [&header[..], &vec![HEADERS; length.into()]].concat()
    }

    #[test]
    fn a_head_is_open_from_its_first_frame_to_the_one_that_ends_it() {
        let all = [
            (b"\r\nSM\r\n\r\n".to_vec(), false),
            (frame(4, 0, 12), false),
            (frame(HEADERS, 5, 30), false),
            (frame(HEADERS, 1, 0), true),
            (frame(CONTINUATION, 0, 200), true),
            (frame(CONTINUATION, 4, 3), false),
            (frame(0, 1, 9), false),
        ];
        for piece in [1, 5, 8, 1_000] {
            let mut frames = Frames::after_the_first_line();
            for (bytes, open) in &all {
                bytes.chunks(piece).for_each(|part| frames.read(part));
                assert_eq!(frames.head_is_open(), *open, "{bytes:?} in {piece}");
            }
        }
    }
}
