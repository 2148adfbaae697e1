//! What must be true of sessions.

use crate::cluster::record::History;

/// An append of a session is answered once, and what is acknowledged lies in the order in which it was sent.
pub(super) fn in_order(history: &History) -> Vec<String> {
    let wrong = history.sessions.iter().filter(|session| {
        let pairs = session.acknowledged.windows(2);
        let mut pairs = pairs.map(|two| (two[0], two[1]));
        let in_order = pairs.all(|((start, count), (next, _))| start + count <= next);
        !in_order || session.answers > session.sent
    });
    wrong
        .map(|session| {
            format!(
                "{} at {} sent {} appends and got {} answers: {:?}",
                session.client, session.node, session.sent, session.answers, session.acknowledged
            )
        })
        .collect()
}
