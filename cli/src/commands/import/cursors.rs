//! Which cursors count the records of an import: one in each partition.

use std::num::NonZeroU32;

use opendata_log::partition_of;

/// The names of the cursors of an import into a log with so many partitions, in their order.
///
/// In a cluster, a cursor is in the partition of its name's tag, as keys are: the tag is the first number that is in the partition.
pub(super) fn names(id: &str, partitions: NonZeroU32) -> Vec<String> {
    if partitions.get() == 1 {
        return vec![format!("import/{id}")];
    }
    let mut names = vec![None; partitions.get() as usize];
    let mut missing = names.len();
    for number in 0_u64.. {
        let partition = partition_of(number.to_string(), partitions) as usize;
        if names[partition].is_none() {
            names[partition] = Some(format!("import/{{{number}}}/{id}"));
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    names.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cursor_is_in_its_partition_and_a_log_without_partitions_has_one() {
        for number in [2, 3, 64, 4096] {
            let partitions = NonZeroU32::new(number).expect("not 0");
            // Braces of the id come after the tag.
            let names = names(&"{x}".repeat(66), partitions);
            assert_eq!(names.len(), number as usize);
            for (partition, name) in names.iter().enumerate() {
                assert_eq!(partition_of(name, partitions) as usize, partition, "{name}");
                assert!(name.len() <= 256, "{name}");
            }
        }
        assert_eq!(names("{x}", NonZeroU32::MIN), ["import/{x}"]);
    }

    /// An import is resumed by later versions.
    #[test]
    fn the_names_stay() {
        let names = names("id", NonZeroU32::new(4).expect("not 0"));
        let expected = [
            "import/{1}/id",
            "import/{0}/id",
            "import/{5}/id",
            "import/{4}/id",
        ];
        assert_eq!(names, expected);
    }
}
