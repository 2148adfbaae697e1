//! Inspects HTTP/1 requests before the HTTP library does, to reject those that two servers could parse differently (request smuggling).
//!
//! hyper takes both `Transfer-Encoding` and `Content-Length` for chunked, and drops the length before a handler could see it; and it
//! takes a line of a head that ends with LF alone. A proxy in front may do otherwise, and then a request hides in the body of
//! another. RFC 9112 (6.1, 2.2) allows rejecting both. hyper has no setting for it, so the bytes are looked at on their way to it.
//!
//! What is read here never decides where hyper sees a request begin. Where the two differ, hyper hands out a request whose head was
//! not seen here, and that is refused, too.

use super::frames::Frames;

/// So much of each line is looked at: enough for a name that matters and its value.
const LOOKED_AT: usize = 64;
/// A size of more digits is none that hyper takes.
const SIZE_DIGITS: usize = 16;

/// What is told to a client whose request is refused.
const BOTH: &str = "a request has either Transfer-Encoding or Content-Length, not both";
const BARE_LF: &str = "each line of a request's head ends with CR LF, not with LF alone";
const UNSEEN: &str = "the request before it does not end where this one begins";

/// The heads on one connection.
#[derive(Debug, Default)]
pub(super) struct Heads {
    place: Place,
    line: Line,
    head: Head,
    frames: Option<Frames>,
    /// Heads that were read to their end, and requests that were handed out.
    seen: u64,
    handed_out: u64,
    /// Why no further request is served.
    malformed: Option<&'static str>,
}

/// Where the next byte belongs.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Head,
    Body(u64),
    ChunkSize,
    /// The data of a chunk, and the end of its line.
    Chunk(u64),
    Trailers,
    /// To HTTP/2.
    Frames,
    /// To nothing that HTTP/1 knows.
    Elsewhere,
}

/// What of a line has come.
#[derive(Debug)]
struct Line {
    bytes: [u8; LOOKED_AT],
    /// How long it is, which may be more than is looked at.
    length: usize,
    last: u8,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; LOOKED_AT],
            length: 0,
            last: 0,
        }
    }
}

/// What the lines of a head have said so far.
#[derive(Debug, Default)]
struct Head {
    begun: bool,
    chunked: bool,
    length: Option<u64>,
    bare_lf: bool,
}

impl Heads {
    /// These bytes have come.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Elsewhere => return,
                Place::Frames => {
                    let frames = self.frames.get_or_insert_with(Frames::after_the_first_line);
                    return frames.read(bytes);
                }
                Place::Body(left) => self.skip(bytes, left, Place::Body, Place::Head),
                Place::Chunk(left) => self.skip(bytes, left, Place::Chunk, Place::ChunkSize),
                Place::Head | Place::ChunkSize | Place::Trailers => self.read_line(bytes),
            };
        }
    }

    /// The library hands out the next HTTP/1 request. Says why it is refused, if it is.
    pub(super) fn hand_out(&mut self) -> Option<&'static str> {
        self.handed_out += 1;
        if self.handed_out < self.seen {
            return None;
        }
        let unseen = (self.handed_out > self.seen).then_some(UNSEEN);
        self.malformed.or(unseen)
    }

    /// Whether the next byte belongs to the body of an HTTP/1 request.
    pub(super) fn are_in_body(&self) -> bool {
        match self.place {
            Place::Body(_) | Place::ChunkSize | Place::Chunk(_) | Place::Trailers => true,
            Place::Head | Place::Frames | Place::Elsewhere => false,
        }
    }

    /// Whether the head of an HTTP/2 request has begun and not ended.
    pub(super) fn has_open_block(&self) -> bool {
        self.frames.as_ref().is_some_and(Frames::head_is_open)
    }

    fn skip<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        within: fn(u64) -> Place,
        after: Place,
    ) -> &'a [u8] {
        let skipped = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left - skipped as u64;
        self.place = if left == 0 { after } else { within(left) };
        &bytes[skipped..]
    }

    fn read_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.line.push(part);
        if end.is_none() {
            return rest;
        }
        let line = std::mem::take(&mut self.line);
        self.place = match self.place {
            Place::Head => self.head_line(&line),
            Place::ChunkSize => line
                .chunk_size()
                .map_or(Place::Elsewhere, |size| match size {
                    0 => Place::Trailers,
                    size => Place::Chunk(size + 2),
                }),
            Place::Trailers if !line.ends_with_cr() => Place::Elsewhere,
            Place::Trailers if line.is_empty() => Place::Head,
            other => other,
        };
        &rest[1..]
    }

    fn head_line(&mut self, line: &Line) -> Place {
        let first = !self.head.begun;
        if first && self.seen == 0 && line.text() == b"PRI * HTTP/2.0" {
            return Place::Frames;
        }
        self.head.bare_lf |= !line.ends_with_cr();
        if !line.is_empty() {
            self.head.begun = true;
            if !first && !self.head.read_header(line) {
                return Place::Elsewhere;
            }
            return Place::Head;
        }
        // Empty lines before a request are skipped.
        if first {
            return Place::Head;
        }
        let head = std::mem::take(&mut self.head);
        self.seen += 1;
        self.malformed = match &head {
            Head { bare_lf: true, .. } => Some(BARE_LF),
            Head {
                chunked: true,
                length: Some(_),
                ..
            } => Some(BOTH),
            _ => None,
        };
        match head {
            _ if self.malformed.is_some() => Place::Elsewhere,
            Head { chunked: true, .. } => Place::ChunkSize,
            Head {
                length: Some(length @ 1..),
                ..
            } => Place::Body(length),
            _ => Place::Head,
        }
    }
}

impl Head {
    /// Returns whether the library can continue after it.
    fn read_header(&mut self, line: &Line) -> bool {
        let text = line.text();
        let Some(colon) = text.iter().position(|byte| *byte == b':') else {
            // A name that is longer than what is looked at is none that matters.
            return line.is_cut();
        };
        let (name, value) = (&text[..colon], &text[colon + 1..]);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.length = number(value.trim_ascii(), 10);
            return self.length.is_some() && !line.is_cut();
        }
        true
    }
}

impl Line {
    fn push(&mut self, part: &[u8]) {
        let Some(last) = part.last() else {
            return;
        };
        let from = self.length.min(LOOKED_AT);
        let kept = part.len().min(LOOKED_AT - from);
        self.bytes[from..from + kept].copy_from_slice(&part[..kept]);
        self.length += part.len();
        self.last = *last;
    }

    fn ends_with_cr(&self) -> bool {
        self.length > 0 && self.last == b'\r'
    }

    fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    fn is_cut(&self) -> bool {
        self.length > LOOKED_AT
    }

    /// What is looked at of it, without its end.
    fn text(&self) -> &[u8] {
        let text = &self.bytes[..self.length.min(LOOKED_AT)];
        match text {
            [text @ .., b'\r'] if !self.is_cut() => text,
            text => text,
        }
    }

    fn chunk_size(&self) -> Option<u64> {
        let text = self.text();
        let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let digits = digits.count();
        if digits > SIZE_DIGITS || !self.ends_with_cr() {
            return None;
        }
        let size = number(&text[..digits], 16)?;
        size.checked_add(2).map(|_| size)
    }
}

/// A number of digits alone.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let signed = digits.starts_with('+');
    u64::from_str_radix(digits, radix).ok().filter(|_| !signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 8] = [
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length:  5 \r\nContent-Length: 5\r\n\r\nGET /",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n05;a=b\r\nab\r\nc\r\n19 \r\nGET / HTTP/1.1\r\n\r\nGET / H\r\n0\r\na: b\r\nc: d\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.0\r\nx-content-length: 7\r\ncontent-length: 2\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\nx: 0123456789012345678901234567890123456789012345678901234567890\r\ncontent-length: 1\r\n\r\nx",
    ];

    /// Why each of these requests is refused, when they come in pieces of so many bytes.
    fn refusals(text: &str, requests: usize, piece: usize) -> Vec<Option<&'static str>> {
        let mut heads = Heads::default();
        for piece in text.as_bytes().chunks(piece) {
            heads.read(piece);
        }
        (0..requests).map(|_| heads.hand_out()).collect()
    }

    #[test]
    fn requests_one_after_the_other_are_told_apart_however_they_are_cut() {
        let text = GOOD.concat();
        for piece in 1..text.len() {
            let refused = refusals(&text, GOOD.len() + 1, piece);
            let (served, beyond) = refused.split_at(GOOD.len());
            assert_eq!(served, [None; GOOD.len()], "pieces of {piece} bytes");
            assert_eq!(beyond, [Some(UNSEEN)], "pieces of {piece} bytes");
        }
    }

    #[test]
    fn a_request_with_two_lengths_is_refused_and_all_behind_it() {
        for (malformed, why) in [
            (
                "POST / HTTP/1.1\r\ncontent-length: 5\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n",
                BOTH,
            ),
            (
                "POST / HTTP/1.1\r\ntransfer-encoding:\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                BOTH,
            ),
            ("GET / HTTP/1.1\nhost: a\r\n\r\n", BARE_LF),
            ("GET / HTTP/1.1\r\nx: a\ny: b\r\n\r\n", BARE_LF),
            ("GET / HTTP/1.1\r\nx: a\r\n\n", BARE_LF),
        ] {
            let text = format!("{}{malformed}{}", GOOD[4], GOOD[0]);
            for piece in 1..text.len() {
                let refused = refusals(&text, 3, piece);
                assert_eq!(refused[0], None, "{malformed:?}");
                assert_eq!(refused[1..], [Some(why); 2], "{malformed:?}");
            }
        }
    }

    #[test]
    fn what_comes_where_the_library_may_see_another_end_is_not_served() {
        for unclear in [
            "POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let text = format!("{unclear}{}", GOOD[0]);
            let refused = refusals(&text, 2, 7);
            assert_eq!(refused[1], Some(UNSEEN), "{unclear:?}");
        }
    }
}
