//! Tables for people.

use comfy_table::{CellAlignment, Table, presets};

/// Rows below a header, in columns that are as wide as they must be. Columns of numbers are on the right.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    numbers: &[usize],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["orders".to_owned(), "7".to_owned()],
            ["世界".to_owned(), "1,200".to_owned()],
        ];
        assert_eq!(
            table(["NAME", "LAG"], &[1], rows),
            "NAME      LAG\norders      7\n世界    1,200\n"
        );
    }
}
