//! The forms that a state file may have, and the way from an older one to this version's.

use redb::{Database, ReadableTable as _, TableDefinition, WriteTransaction};

use super::outbox::Outbox;
use super::{Backlog, STATE, TRANSACTION_OVERHEAD};
use crate::room::Room;

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

/// Makes the tables of a new file, brings those of an older one into this version's form, and counts what waits. A file
/// that has this form is not written to.
///
/// # Errors
/// The database fails, or the disk has no room for both forms at once.
pub(super) fn migrate(database: &Database, room: &Room) -> Result<Contents, redb::Error> {
    let transaction = database.begin_write()?;
    let format = transaction.open_table(STATE)?.get("format")?.map(|format| format.value().to_vec());
    match format.as_deref() {
        Some(FORMAT) => return Ok(Contents::Ours(Outbox::open(&transaction)?.backlog()?)),
        None => {}
        Some(WHOLE_EVENTS) => split_events(&transaction, room)?,
        Some(other) => return Ok(Contents::Foreign { format: String::from_utf8_lossy(other).into_owned() }),
    }
    transaction.open_table(STATE)?.insert("format", FORMAT)?;
    let backlog = Outbox::open(&transaction)?.backlog()?;
    transaction.commit()?;
    Ok(Contents::Ours(backlog))
}

/// Keeps the events of the form before in parts, each with the same bytes and in the same place.
fn split_events(transaction: &WriteTransaction, room: &Room) -> Result<(), redb::Error> {
    {
        let whole = transaction.open_table(OUTBOX)?;
        let mut bytes = TRANSACTION_OVERHEAD;
        for entry in whole.iter()? {
            bytes += entry?.1.value().len() as u64;
        }
        // Before anything is written, as for every transaction. The reserve is for what has to be kept already.
        room.clone().into_reserve().check(bytes)?;
        let mut outbox = Outbox::open(transaction)?;
        for entry in whole.iter()? {
            let (seq, text) = entry?;
            outbox.keep(seq.value(), text.value())?;
        }
    }
    transaction.delete_table(OUTBOX)?;
    Ok(())
}
