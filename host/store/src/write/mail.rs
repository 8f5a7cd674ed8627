//! Putting mail into inboxes.

use pointsman_model::Mail;
use rusqlite::{OptionalExtension as _, params};

use super::create::exists_or;
use super::{Durability, NewMail};
use crate::at_rest::Column;
use crate::schema::key;
use crate::{Store, StoreError};

impl Store {
    /// Puts a message into an inbox and gives it its number there. It is on disk when this returns.
    ///
    /// # Errors
    ///
    /// If there is no such session, or the state cannot be written.
    pub async fn send_mail(&self, new: NewMail) -> Result<Mail, StoreError> {
        let codec = self.codec().clone();
        self.write(Durability::Flushed, 4096, move |connection| {
            let session = new.to_session_id;
            let inbox = connection
                .prepare_cached(
                    "UPDATE sessions SET last_mail = last_mail + 1 WHERE uuid = ?1 RETURNING id, name, last_mail",
                )?
                .query_row([session.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((row, to_agent_name, seq)) = inbox else {
                return Err(StoreError::UnknownSession { session });
            };
            let mail = Mail {
                message_id: new.message_id,
                seq,
                from_agent_name: new.from_agent_name,
                from_session_id: new.from_session_id,
                to_agent_name,
                to_session_id: session,
                created_at: new.created_at,
                body: new.body,
                metadata: new.metadata,
            };
            connection
                .prepare_cached("INSERT INTO mail (id, uuid, mail) VALUES (?1, ?2, ?3)")?
                .execute(params![
                    key(row, seq),
                    mail.message_id.to_string(),
                    codec.put_json(Column::Mail, mail.message_id, &mail)?
                ])
                .map_err(|error| exists_or(error, "message", &mail.message_id))?;
            Ok(mail)
        })
        .await
    }
}
