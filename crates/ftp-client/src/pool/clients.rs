//! One client for each configuration, so that what it has learnt of its server lasts.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Config;
use crate::connect::Client;

/// The most clients that are remembered. One with the machine's roots holds some hundred kilobytes.
const MOST_CLIENTS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Clients {
    known: HashMap<Arc<Config>, Known>,
    /// How often any of them was asked for.
    uses: u64,
}

#[derive(Debug)]
struct Known {
    client: Client,
    last_use: u64,
}

impl Clients {
    pub(super) fn get(&mut self, config: &Config) -> Option<Client> {
        let known = self.known.get_mut(config)?;
        self.uses += 1;
        known.last_use = self.uses;
        Some(known.client.clone())
    }

    /// Remembers a client, and forgets the one that was not asked for the longest when there are too many. Gives the one to
    /// use: another one for the same configuration may have come first.
    pub(super) fn keep(&mut self, client: Client) -> Client {
        if let Some(first) = self.get(client.config()) {
            return first;
        }
        if self.known.len() >= MOST_CLIENTS {
            self.forget_one();
        }
        self.uses += 1;
        let known = Known { client: client.clone(), last_use: self.uses };
        self.known.insert(Arc::clone(client.config()), known);
        client
    }

    fn forget_one(&mut self) {
        let oldest = self.known.iter().min_by_key(|(_, known)| known.last_use);
        if let Some(config) = oldest.map(|(config, _)| Arc::clone(config)) {
            self.known.remove(&config);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;

    fn config(password: &str) -> Config {
        Config::new("h", Credentials::parse("u", password).unwrap())
    }

    fn client(password: &str) -> Client {
        Client::new(config(password)).unwrap()
    }

    #[test]
    fn a_client_is_that_of_the_whole_configuration() {
        let mut clients = Clients::default();
        let first = clients.keep(client("one"));
        assert!(Arc::ptr_eq(clients.get(&config("one")).unwrap().config(), first.config()));
        assert!(clients.get(&config("two")).is_none());
        // Made at the same time by somebody else: what the first learns, both know.
        assert!(Arc::ptr_eq(clients.keep(client("one")).config(), first.config()));
    }

    #[test]
    fn the_one_that_was_not_asked_for_the_longest_is_forgotten() {
        let mut clients = Clients::default();
        for number in 0..MOST_CLIENTS {
            clients.keep(client(&number.to_string()));
        }
        clients.get(&config("0")).unwrap();
        clients.keep(client("one more"));
        assert!(clients.get(&config("0")).is_some() && clients.get(&config("one more")).is_some());
        assert!(clients.get(&config("1")).is_none());
        assert_eq!(clients.known.len(), MOST_CLIENTS);
    }
}
