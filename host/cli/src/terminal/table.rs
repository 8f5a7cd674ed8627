//! Tables that fit the terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table};

use super::out::Out;

/// On which side a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column: its heading and its side.
pub(crate) type Column = (&'static str, Align);

/// Draws a table without lines; columns shrink and wrap to the terminal's width, and keep theirs where there is none.
pub(crate) fn render(out: Out, columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.force_no_tty();
    if let Some(width) = out.width() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width);
    }
    let cell = |text: String, align: Align| {
        let side = if align == Align::Right { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    let heading = |&(name, align): &Column| cell(out.paint().dim(name.to_uppercase()), align);
    table.set_header(Row::from(columns.iter().map(heading).collect::<Vec<_>>()));
    for row in rows {
        let cells: Vec<_> =
            row.into_iter().zip(columns).map(|(text, &(_, align))| cell(text, align)).collect();
        table.add_row(Row::from(cells));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}
