use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Each write is announced, and does what the test answers.
struct Scripted {
    asked: Sender<Vec<u8>>,
    answers: Receiver<io::Result<usize>>,
}

struct Script {
    asked: Receiver<Vec<u8>>,
    answers: Sender<io::Result<usize>>,
}

const SOON: Duration = Duration::from_secs(10);

fn scripted() -> (LogWriter, Script) {
    let (ask, asked) = channel();
    let (answer, answers) = channel();
    let out = Scripted {
        asked: ask,
        answers,
    };
    let writer = LogWriter::start_on(out).expect("a thread");
    let script = Script {
        asked,
        answers: answer,
    };
    (writer, script)
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A test that has ended answers nothing more.
        let _ = self.asked.send(bytes.to_vec());
        self.answers
            .recv()
            .unwrap_or_else(|_| Err(ErrorKind::BrokenPipe.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Script {
    fn write(&self, answer: io::Result<usize>) -> String {
        let bytes = self.asked.recv_timeout(SOON).expect("a write");
        self.answers.send(answer).expect("a writer");
        String::from_utf8(bytes).expect("UTF-8")
    }
}

#[test]
fn a_line_that_is_not_taken_is_counted_and_the_next_is_tried() {
    let (writer, script) = scripted();
    writer.line(b"one\n");
    writer.line(b"two\n");
    assert_eq!(script.write(Err(ErrorKind::BrokenPipe.into())), "one\n");
    assert_eq!(script.write(Ok(4)), "two\n");
    writer.flush_lines();
    assert_eq!(writer.lost().dropped(), 1);
}

#[test]
fn a_line_after_one_that_was_cut_short_begins_on_its_own_line() {
    let (writer, script) = scripted();
    writer.line(b"one\n");
    writer.line(b"two\n");
    assert_eq!(script.write(Ok(2)), "one\n");
    assert_eq!(script.write(Err(ErrorKind::StorageFull.into())), "e\n");
    assert_eq!(script.write(Ok(1)), "\n");
    assert_eq!(script.write(Ok(4)), "two\n");
}

#[test]
fn a_full_non_blocking_standard_error_is_tried_again() {
    let (writer, script) = scripted();
    writer.line(b"one\n");
    assert_eq!(script.write(Err(ErrorKind::WouldBlock.into())), "one\n");
    assert_eq!(script.write(Ok(4)), "one\n");
    writer.flush_lines();
    assert_eq!(writer.lost().dropped(), 0);
}

#[test]
fn lines_that_nobody_takes_fill_a_buffer_and_then_are_dropped_and_the_exit_waits_a_second() {
    let (writer, script) = scripted();
    let line = [b'x'; 1 << 10];
    for _ in 0..(BUFFER / line.len()) + 7 {
        writer.line(&line);
    }
    assert_eq!(writer.lost().dropped(), 7);
    let before = tokio::time::Instant::now();
    writer.flush_lines();
    let took = before.elapsed();
    assert!(took >= FLUSH && took < SOON, "{took:?}");
    drop(script);
    writer.flush_lines();
    assert_eq!(writer.lost().dropped(), 7 + (BUFFER / line.len()) as u64);
}
