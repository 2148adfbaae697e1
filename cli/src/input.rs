//! Lines of standard input or a file, within a limit.

use std::io::{BufRead, ErrorKind};

use memchr::memchr;

/// The longest line: more than any record takes as JSON with the limits of a server by default.
pub(crate) const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// What was read of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// All of it, with its newline if it has one.
    Line,
    /// There is no more.
    End,
    /// It is longer than the limit.
    TooLong,
}

/// Reads the next line into `line`, which is emptied first.
///
/// # Errors
/// When the input cannot be read.
pub(crate) fn read_line(
    input: &mut impl BufRead,
    limit: usize,
    line: &mut Vec<u8>,
) -> std::io::Result<Read> {
    line.clear();
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(match line.is_empty() {
                true => Read::End,
                false => Read::Line,
            });
        }
        let end = memchr(b'\n', available);
        let taken = end.map_or(available.len(), |end| end + 1);
        if line.len() + taken > limit {
            return Ok(Read::TooLong);
        }
        line.extend_from_slice(&available[..taken]);
        input.consume(taken);
        if end.is_some() {
            return Ok(Read::Line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(text: &str, limit: usize) -> (Vec<String>, Read) {
        let mut input = BufReader::with_capacity(3, text.as_bytes());
        let mut lines = Vec::new();
        let mut line = Vec::new();
        loop {
            match read_line(&mut input, limit, &mut line).expect("memory is read") {
                Read::Line => lines.push(String::from_utf8(line.clone()).expect("text")),
                end => return (lines, end),
            }
        }
    }

    #[test]
    fn lines_are_read_whole_whatever_the_buffer_holds() {
        let (read, end) = lines("a\n\nlonger line\nlast", 100);
        assert_eq!(read, ["a\n", "\n", "longer line\n", "last"]);
        assert_eq!(end, Read::End);
    }

    #[test]
    fn a_line_over_the_limit_is_told() {
        assert_eq!(lines("abc\n", 4).1, Read::End);
        assert_eq!(lines("abcd\n", 4).1, Read::TooLong);
    }
}
