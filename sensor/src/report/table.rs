//! Rows into a table that fits the terminal: columns that matter least are left out before anything
//! is wrapped, and what was left out is said.

use std::collections::BTreeSet;

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::escape::for_terminal;

/// How tables are drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Columns of the terminal; `None` for as wide as the content is.
    pub width: Option<u16>,
    /// With colour and bold.
    pub colour: bool,
}

/// Space between two columns.
const GAP: u16 = 2;

/// The columns of one kind of table.
pub(super) struct Columns {
    /// Names, in order.
    pub names: &'static [&'static str],
    /// Those with numbers, aligned to the right.
    pub right: &'static [&'static str],
    /// Those that are left out where there is no room, the first one first.
    pub expendable: &'static [&'static str],
}

/// One output of one or more tables.
pub(super) struct Page {
    pub text: String,
    pub style: Style,
    left_out: BTreeSet<&'static str>,
}

impl Page {
    pub fn new(style: Style) -> Page {
        Page { text: String::new(), style, left_out: BTreeSet::new() }
    }

    /// Adds a table; each row has a cell per column.
    pub fn table(&mut self, columns: &Columns, rows: Vec<Vec<Cell>>) {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        // Never asked from here: what the terminal is comes with the style.
        table.force_no_tty();
        if self.style.colour {
            table.enforce_styling();
        }
        let names = columns.names.iter().map(|name| self.bold(Cell::new(name)));
        table.set_header(names).add_rows(rows);
        for (column, name) in table.column_iter_mut().zip(columns.names) {
            column.set_padding((0, GAP));
            if columns.right.contains(name) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        match self.style.width {
            Some(width) => {
                self.leave_out(&mut table, columns, width);
                table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
            }
            None => drop(table.set_content_arrangement(ContentArrangement::Disabled)),
        }
        for line in table.lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    fn leave_out(&mut self, table: &mut Table, columns: &Columns, width: u16) {
        let widths = table.column_max_content_widths();
        let mut total: u32 = widths.iter().map(|column| u32::from(column + GAP)).sum();
        for name in columns.expendable {
            if total <= u32::from(width) {
                return;
            }
            let Some(index) = columns.names.iter().position(|n| n == name) else { continue };
            if let (Some(column), Some(width)) = (table.column_mut(index), widths.get(index)) {
                column.set_constraint(comfy_table::ColumnConstraint::Hidden);
                total = total.saturating_sub(u32::from(width + GAP));
                self.left_out.insert(name);
            }
        }
    }

    /// Adds a line in bold.
    pub fn heading(&mut self, text: &str) {
        let text = for_terminal(text);
        if self.style.colour {
            self.text.push_str(&format!("\u{1b}[1m{text}\u{1b}[0m"));
        } else {
            self.text.push_str(&text);
        }
    }

    /// The text, with a word on what there was no room for.
    pub fn end(mut self) -> String {
        if !self.left_out.is_empty() {
            let names: Vec<&str> = self.left_out.into_iter().collect();
            self.text.push_str(&format!("(no room for {}; see --format json)\n", names.join(", ")));
        }
        self.text
    }

    /// A cell that stands out.
    pub fn alarming(&self, cell: Cell) -> Cell {
        if self.style.colour { cell.fg(Color::Red) } else { cell }
    }

    fn bold(&self, cell: Cell) -> Cell {
        if self.style.colour { cell.add_attribute(Attribute::Bold) } else { cell }
    }
}

/// A cell of text of any origin.
pub(super) fn plain(text: &str) -> Cell {
    Cell::new(for_terminal(text))
}

/// A cell with a number.
pub(super) fn number(number: u64) -> Cell {
    Cell::new(number)
}
