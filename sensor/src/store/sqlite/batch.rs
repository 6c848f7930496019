//! Rows by the hundred per statement: a call to the database's thread costs more than a row.

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

/// Rows of one statement. At most 11 columns each: far below SQLite's 32,766 parameters.
const ROWS_MAX: usize = 250;

/// Collects the rows of one upsert and writes them when there are [`ROWS_MAX`].
pub(super) struct Batch {
    into: &'static str,
    columns: usize,
    upsert: &'static str,
    rows: usize,
    arguments: SqliteArguments,
    error: Option<sqlx::Error>,
}

impl Batch {
    /// `into` is the statement up to the column list, which names `columns` of them; `upsert` are
    /// the assignments for a row that is there already.
    pub(super) fn new(into: &'static str, columns: usize, upsert: &'static str) -> Batch {
        Batch { into, columns, upsert, rows: 0, arguments: SqliteArguments::default(), error: None }
    }

    /// Adds the next column of the current row.
    pub(super) fn bind<'t, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'t, Sqlite> + Type<Sqlite> + 't,
    {
        if let Err(error) = self.arguments.add(value) {
            self.error = Some(sqlx::Error::Encode(error));
        }
        self
    }

    /// Ends the current row.
    pub(super) async fn row(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        self.rows += 1;
        debug_assert_eq!(self.arguments.len(), self.rows * self.columns);
        if self.rows < ROWS_MAX { Ok(()) } else { self.write(connection).await }
    }

    /// Writes what is left.
    pub(super) async fn finish(mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.rows == 0 { Ok(()) } else { self.write(connection).await }
    }

    async fn write(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        // Safe: fixed texts and question marks only.
        let sql = AssertSqlSafe(self.sql());
        let arguments = std::mem::take(&mut self.arguments);
        // Only whole batches come again with the same text, so only they are worth keeping.
        let whole = self.rows == ROWS_MAX;
        self.rows = 0;
        sqlx::query_with(sql, arguments).persistent(whole).execute(connection).await?;
        Ok(())
    }

    fn sql(&self) -> String {
        let row = format!("({}?)", "?, ".repeat(self.columns.saturating_sub(1)));
        let more = format!(", {row}").repeat(self.rows.saturating_sub(1));
        format!("{} VALUES {row}{more} ON CONFLICT DO UPDATE SET {}", self.into, self.upsert)
    }
}
