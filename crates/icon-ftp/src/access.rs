//! The way of every step from the connection's settings to a session: what whoever runs the program has decided, and what
//! all steps share.

use ftp_client::{Client, Pool, Pooled};
use plugin_runtime::Failure;

use crate::actions::upload::Cleanups;
use crate::connection::Connection;
use crate::failure;
use crate::settings::Settings;

/// Cheap to clone but for the list of allowed hosts.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    pub(crate) cleanups: Cleanups,
}

impl Access {
    /// A client for a step that runs once. Nothing is dialled yet.
    ///
    /// # Errors
    ///
    /// A setting that cannot be used.
    pub(crate) fn client(&self, connection: &Connection) -> Result<Client, Failure> {
        connection.client(|config| self.pool.client(self.settings.once(config)))
    }

    /// A client for a step that comes again and again. Nothing is dialled yet.
    ///
    /// # Errors
    ///
    /// A setting that cannot be used.
    pub(crate) fn client_of_trigger(&self, connection: &Connection) -> Result<Client, Failure> {
        connection.client(|config| self.pool.client(self.settings.again_and_again(config)))
    }

    /// A session with a client's server.
    ///
    /// # Errors
    ///
    /// There is none: no connection, no login, no room.
    pub(crate) async fn session(&self, client: &Client) -> Result<Pooled, Failure> {
        self.pool.session(client).await.map_err(|error| failure::from_client(&error))
    }
}
