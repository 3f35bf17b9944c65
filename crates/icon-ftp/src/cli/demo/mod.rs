//! `icon-ftp demo`: the newcomer's first minute. A server of its own, and the plugin's steps against it, each with the
//! start message that the platform sends and the event that it gets.
//!
//! Nothing is staged: the messages go through the same `step::execute` and `trigger::run` as those on stdin.

mod screen;
mod server;

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use plugin_runtime::trigger::{self, Destination, Surroundings};
use plugin_runtime::{Event, Mode, Plugin, StartMessage, log, step};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use self::screen::Screen;
use self::server::DemoServer;

/// `hello from the demo`, as the platform's type `bytes` carries it.
const GREETING: &str = "aGVsbG8gZnJvbSB0aGUgZGVtbwo=";

/// How long the monitor gets for its first look.
const HEAD_START: Duration = Duration::from_millis(500);

/// How long to wait for the monitor's event before another file is dropped.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many files are dropped before the demo gives up.
const DROPS: usize = 5;

/// Options of `icon-ftp demo`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Keep the server running afterwards, and show a start message to paste into `icon-ftp run`.
    #[arg(long)]
    keep: bool,
}

/// Plays the demo. Exit code 1 when a step of it failed.
pub(super) fn run(plugin: &Plugin, options: &Options) -> anyhow::Result<ExitCode> {
    log::install_for_events();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let server = DemoServer::start().await.context("the demo's FTP server does not start")?;
        let mut demo = Demo { plugin, screen: Screen::new(), server, all_good: true };
        demo.play().await?;
        if options.keep {
            demo.keep().await?;
        }
        Ok(if demo.all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

struct Demo<'p> {
    plugin: &'p Plugin,
    screen: Screen,
    server: DemoServer,
    all_good: bool,
}

impl Demo<'_> {
    async fn play(&mut self) -> anyhow::Result<()> {
        let address = self.server.address();
        self.screen.line(&format!("An FTP server with a few files is listening on {address}."))?;
        self.screen
            .line("Each step below is a start message on its way in, and the event on its way out.")?;

        self.screen.heading("1  Upload a file")?;
        let input = json!({"file_content": GREETING, "remote_path": "new/hello.txt", "create_folders": true, "atomic": true});
        let event = self.act("upload", input).await?;
        self.verdict(
            &event,
            "uploaded",
            "new/hello.txt is on the server, and its folder was made on the way",
        )?;

        self.screen.heading("2  Download it again")?;
        let event = self.act("download", json!({"path": "new/hello.txt"})).await?;
        let same = output(&event)["download"] == GREETING;
        self.verdict(&event, "downloaded", "the same bytes came back, with their SHA-256")?;
        self.all_good &= same;

        self.screen.heading("3  Watch a folder while somebody else puts a file there")?;
        self.watch().await?;

        self.screen.heading("4  Delete the file")?;
        let event = self.act("delete", json!({"path": "new/hello.txt"})).await?;
        self.verdict(&event, "deleted", "new/hello.txt is gone")?;

        self.screen.heading("5  Ask for what is not there")?;
        let event = self.act("download", json!({"path": "new/hello.txt"})).await?;
        let refused = output(&event)["downloaded"] == false && output(&event)["reason"].is_string();
        self.screen.result(refused, "a refusal is an answer with a reason, not an error")?;
        self.all_good &= refused;

        self.screen
            .line("\nNext: `icon-ftp demo --keep` leaves the server running for your own messages,")?;
        self.screen.line(
            "`icon-ftp sample download` prints a message to fill in, `icon-ftp run` takes it on stdin.",
        )?;
        Ok(())
    }

    /// Runs an action and shows both its sides.
    async fn act(&mut self, action: &str, input: Value) -> anyhow::Result<Value> {
        let message = self.message("action_start", json!({"action": action}), input);
        self.screen.json("start message", &message)?;
        let start = parse(&message)?;
        let event = shown(&step::execute(self.plugin, start, Mode::Run).await)?;
        self.screen.json("event", &event)?;
        Ok(event)
    }

    fn verdict(&mut self, event: &Value, field: &str, success: &str) -> anyhow::Result<()> {
        let succeeded = output(event)[field] == true;
        self.all_good &= succeeded;
        Ok(self.screen.result(succeeded, if succeeded { success } else { "that did not work" })?)
    }

    /// Runs the trigger until its first event has come, and ends it as the platform does: with the flag file.
    async fn watch(&mut self) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let dispatcher = json!({"url": "http://localhost:8000", "webhook_url": ""});
        let fields = json!({"trigger": "monitor", "dispatcher": dispatcher, "meta": {"triggerId": "demo"}});
        let message = self.message("trigger_start", fields, json!({"path": "incoming", "interval": 1}));
        self.screen.json("start message", &message)?;

        let (sender, mut events) = mpsc::unbounded_channel();
        let surroundings = Surroundings {
            cache_dir: folder.path().to_owned(),
            flag_dir: folder.path().to_owned(),
            events: Destination::Lines(Arc::new(move |line: &mut dyn Read| {
                let mut text = Vec::new();
                line.read_to_end(&mut text)?;
                // Nobody listens any more once the first event was shown.
                let _ = sender.send(text);
                Ok(())
            })),
        };
        let (plugin, start) = (self.plugin.clone(), parse(&message)?);
        let running = tokio::spawn(async move { trigger::run(&plugin, start, &surroundings).await });
        let line = self.drop_files(&mut events).await?;
        std::fs::write(folder.path().join("terminate_trigger.flag"), "")?;
        if let Some(failed) = running.await? {
            self.screen.json("event", &shown(&failed)?)?;
        }
        if let Some(line) = &line {
            self.screen.json("event", &serde_json::from_slice(line)?)?;
        }
        self.all_good &= line.is_some();
        self.screen.result(
            line.is_some(),
            "the platform would get this event, again and again until it has taken it",
        )?;
        Ok(())
    }

    /// Puts files into the watched folder until the monitor tells of one. The first look of a monitor is its baseline,
    /// and a file that came before it is no news; the next one is.
    async fn drop_files(
        &mut self,
        events: &mut mpsc::UnboundedReceiver<Vec<u8>>,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let incoming = self.server.home().join("incoming");
        sleep(HEAD_START).await;
        for number in 1..=DROPS {
            std::fs::write(incoming.join(format!("delivery-{number}.csv")), "name,amount\napples,12\n")?;
            if let Ok(line) = timeout(PATIENCE, events.recv()).await {
                return Ok(line);
            }
        }
        Ok(None)
    }

    /// Leaves the server running until Ctrl-C.
    async fn keep(&mut self) -> anyhow::Result<()> {
        let message =
            self.message("action_start", json!({"action": "download"}), json!({"path": "welcome.txt"}));
        self.screen.heading("The server stays up")?;
        self.screen.line(&format!("Its files are in {}\n", self.server.home().display()))?;
        self.screen.line(&format!("  echo '{message}' | icon-ftp run"))?;
        self.screen.line("\nCtrl-C ends it.")?;
        Ok(tokio::signal::ctrl_c().await?)
    }

    fn message(&self, kind: &str, mut body: Value, input: Value) -> Value {
        body["connection"] = json!({"host": self.server.address().to_string(), "passive": true});
        body["input"] = input;
        json!({"version": "v1", "type": kind, "body": body})
    }
}

fn parse(message: &Value) -> anyhow::Result<StartMessage> {
    Ok(StartMessage::parse(message.to_string().as_bytes()).map_err(|error| error.failure)?)
}

fn shown(event: &Event) -> anyhow::Result<Value> {
    let mut line = Vec::new();
    event.write(&mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

fn output(event: &Value) -> &Value {
    &event["body"]["output"]
}
