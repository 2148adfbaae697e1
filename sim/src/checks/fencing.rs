//! What a server may still do when another one has taken over.

use super::View;
use crate::history::{Life, Moment, Outcome};

pub(super) fn fenced(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &view.history.lives {
        let taken = taken_over(view, life);
        let said = view.history.operations.iter().filter_map(|operation| {
            let fenced = matches!(operation.outcome(), Some(Outcome::Refused { code, .. }) if code == "fenced");
            let own = fenced && view.history.life_of(operation).is_some_and(|other| other.id == life.id);
            operation.answered.as_ref().filter(|_| own).map(|(when, _)| *when)
        });
        let said = said.min();
        for (operation, _, start) in view.history.acknowledged() {
            if view
                .history
                .life_of(operation)
                .is_none_or(|other| other.id != life.id)
            {
                continue;
            }
            let durable = operation.appends().is_some_and(|(_, durable)| durable);
            if durable && taken.is_some_and(|taken| taken < operation.called) {
                wrong.push(format!(
                    "#{} was acknowledged as durable ({start}) by {}, which had been taken over",
                    operation.id, life.node
                ));
            }
            if said.is_some_and(|said| said < operation.called) {
                wrong.push(format!(
                    "#{} was acknowledged ({start}) by {}, which had said that it was fenced",
                    operation.id, life.node
                ));
            }
        }
    }
    wrong
}

/// A server that had the log and finds another in possession does not open it by itself.
pub(super) fn away(view: &View<'_>) -> Vec<String> {
    let lives = &view.history.lives;
    let returning = lives
        .iter()
        .filter(|life| !life.take_over && life.opened.is_some());
    returning
        .filter_map(|life| {
            let opened = |other: &&Life| other.opened.is_some_and(|opened| opened < life.started);
            // Of two that open at the same time the later one may be the one that was fenced.
            let before = lives
                .iter()
                .filter(opened)
                .filter(|other| !(other.was_fenced() && other.over_by(life.started)))
                .max_by_key(|other| other.opened)?;
            let had = lives
                .iter()
                .filter(opened)
                .any(|other| other.node == life.node);
            let let_go = before.was_clean() && before.over_by(life.started);
            (had && before.node != life.node && !let_go).then(|| {
                format!(
                    "{} opened the log at {} ms by itself, and {} had it",
                    life.node, life.started.ms, before.node
                )
            })
        })
        .collect()
}

/// When another server had opened the log while this one lived.
///
/// Of two that open it at the same time the history does not tell which one fenced the other.
fn taken_over(view: &View<'_>, life: &Life) -> Option<Moment> {
    let opened = life.opened?;
    let others = view
        .history
        .lives
        .iter()
        .filter(|other| other.id != life.id && other.started > opened);
    others
        .filter_map(|other| other.opened.filter(|opened| !life.over_by(*opened)))
        .min()
}
