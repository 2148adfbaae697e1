//! Which objects a backup copies, and which a prune deletes. Pure, so that every crash in between can be tested.

use std::collections::{HashMap, HashSet};

use log_domain::{Error, Result};

use super::manifest::BackupObject;

/// An object that a backup is to contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its name below the path of the log.
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// Objects of earlier backups, by name.
pub(super) type Known = HashMap<String, BackupObject>;

/// What a backup does about its objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// These are in the repository already.
    pub(super) reused: Vec<BackupObject>,
    /// These are copied.
    pub(super) copied: Vec<Wanted>,
}

/// Plans for `wanted`: what is `known` and stored is not copied again.
///
/// # Errors
/// [`Error::Invalid`] for an object that the repository has with another length: objects of a log never change.
pub(super) fn plan(
    wanted: Vec<Wanted>,
    known: &Known,
    stored: &HashMap<String, u64>,
) -> Result<Plan> {
    let mut plan = Plan::default();
    for object in wanted {
        match known.get(&object.name) {
            Some(known) if known.bytes != object.bytes => {
                return Err(Error::invalid(format!(
                    "{} has {} bytes in the log and {} in an earlier backup: objects of a log never change, so the log is not \
                     the one that was backed up, or one of the two is damaged. Back up to another place",
                    object.name, object.bytes, known.bytes
                )));
            }
            Some(known) if stored.get(&object.name) == Some(&known.bytes) => {
                plan.reused.push(known.clone());
            }
            _ => plan.copied.push(object),
        }
    }
    Ok(plan)
}

/// A step of a prune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Forget the backup of this name.
    Forget(String),
    /// Delete this object.
    Delete(String),
}

/// The backups that a prune keeps of `names`, the oldest first, and those that it forgets.
pub(super) fn kept(names: &[String], keep: usize) -> (&[String], &[String]) {
    let (forgotten, kept) = names.split_at(names.len().saturating_sub(keep));
    (kept, forgotten)
}

/// The steps of a prune: first the backups that are forgotten, then the `stored` objects that nothing else `needs`. So after a
/// crash between any two steps every backup that is listed is whole, and the next prune does the rest.
pub(super) fn steps(
    forgotten: &[String],
    stored: impl IntoIterator<Item = String>,
    needed: &HashSet<String>,
) -> Vec<Step> {
    let unneeded = stored.into_iter().filter(|name| !needed.contains(name));
    let forgotten = forgotten.iter().cloned().map(Step::Forget);
    forgotten.chain(unneeded.map(Step::Delete)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn object(name: &str, bytes: u64) -> BackupObject {
        BackupObject {
            name: name.into(),
            bytes,
            sha256: String::new(),
        }
    }

    fn wanted(name: &str, bytes: u64) -> Wanted {
        let name = name.into();
        Wanted { name, bytes }
    }

    #[test]
    fn what_an_earlier_backup_has_is_not_copied_again_unless_it_is_gone() {
        let known = [("a", 1), ("b", 2)].map(|(name, bytes)| (name.into(), object(name, bytes)));
        let known = Known::from(known);
        let stored = HashMap::from([("a".to_owned(), 1), ("c".to_owned(), 3)]);
        let all = || vec![wanted("a", 1), wanted("b", 2), wanted("c", 3)];
        let planned = plan(all(), &known, &stored).expect("no conflict");
        assert_eq!(planned.reused, [object("a", 1)]);
        // The checksum of `c` is not known: an interrupted backup may have left half of it.
        assert_eq!(planned.copied, [wanted("b", 2), wanted("c", 3)]);
        let other = plan(vec![wanted("a", 9)], &known, &stored);
        assert!(matches!(other, Err(Error::Invalid(_))), "{other:?}");
    }

    /// The backups of a repository, and its objects.
    type State = (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>);

    fn steps_of((backups, objects): &State, keep: usize) -> Vec<Step> {
        let names: Vec<_> = backups.keys().cloned().collect();
        let (kept, forgotten) = kept(&names, keep);
        let needed = kept.iter().flat_map(|name| backups[name].clone());
        steps(forgotten, objects.clone(), &needed.collect())
    }

    fn apply((backups, objects): &mut State, step: &Step) {
        match step {
            Step::Forget(name) => drop(backups.remove(name)),
            Step::Delete(name) => drop(objects.remove(name)),
        }
    }

    proptest! {
        #[test]
        fn a_prune_that_crashes_anywhere_leaves_every_backup_whole_and_the_next_one_does_the_rest(
            backups in prop::collection::btree_map("[0-9]{2}", prop::collection::btree_set("[a-f]", 0..4), 0..6),
            left_over in prop::collection::btree_set("[a-j]", 0..6),
            keep in 1usize..4,
            crash in 0usize..20,
        ) {
            let of_backups = backups.values().flatten().cloned();
            let objects = of_backups.chain(left_over).collect();
            let mut state: State = (backups.clone(), objects);
            let expected: BTreeMap<_, _> = backups.into_iter().rev().take(keep).collect();
            for step in steps_of(&state, keep).iter().take(crash) {
                apply(&mut state, step);
                for (name, needs) in &state.0 {
                    prop_assert!(needs.is_subset(&state.1), "{} lost an object", name);
                }
            }
            for step in steps_of(&state, keep) {
                apply(&mut state, &step);
            }
            let needed = expected.values().flatten().cloned().collect();
            prop_assert_eq!(state, (expected, needed));
        }
    }
}
