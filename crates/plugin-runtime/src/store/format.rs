//! The forms that a state file may have, and the way from an older one to this version's.

use redb::{Database, ReadableTable as _, TableDefinition, WriteTransaction};

use super::outbox::Outbox;
use super::{Backlog, STATE};

/// The form that this version writes. An older version refuses it, since it would find no events where it looks for them.
const FORMAT: &[u8] = b"2";

/// The form before: each event is one value.
const WHOLE_EVENTS: &[u8] = b"1";

/// Where the events were then.
const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");

/// What a database holds.
pub(super) enum Contents {
    /// This version's tables, with so much in the outbox.
    Ours(Backlog),
    /// The tables of another version.
    Foreign { format: String },
}

/// Makes the tables of a new file, brings those of an older one into this version's form, and counts what waits.
pub(super) fn begin(database: &Database) -> Result<Contents, redb::Error> {
    let transaction = database.begin_write()?;
    let format = transaction.open_table(STATE)?.get("format")?.map(|format| format.value().to_vec());
    match format.as_deref() {
        Some(FORMAT) => {}
        None => drop(transaction.open_table(STATE)?.insert("format", FORMAT)?),
        Some(WHOLE_EVENTS) => {
            split_events(&transaction)?;
            transaction.open_table(STATE)?.insert("format", FORMAT)?;
        }
        Some(other) => return Ok(Contents::Foreign { format: String::from_utf8_lossy(other).into_owned() }),
    }
    let backlog = Outbox::open(&transaction)?.backlog()?;
    transaction.commit()?;
    Ok(Contents::Ours(backlog))
}

/// Keeps the events of the form before in parts, each with the same bytes and in the same place.
fn split_events(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    {
        let mut outbox = Outbox::open(transaction)?;
        for entry in transaction.open_table(OUTBOX)?.iter()? {
            let (seq, text) = entry?;
            outbox.keep(seq.value(), text.value())?;
        }
    }
    transaction.delete_table(OUTBOX)?;
    Ok(())
}
