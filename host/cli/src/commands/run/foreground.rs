//! A run in the foreground: its events, the person's words and the signals, in one loop.

use std::collections::VecDeque;
use std::io::{self, Write};

use pointsman_engine::Host;
use pointsman_model::calls::{ContinueRun, PollEvents, RunRef, SpawnRun, SpawnedRun};
use pointsman_model::{Approval, Event, Message, RunId, RunRecord};
use serde_json::Value;

use super::dialog::{Dialog, Step};
use super::hosted::Hosted;
use super::interview::Interview;
use super::signals::{Signal, Signals};
use super::view::View;
use super::{editor, report};
use crate::args::OutputForm;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::question::title;
use crate::terminal::{Keyboard, Out, attended, visible};

/// Events taken at once.
const PAGE: u32 = 500;
/// Bytes taken at once.
const PAGE_BYTES: u32 = 1 << 20;
/// How long one look for events waits; the next follows at once.
const WAIT_MS: u32 = 30_000;

/// A run in the foreground.
pub(super) struct Foreground<'a> {
    hosted: &'a Hosted,
    signals: Signals,
    view: View,
    out: Out,
    form: OutputForm,
    /// Nobody is there, and nobody will be.
    unattended: bool,
    /// Nobody is at the keyboard any more.
    away: bool,
    /// The person's keyboard, once there was something to ask.
    keyboard: Option<Keyboard>,
    /// What is on the screen.
    dialog: Option<Dialog>,
    /// What is asked next.
    questions: VecDeque<Dialog>,
    /// What nobody was there to answer.
    unanswered: Option<String>,
    /// How often the run was told to end.
    cancelled: u32,
}

/// Whether the run goes on.
enum Turn {
    On,
    Over,
}

impl<'a> Foreground<'a> {
    pub(super) fn new(
        hosted: &'a Hosted,
        signals: Signals,
        view: View,
        out: Out,
        form: OutputForm,
        unattended: bool,
    ) -> Self {
        Self {
            hosted,
            signals,
            view,
            out,
            form,
            unattended,
            away: false,
            keyboard: None,
            dialog: None,
            questions: VecDeque::new(),
            unanswered: None,
            cancelled: 0,
        }
    }

    /// Launches the run and stays with it to its end.
    pub(super) async fn run(mut self, call: SpawnRun) -> Outcome {
        let host = &self.hosted.host;
        let spawned = tokio::select! {
            biased;
            _ = self.signals.next() => {
                self.view.end(None);
                // What has just been accepted is ended with the host.
                return Err(Failure::new(Exit::RunCancelled, "cancelled before it began"));
            }
            spawned = host.spawn_run(&self.hosted.client, call) => spawned,
        };
        let spawned = spawned.map_err(refused)?;
        self.view.tell(&begun(&spawned));
        let record = self.follow(spawned.run_id).await?;
        self.view.end(record.final_response.as_deref());
        report::report(self.out, self.form, &record, self.unanswered.as_deref())
    }

    /// Takes whatever comes until the run is over, and gives what is known of it then.
    async fn follow(&mut self, run: RunId) -> Result<RunRecord, Failure> {
        let mut after = 0;
        loop {
            let look = PollEvents {
                run_id: Some(run.to_string()),
                agent_name: None,
                cwd: None,
                after_seq: after,
                limit: Some(PAGE),
                wait_ms: Some(WAIT_MS),
                max_bytes: Some(PAGE_BYTES),
            };
            let asking = self.dialog.is_some();
            let turn = tokio::select! {
                biased;
                signal = self.signals.next() => self.signalled(signal, run).await,
                line = typed(&mut self.keyboard), if asking => self.typed(line, run).await,
                page = self.hosted.host.poll_events(&look) => {
                    let page = page?;
                    after = page.next_after_seq;
                    for event in &page.events {
                        self.event(event, run).await?;
                    }
                    let over = page.status.is_terminal() && page.next_after_seq >= page.last_seq;
                    if over { Turn::Over } else { Turn::On }
                }
            };
            if matches!(turn, Turn::Over) {
                break;
            }
            self.next_question(run).await;
        }
        Ok(self.hosted.host.get_run(&named(run)).await?)
    }

    async fn event(&mut self, event: &Event, run: RunId) -> Result<(), Failure> {
        if self.form == OutputForm::Jsonl && !self.line(event)? {
            self.cancel(run, "whoever read its events is gone").await;
        }
        self.view.event(event);
        let about = event.data.get("approval_id").and_then(Value::as_str).unwrap_or_default();
        match event.kind.as_str() {
            "approval_required" => {
                // The event may have been shortened; the question has the exact request.
                let pending = self.hosted.host.list_approvals(false).await?;
                let asked = pending.into_iter().find(|it| it.approval_id.to_string() == about);
                self.questions.extend(asked.map(Dialog::permission));
            }
            "approval_resolved" => self.settled(|it| it.is_about(about)),
            "input_required" | "auth_required" => {
                let elsewhere = event.kind.as_str() == "auth_required";
                self.questions.push_back(Dialog::Interview(Interview::new(&event.data, elsewhere)));
            }
            // Answered, or taken back: the agent goes on.
            "status_changed"
                if event.data.get("status").is_some_and(|it| it == "running" || it == "queued") =>
            {
                self.settled(|it| matches!(it, Dialog::Interview(_)));
            }
            "run_completed" | "run_failed" | "rejected" => self.settled(|_| true),
            _ => {}
        }
        Ok(())
    }

    /// Writes an event as a line of JSON; says whether somebody reads it.
    fn line(&self, event: &Event) -> Result<bool, Failure> {
        let mut line = serde_json::to_vec(event).map_err(Failure::internal)?;
        line.push(b'\n');
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&line).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::error(format!("cannot write to standard output: {error}"))),
        }
    }

    /// Drops questions that were settled without us.
    fn settled(&mut self, is: impl Fn(&Dialog) -> bool) {
        self.questions.retain(|it| !is(it));
        if self.dialog.as_ref().is_some_and(is) {
            self.dialog = None;
            self.shown();
            self.view.ask(&[String::new(), "That was settled meanwhile.".to_owned()], "");
            self.view.asked();
        }
    }

    /// Puts the next question to whoever is there.
    async fn next_question(&mut self, run: RunId) {
        if self.dialog.is_some() || self.cancelled > 0 {
            return;
        }
        while let Some(dialog) = self.questions.pop_front() {
            let paint = self.view.paint();
            if self.somebody_is_there() {
                if let Some(keyboard) = &mut self.keyboard {
                    // What was typed before the question was seen is no answer to it.
                    keyboard.forget();
                }
                self.put(dialog, &|dialog| dialog.opening(paint));
                return;
            }
            match (&dialog, self.unattended) {
                (Dialog::Permission(asked), false) => {
                    for line in elsewhere(asked.approval()) {
                        self.view.note(line);
                    }
                }
                (Dialog::Permission(asked), true) => {
                    self.unanswered = Some(format!("it asked for permission ({})", title(asked.approval())));
                    self.cancel(run, "it asked for permission, and nobody was there").await;
                }
                (Dialog::Interview(asked), false) => {
                    for line in asked.elsewhere(run, paint) {
                        self.view.note(line);
                    }
                }
                (Dialog::Interview(asked), true) => {
                    self.unanswered = Some(format!("it asked its user ({})", asked.title()));
                    self.cancel(run, "it asked its user something, and nobody was there").await;
                }
            }
        }
    }

    /// Puts a question on the screen, with these lines above its prompt.
    fn put(&mut self, dialog: Dialog, lines: &dyn Fn(&Dialog) -> Vec<String>) {
        let mut lines = lines(&dialog);
        let hidden = self.keyboard.as_mut().is_none_or(|keyboard| keyboard.hide(dialog.is_secret()).is_ok());
        if !hidden {
            lines.push("This terminal shows what is typed: answer from another one.".to_owned());
        }
        self.view.ask(&lines, &dialog.prompt(self.view.paint()));
        self.dialog = Some(dialog);
    }

    /// Has the terminal show again what is typed.
    fn shown(&mut self) {
        if let Some(keyboard) = &mut self.keyboard
            && let Err(error) = keyboard.hide(false)
        {
            tracing::warn!(%error, "the terminal does not show what is typed");
        }
    }

    fn somebody_is_there(&mut self) -> bool {
        if self.unattended || self.away || self.hosted.below_an_agent || !attended() {
            return false;
        }
        if self.keyboard.is_none() {
            match Keyboard::open() {
                Ok(keyboard) => self.keyboard = Some(keyboard),
                Err(error) => tracing::warn!(%error, "the terminal cannot be read"),
            }
        }
        self.keyboard.is_some()
    }

    async fn typed(&mut self, line: io::Result<Option<String>>, run: RunId) -> Turn {
        let Some(mut dialog) = self.dialog.take() else { return Turn::On };
        self.shown();
        let paint = self.view.paint();
        let line = match line {
            Ok(Some(line)) => line,
            // The end of the input: nobody will answer here any more.
            Ok(None) | Err(_) => {
                self.view.ask(&[String::new()], "");
                self.view.asked();
                self.away = true;
                self.questions.push_front(dialog);
                return Turn::On;
            }
        };
        let lines = match dialog.take(&line, paint) {
            Step::Again(lines) => lines,
            Step::Edit(input) => match editor::chosen() {
                Some(chosen) => {
                    let edited = editor::edit(&chosen, &input).await;
                    // What was typed there was meant for the editor.
                    self.signals.forget_interrupt().await;
                    if let Some(keyboard) = &mut self.keyboard {
                        keyboard.forget();
                    }
                    dialog.edited(edited, paint)
                }
                None => dialog.edit_here(),
            },
            Step::Answer { id, digest, answer } => {
                self.view.asked();
                let by = &self.hosted.client.name;
                let answered = match crate::approver::admit(&self.hosted.host, id, by).await {
                    Ok(()) => self.hosted.host.answer_approval(id, digest, answer, by).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = answered {
                    self.view.note(format!("{} {error}", paint.bad("not answered:")));
                    // It still waits; if it does not, an event says so.
                    self.questions.push_front(dialog);
                }
                return Turn::On;
            }
            Step::Say(message) => {
                self.view.asked();
                if !self.say(message, run).await {
                    self.questions.push_front(dialog);
                }
                return Turn::On;
            }
            Step::Quit => {
                self.view.asked();
                self.cancel(run, "cancelled by its user").await;
                return Turn::On;
            }
        };
        self.put(dialog, &|_| lines.clone());
        Turn::On
    }

    /// Says something to the agent; tells whether it arrived.
    async fn say(&mut self, message: Message, run: RunId) -> bool {
        let call = ContinueRun {
            run_id: Some(run.to_string()),
            agent_name: None,
            cwd: None,
            input_message: message,
        };
        let said = self.hosted.host.continue_run(&self.hosted.client, call).await;
        if let Err(error) = &said {
            let paint = self.view.paint();
            self.view.note(format!("{} {error}", paint.bad("not said:")));
        }
        said.is_ok()
    }

    async fn signalled(&mut self, signal: Signal, run: RunId) -> Turn {
        if self.dialog.take().is_some() {
            self.view.ask(&[String::new()], "");
            self.view.asked();
        }
        match signal {
            Signal::Interrupt if self.cancelled == 0 => {
                self.view.note("Ending the run; Ctrl-C again ends it at once.");
                self.cancel(run, "cancelled by its user").await;
                Turn::On
            }
            Signal::Interrupt | Signal::End => {
                self.hosted.host.shutdown().await;
                Turn::Over
            }
        }
    }

    /// Tells the run to end, and goes on with it until it has.
    async fn cancel(&mut self, run: RunId, why: &str) {
        self.cancelled += 1;
        if self.cancelled > 1 {
            return;
        }
        let (host, client, why): (Host, _, _) =
            (self.hosted.host.clone(), self.hosted.client.clone(), why.to_owned());
        tokio::spawn(async move {
            match host.cancel_run(&client, &named(run), &why).await {
                Ok(_) | Err(pointsman_engine::Error::AlreadyTerminal(_)) => {}
                Err(error) => tracing::warn!(%error, "the run could not be cancelled"),
            }
        });
    }
}

async fn typed(keyboard: &mut Option<Keyboard>) -> io::Result<Option<String>> {
    match keyboard {
        Some(keyboard) => keyboard.line().await,
        None => Ok(None),
    }
}

fn named(run: RunId) -> RunRef {
    RunRef { run_id: Some(run.to_string()), ..RunRef::default() }
}

fn begun(spawned: &SpawnedRun) -> String {
    format!("{} as {}, run {}", visible(&spawned.backend), visible(&spawned.agent_name), spawned.run_id)
}

/// Says how a question is answered from another terminal.
fn elsewhere(approval: &Approval) -> [String; 3] {
    let id = approval.approval_id;
    [
        format!("A person must confirm: {}", title(approval)),
        format!("  look at it:  pointsman approvals show {id}"),
        format!("  answer it:   pointsman approvals allow {id}   or   deny {id} --message WHY"),
    ]
}

/// A request that makes no sense is the caller's, like any other mistake on the command line.
pub(super) fn refused(error: pointsman_engine::Error) -> Failure {
    match error {
        pointsman_engine::Error::Invalid(message) => Failure::new(Exit::Usage, message),
        error => error.into(),
    }
}
