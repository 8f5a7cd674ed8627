//! What waits until a person has spoken: processes, requests and messages of a live run.

use std::collections::{BTreeMap, VecDeque};

use pointsman_model::plugin::{Effect, HandleId};
use pointsman_model::{ApprovalId, Digest, Message};
use pointsman_store::NewMail;

/// Effects that may queue behind one that waits. A plugin writes its agent's first lines; more has no sense before
/// anything has started.
const BEHIND: usize = 256;

/// What waits until a person has spoken.
#[derive(Default)]
pub(super) struct Held(BTreeMap<ApprovalId, Waiting>);

/// One thing that waits.
pub(super) enum Waiting {
    /// A process that is to start, or a request that is to be sent.
    Effect {
        /// The effect as the plugin gave it.
        effect: Effect,
        /// The digest of what the person is shown of it.
        told: Digest,
        /// What the plugin asked for since, in order: it counts on the effect.
        behind: VecDeque<Effect>,
    },
    /// A message to the agent.
    Message {
        /// As it is.
        message: Message,
        /// As it is kept, if there is a secret in it.
        kept: Option<Message>,
    },
    /// Mail between agents.
    Mail(NewMail),
}

/// What a new effect has to do with those that wait.
pub(super) enum Meets {
    /// Nothing.
    None(Effect),
    /// It now waits, too.
    Waits,
    /// It cannot wait.
    Refused(Effect, &'static str),
    /// It takes back one that waits.
    TakesBack(ApprovalId),
}

/// Names a process or a request: their handles are counted apart.
#[derive(PartialEq, Eq)]
enum Handle {
    Process(HandleId),
    Request(HandleId),
}

fn handle(effect: &Effect) -> Option<Handle> {
    match effect {
        Effect::StartProcess(process) => Some(Handle::Process(process.id)),
        Effect::WriteProcess(id, _) | Effect::CloseInput(id) | Effect::StopProcess(id, _) => {
            Some(Handle::Process(*id))
        }
        Effect::SendRequest(request) => Some(Handle::Request(request.id)),
        Effect::AbortRequest(id) => Some(Handle::Request(*id)),
        _ => None,
    }
}

impl Held {
    /// Holds something until its question is answered.
    pub(super) fn hold(&mut self, question: ApprovalId, waiting: Waiting) {
        self.0.insert(question, waiting);
    }

    /// Gives what waited for an answer.
    pub(super) fn release(&mut self, question: ApprovalId) -> Option<Waiting> {
        self.0.remove(&question)
    }

    /// Gives every question that something waits for.
    pub(super) fn questions(&self) -> Vec<ApprovalId> {
        self.0.keys().copied().collect()
    }

    /// Says what a new effect has to do with those that wait.
    ///
    /// Whatever is about a process or a request that waits, waits behind it. So do timers: a plugin sets them for what it
    /// has just begun, and must not take a person's time for its agent's.
    pub(super) fn meet(&mut self, effect: Effect) -> Meets {
        let about = handle(&effect);
        let timer = matches!(effect, Effect::SetTimer(..));
        if let Effect::SetTimer(id, _) | Effect::ClearTimer(id) = effect {
            self.forget_timer(id);
        }
        let found = self.0.iter_mut().rev().find_map(|(question, waiting)| match waiting {
            Waiting::Effect { effect: held, behind, .. }
                if timer || (about.is_some() && about == handle(held)) =>
            {
                Some((*question, behind))
            }
            _ => None,
        });
        let Some((question, behind)) = found else { return Meets::None(effect) };
        match effect {
            Effect::StartProcess(_) | Effect::SendRequest(_) => {
                Meets::Refused(effect, "this handle names one that waits for a person already")
            }
            Effect::StopProcess(..) | Effect::AbortRequest(_) => Meets::TakesBack(question),
            effect if behind.len() >= BEHIND => {
                Meets::Refused(effect, "too much waits already for what a person was asked about")
            }
            effect => {
                behind.push_back(effect);
                Meets::Waits
            }
        }
    }

    /// A timer that is set anew or cleared is not set by what waits.
    fn forget_timer(&mut self, id: HandleId) {
        for waiting in self.0.values_mut() {
            if let Waiting::Effect { behind, .. } = waiting {
                behind.retain(|effect| !matches!(effect, Effect::SetTimer(set, _) if *set == id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::plugin::{ErrorStream, Framing, Process, Stop};

    use super::*;

    fn start(id: HandleId) -> Effect {
        Effect::StartProcess(Process {
            id,
            program: "p".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            framing: Framing::Lines,
            errors: ErrorStream::Tail,
        })
    }

    fn holding(id: HandleId) -> (Held, ApprovalId) {
        let mut held = Held::default();
        let question = ApprovalId::from_random([1; 16]);
        let told = Digest::of(b"told");
        held.hold(question, Waiting::Effect { effect: start(id), told, behind: VecDeque::new() });
        (held, question)
    }

    #[test]
    fn what_is_about_one_that_waits_waits_behind_it_in_order() {
        let (mut held, question) = holding(1);
        assert!(matches!(held.meet(Effect::WriteProcess(1, b"a".to_vec())), Meets::Waits));
        assert!(matches!(held.meet(Effect::WriteProcess(2, b"b".to_vec())), Meets::None(_)));
        assert!(matches!(held.meet(Effect::AbortRequest(1)), Meets::None(_)));
        assert!(matches!(held.meet(Effect::SetTimer(7, 10)), Meets::Waits));
        assert!(matches!(held.meet(Effect::SetTimer(8, 10)), Meets::Waits));
        assert!(matches!(held.meet(Effect::ClearTimer(8)), Meets::None(_)));
        assert!(matches!(held.meet(Effect::CloseInput(1)), Meets::Waits));
        assert!(matches!(held.meet(start(1)), Meets::Refused(..)));
        let Some(Waiting::Effect { behind, .. }) = held.release(question) else { panic!("it was held") };
        let names: Vec<_> = behind.iter().map(Effect::name).collect();
        assert_eq!(names, ["write-process", "set-timer", "close-input"]);
        assert!(matches!(held.meet(Effect::SetTimer(7, 10)), Meets::None(_)));
    }

    #[test]
    fn whoever_stops_it_takes_it_back() {
        let (mut held, question) = holding(1);
        let Meets::TakesBack(taken) = held.meet(Effect::StopProcess(1, Stop::Kill)) else {
            panic!("it was held")
        };
        assert_eq!(taken, question);
    }

    #[test]
    fn a_plugin_that_writes_without_end_is_stopped() {
        let (mut held, _) = holding(1);
        for _ in 0..BEHIND {
            assert!(matches!(held.meet(Effect::CloseInput(1)), Meets::Waits));
        }
        assert!(matches!(held.meet(Effect::CloseInput(1)), Meets::Refused(..)));
    }
}
