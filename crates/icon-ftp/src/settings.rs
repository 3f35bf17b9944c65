//! What whoever runs the program decides for all of its steps, whichever server they go to.

use std::time::Duration;

use clap::Args;
use ftp_client::{Config, HostPattern, Limits, PoolLimits, Retries};

/// Where these options stand in the help, apart from those of each command.
const HEADING: &str = "Limits and reach";

/// Limits, persistence and reach; options of every command, which may stand before or after it.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Download no file of more bytes than this. Without it the disk is the limit.
    #[arg(long, global = true, help_heading = HEADING, env = "PLUGIN_MAX_DOWNLOAD", value_name = "BYTES")]
    max_download: Option<u64>,
    /// Take no listing of more entries than this.
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "PLUGIN_MAX_LISTING",
        default_value_t = Limits::default().listing_entries,
        value_name = "ENTRIES"
    )]
    max_listing: usize,
    /// Try again so often what failed for now: a transfer that broke off, a server that is full.
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "PLUGIN_RETRIES",
        default_value_t = Retries::default().attempts,
        value_parser = clap::value_parser!(u32).range(0..=100),
        value_name = "NUMBER"
    )]
    retries: u32,
    /// Reach no FTP server and no proxy but these: names (`*.example.com`) and networks (`10.0.0.0/8`, `192.0.2.7`). The
    /// option can be given several times, or once with commas in it.
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "PLUGIN_ALLOW_HOST",
        value_delimiter = ',',
        value_name = "PATTERN"
    )]
    allow_host: Vec<HostPattern>,
    /// Have no more FTP sessions than this at once, where steps run side by side; further ones are waited for.
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "PLUGIN_MAX_SESSIONS",
        default_value_t = PoolLimits::default().sessions,
        value_parser = at_least_one,
        value_name = "NUMBER"
    )]
    max_sessions: usize,
    /// Have no more FTP sessions than this with one server; further ones are waited for.
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        env = "PLUGIN_MAX_SESSIONS_PER_HOST",
        default_value_t = PoolLimits::default().sessions_per_host,
        value_parser = at_least_one,
        value_name = "NUMBER"
    )]
    max_sessions_per_host: usize,
}

/// A number of sessions.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "a number from 1 is expected".to_owned())
}

impl Default for Settings {
    /// As without any of the options.
    fn default() -> Self {
        Self {
            max_download: None,
            max_listing: Limits::default().listing_entries,
            retries: Retries::default().attempts,
            allow_host: Vec::new(),
            max_sessions: PoolLimits::default().sessions,
            max_sessions_per_host: PoolLimits::default().sessions_per_host,
        }
    }
}

impl Settings {
    /// The limits of sessions in a process in which steps run side by side.
    pub(crate) fn pool(&self) -> PoolLimits {
        PoolLimits {
            sessions: self.max_sessions,
            sessions_per_host: self.max_sessions_per_host,
            ..PoolLimits::default()
        }
    }

    /// The configuration of a step that runs once.
    pub(crate) fn once(&self, config: Config) -> Config {
        let limits = Limits {
            listing_entries: self.max_listing,
            download_bytes: self.max_download,
            ..Limits::default()
        };
        let retries = Retries { attempts: self.retries, ..Retries::default() };
        Config { limits, retries, allowed: self.allow_host.iter().cloned().collect(), ..config }
    }

    /// The configuration of a step that comes again and again: it has a pace of its own, which also grows with failures,
    /// so within one turn a single further try is enough to get over a cut.
    pub(crate) fn again_and_again(&self, config: Config) -> Config {
        let config = self.once(config);
        Config {
            retries: Retries {
                attempts: self.retries.min(1),
                first_pause: Duration::from_secs(1),
                ..config.retries
            },
            ..config
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ftp_client::{AllowList, Credentials};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn config() -> Config {
        Config::new("h", Credentials::parse("u", "p").expect("credentials"))
    }

    #[test]
    fn options_become_limits_and_retries() {
        let line = "icon-ftp --max-download 5 --max-listing 7 --retries 0 --allow-host *.example.com --allow-host ::1,10.0.0.0/8";
        let settings = Line::parse_from(line.split(' ')).settings;
        let once = settings.once(config());
        assert_eq!((once.limits.download_bytes, once.limits.listing_entries), (Some(5), 7));
        assert_eq!(once.retries.attempts, 0);
        let allowed =
            ["*.example.com", "::1", "10.0.0.0/8"].map(|pattern| pattern.parse().expect("a pattern"));
        assert_eq!(once.allowed, AllowList::from_iter(allowed));
        let again = settings.again_and_again(config());
        assert_eq!(again.allowed, once.allowed);
        assert_eq!((again.limits.download_bytes, again.retries.attempts), (Some(5), 0));
    }

    #[test]
    fn sessions_have_limits_of_at_least_one() {
        let settings =
            Line::parse_from(["icon-ftp", "--max-sessions", "9", "--max-sessions-per-host", "1"]).settings;
        assert_eq!((settings.pool().sessions, settings.pool().sessions_per_host), (9, 1));
        assert_eq!(Settings::default().pool(), PoolLimits::default());
        assert!(Line::try_parse_from(["icon-ftp", "--max-sessions", "0"]).is_err());
    }

    #[test]
    fn without_options_the_usual_values_hold() {
        let once = Settings::default().once(config());
        assert_eq!((once.limits, once.retries), (Limits::default(), Retries::default()));
        assert_eq!(once.allowed, AllowList::default());
        let again = Settings::default().again_and_again(config());
        assert_eq!((again.limits, again.retries.attempts), (Limits::default(), 1));
    }
}
