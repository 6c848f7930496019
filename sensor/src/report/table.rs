//! Rows into a table that fits the terminal: columns that matter least are left out before the others
//! are wrapped, and what was left out is said. A line breaks behind `/`, `.`, `-` and spaces only; what
//! has none of them and still does not fit is shortened in its middle, never broken.

use std::collections::BTreeSet;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
const GAP: usize = 2;

/// Width up to which a column is not wrapped while others can be left out.
const COMFORTABLE: usize = 44;

/// Below this nothing is shortened: a line rather gets too long.
const SHORTENED_MIN: usize = 8;

/// The columns of one kind of table.
pub(super) struct Columns {
    /// Names, in order.
    pub names: &'static [&'static str],
    /// Those with numbers, aligned to the right and never wrapped.
    pub right: &'static [&'static str],
    /// Those that are left out where there is no room, the first one first.
    pub expendable: &'static [&'static str],
}

/// Text of one row in one column; a no-break space is a space at which it does not wrap.
pub(super) struct Cell {
    text: String,
    is_alarming: bool,
}

/// One output of one or more tables.
pub(super) struct Page {
    pub text: String,
    pub style: Style,
    left_out: BTreeSet<&'static str>,
}

/// One column of a table that is being fitted.
struct Column {
    index: usize,
    name: &'static str,
    is_right: bool,
    /// Without any break.
    natural: usize,
    /// With every break.
    least: usize,
    width: usize,
}

impl Page {
    pub fn new(style: Style) -> Page {
        Page { text: String::new(), style, left_out: BTreeSet::new() }
    }

    /// Adds a table; each row has a cell per column.
    pub fn table(&mut self, columns: &Columns, rows: Vec<Vec<Cell>>) {
        let mut shown = measured(columns, &rows);
        if let Some(width) = self.style.width {
            self.leave_out(&mut shown, columns, width.into());
            narrow(&mut shown, width.into());
        }
        let names: Vec<Cell> = columns.names.iter().map(|name| Cell::new((*name).to_owned())).collect();
        self.row(&shown, &names, true);
        for row in &rows {
            self.row(&shown, row, false);
        }
    }

    fn leave_out(&mut self, shown: &mut Vec<Column>, columns: &Columns, width: usize) {
        for name in columns.expendable {
            let comfortable = |column: &Column| column.natural.min(column.least.max(COMFORTABLE));
            if total(shown.iter().map(comfortable)) <= width {
                return;
            }
            let before = shown.len();
            shown.retain(|column| column.name != *name);
            if shown.len() < before {
                self.left_out.insert(name);
            }
        }
    }

    fn row(&mut self, columns: &[Column], cells: &[Cell], is_head: bool) {
        let wrapped: Vec<(Vec<String>, bool)> = columns
            .iter()
            .map(|column| match cells.get(column.index) {
                Some(cell) => (wrap(&cell.text, column.width), cell.is_alarming),
                None => (Vec::new(), false),
            })
            .collect();
        let height = wrapped.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
        for at in 0..height {
            let mut line = String::new();
            // Spaces are written once something follows them.
            let mut behind = 0;
            for (column, (lines, is_alarming)) in columns.iter().zip(&wrapped) {
                let part = lines.get(at).map_or("", String::as_str);
                let free = column.width.saturating_sub(part.width());
                if !part.is_empty() {
                    let before = behind + if column.is_right { free } else { 0 };
                    line.extend(std::iter::repeat_n(' ', before));
                    self.paint(&mut line, part, is_head, *is_alarming);
                    behind = if column.is_right { 0 } else { free };
                } else {
                    behind += column.width;
                }
                behind += GAP;
            }
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    fn paint(&self, line: &mut String, part: &str, is_bold: bool, is_alarming: bool) {
        let code = match (is_bold, is_alarming) {
            _ if !self.style.colour => None,
            (true, _) => Some("1"),
            (_, true) => Some("31"),
            _ => None,
        };
        match code {
            Some(code) => line.push_str(&format!("\u{1b}[{code}m{part}\u{1b}[0m")),
            None => line.push_str(part),
        }
    }

    /// Adds a line in bold.
    pub fn heading(&mut self, text: &str) {
        let text = for_terminal(text);
        let mut line = String::new();
        self.paint(&mut line, &text, true, false);
        self.text.push_str(&line);
    }

    /// The text, with a word on what there was no room for.
    pub fn end(mut self) -> String {
        if !self.left_out.is_empty() {
            let names: Vec<&str> = self.left_out.into_iter().collect();
            self.text.push_str(&format!("(no room for {}; see --format json)\n", names.join(", ")));
        }
        self.text
    }
}

impl Cell {
    fn new(text: String) -> Cell {
        Cell { text, is_alarming: false }
    }

    /// The same with more text of ours behind it.
    pub fn with(mut self, more: &str) -> Cell {
        self.text.push_str(more);
        self
    }

    /// The same, standing out where there is colour.
    pub fn alarming(self) -> Cell {
        Cell { is_alarming: true, ..self }
    }
}

/// A cell of text of any origin.
pub(super) fn plain(text: &str) -> Cell {
    Cell::new(for_terminal(text).into_owned())
}

/// A cell with a number.
pub(super) fn number(number: u64) -> Cell {
    Cell::new(number.to_string())
}

fn measured(columns: &Columns, rows: &[Vec<Cell>]) -> Vec<Column> {
    let each = columns.names.iter().enumerate().map(|(index, name)| {
        let is_right = columns.right.contains(name);
        let texts = || rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.text.as_str());
        let natural = texts().map(UnicodeWidthStr::width).max().unwrap_or(0).max(name.width());
        let least = texts().chain([*name]).flat_map(pieces).map(|piece| piece.trim_end().width()).max();
        // Numbers and times are read as a whole.
        let is_whole = is_right || name.ends_with("SEEN");
        let least = if is_whole { natural } else { least.unwrap_or(0) };
        Column { index, name, is_right, natural, least, width: natural }
    });
    each.collect()
}

fn total(widths: impl Iterator<Item = usize>) -> usize {
    // The gap behind the last one is not drawn.
    widths.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Takes room from the widest columns, down to what they need with every break; if that is not enough,
/// from the widest again, whose longest pieces are then shortened.
fn narrow(columns: &mut [Column], width: usize) {
    let floors: [fn(&Column) -> usize; 2] = [
        |column| column.least,
        |column| {
            if column.least == column.natural && (column.is_right || column.name.ends_with("SEEN")) {
                column.least
            } else {
                SHORTENED_MIN.min(column.least)
            }
        },
    ];
    for floor in floors {
        while total(columns.iter().map(|column| column.width)) > width {
            let widest =
                columns.iter_mut().filter(|column| column.width > floor(column)).max_by_key(|c| c.width);
            match widest {
                Some(column) => column.width -= 1,
                None => break,
            }
        }
    }
}

/// Parts of a text behind each of which a line may end.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', '/', '.', '-'])
}

/// Lines of at most `width` columns.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if line.width() + piece.trim_end().width() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if piece.trim_end().width() > width {
            line.push_str(&shortened(piece, width));
        } else {
            line.push_str(piece);
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().replace('\u{a0}', " ")).collect()
}

/// The beginning and the end of a text with `…` between them, `width` columns together.
fn shortened(text: &str, width: usize) -> String {
    let taken = |chars: &mut dyn Iterator<Item = char>, mut room: usize| {
        let fitting = chars.take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= room;
            room = room.saturating_sub(width);
            fits
        });
        fitting.collect::<Vec<char>>()
    };
    let text = text.trim_end();
    let room = width.saturating_sub(1);
    let head = taken(&mut text.chars(), room.div_ceil(2));
    let mut tail = taken(&mut text.chars().rev(), room / 2);
    tail.reverse();
    head.into_iter().chain(['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_names_do() {
        assert_eq!(wrap("/api/v1/orders/{orderId}/items", 16), ["/api/v1/orders/", "{orderId}/items"]);
        assert_eq!(wrap("api.shop.example:8080", 13), ["api.shop.", "example:8080"]);
        assert_eq!(wrap("2xx\u{a0}10, 4xx\u{a0}2", 8), ["2xx 10,", "4xx 2"]);
        assert_eq!(wrap("abcdefghijklmnop", 9), ["abcd…mnop"]);
        assert_eq!(wrap("a/abcdefghijklmnop", 9), ["a/", "abcd…mnop"]);
        assert_eq!(wrap("", 9), [""]);
        assert_eq!(shortened("日本語日本語", 6), "日…語");
    }

    #[test]
    fn the_expendable_goes_first_then_the_widest_wraps() {
        const COLUMNS: Columns =
            Columns { names: &["PATH", "N", "LAST SEEN"], right: &["N"], expendable: &["LAST SEEN"] };
        let draw = |width| {
            let mut page = Page::new(Style { width: Some(width), colour: false });
            let row = vec![plain("/orders/{orderId}"), number(1234), plain("2025-01-01T00:00:00Z")];
            page.table(&COLUMNS, vec![row]);
            page.end()
        };
        assert_eq!(
            draw(45),
            "PATH                  N  LAST SEEN\n/orders/{orderId}  1234  2025-01-01T00:00:00Z\n"
        );
        assert_eq!(
            draw(30),
            "PATH                  N\n/orders/{orderId}  1234\n(no room for LAST SEEN; see --format json)\n"
        );
        assert_eq!(
            draw(16),
            "PATH           N\n/orders/    1234\n{orderId}\n(no room for LAST SEEN; see --format json)\n"
        );
    }
}
