//! Permissions: what Claude Code asks before a tool is used, and what it is answered.
//!
//! A hook asks about every call, and its word is final where the permission mode is Claude Code's default: what is
//! allowed there is not asked about again. In the other modes, and in a run that may only read, a call that was allowed
//! is left to Claude Code, which then uses the tool or asks once more (`can_use_tool`). That question is answered with
//! what was decided, if it is about the same input, and by the run's access.

use std::collections::BTreeMap;

use pointsman_sdk::backend::{Answer, Effects};
use serde_json::{Map, Value, json};

use crate::config::Mode;
use crate::items::Items;
use crate::tool::{Asked, Call, Family};
use crate::wire;

/// What an agent is told about an action that its run's access does not allow.
const READ_ONLY: &str = "this run may only read: it must not change anything, and Claude Code cannot tell that this changes nothing";

/// Which of Claude Code's two questions wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Hook,
    Prompt,
}

/// What was decided about a call.
#[derive(Debug, Clone, PartialEq)]
enum Ruling {
    /// Allowed with this input, and whether somebody changed it.
    Allow { input: Map<String, Value>, edited: bool },
    /// Denied, with what the agent is told.
    Deny(String),
}

/// A question that is open.
#[derive(Debug)]
struct Pending {
    /// The permission's id.
    id: String,
    call: Call,
    /// Claude Code's requests that wait for it.
    waiting: Vec<(Channel, String)>,
}

/// All questions of a run.
#[derive(Debug)]
pub(crate) struct Gate {
    mode: Mode,
    read_only: bool,
    cwd: String,
    pending: Vec<Pending>,
    rulings: BTreeMap<String, Ruling>,
    /// Questions asked so far about calls that were asked about before.
    again: u32,
}

/// What Claude Code says of a question besides the call.
#[derive(Debug)]
pub(crate) struct Why<'a> {
    /// Where the agent is, if it says so.
    pub(crate) cwd: Option<&'a str>,
    /// Why it asks.
    pub(crate) reason: Option<&'a str>,
    pub(crate) more: &'a Map<String, Value>,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The turn goes on.
    GoOn,
    /// Nobody will answer any more: the run is to end.
    End,
}

impl Gate {
    pub(crate) fn new(mode: Mode, read_only: bool, cwd: &str) -> Self {
        Self { mode, read_only, cwd: cwd.to_owned(), pending: Vec::new(), rulings: BTreeMap::new(), again: 0 }
    }

    /// Takes a question of Claude Code's: asks, unless that was done.
    pub(crate) fn ask(
        &mut self,
        (channel, request): (Channel, String),
        call: Call,
        why: &Why<'_>,
        items: &Items,
        effects: &mut Effects,
    ) {
        let same = |pending: &&mut Pending| pending.call.id == call.id && pending.call.input == call.input;
        if let Some(pending) = self.pending.iter_mut().find(same) {
            pending.waiting.push((channel, request));
            return;
        }
        match self.rulings.get(&call.id) {
            Some(Ruling::Deny(_)) => return self.answer(channel, &request, &call, effects),
            // An approval is for one input: another is another question.
            Some(Ruling::Allow { input, .. }) if *input == call.input => {
                return self.answer(channel, &request, &call, effects);
            }
            _ => {}
        }
        if self.read_only && (call.family() == Family::Edit || (channel == Channel::Prompt && !reads(&call)))
        {
            self.rulings.insert(call.id.clone(), Ruling::Deny(READ_ONLY.to_owned()));
            return self.answer(channel, &request, &call, effects);
        }
        let known = self.rulings.contains_key(&call.id) || self.pending.iter().any(|p| p.call.id == call.id);
        let id = if known {
            self.again += 1;
            format!("{}:{}", call.id, self.again)
        } else {
            call.id.clone()
        };
        let cwd = why.cwd.unwrap_or(&self.cwd);
        let asked = Asked { cwd, reason: why.reason, known: items.knows(call.path()), more: why.more };
        effects.ask_permission(call.question(id.clone(), &asked));
        self.pending.push(Pending { id, call, waiting: vec![(channel, request)] });
    }

    /// Takes the answer to a permission.
    pub(crate) fn settle(
        &mut self,
        id: &str,
        answer: Answer,
        items: &mut Items,
        effects: &mut Effects,
    ) -> Next {
        let Some(at) = self.pending.iter().position(|pending| pending.id == id) else { return Next::GoOn };
        let Pending { call, waiting, .. } = self.pending.remove(at);
        let mut next = Next::GoOn;
        let ruling = match answer {
            Answer::Allow => Ruling::Allow { input: call.input.clone(), edited: false },
            Answer::AllowEdited(json) => match serde_json::from_str(&json) {
                Ok(input) => {
                    items.edit(&call.id, &input, effects);
                    Ruling::Allow { input, edited: true }
                }
                Err(_) => Ruling::Deny("what was put in place of its input is no JSON object".to_owned()),
            },
            Answer::Deny(why) => Ruling::Deny(why),
            Answer::Cancelled => {
                next = Next::End;
                Ruling::Deny("nobody answers any more, and the run ends".to_owned())
            }
        };
        self.rulings.insert(call.id.clone(), ruling);
        for (channel, request) in waiting {
            self.answer(channel, &request, &call, effects);
        }
        next
    }

    /// Forgets a request that Claude Code has taken back; says whether it was known.
    pub(crate) fn withdraw(&mut self, request: &str, effects: &mut Effects) -> bool {
        let waits = |pending: &Pending| pending.waiting.iter().any(|(_, waiting)| waiting == request);
        let Some(at) = self.pending.iter().position(waits) else { return false };
        let pending = &mut self.pending[at];
        pending.waiting.retain(|(_, waiting)| waiting != request);
        if pending.waiting.is_empty() {
            effects.withdraw_permission(self.pending.remove(at).id);
        }
        true
    }

    /// Denies all that is open: the run ends.
    pub(crate) fn close(&mut self, why: &str, effects: &mut Effects) {
        for Pending { id, call, waiting } in std::mem::take(&mut self.pending) {
            self.rulings.insert(call.id.clone(), Ruling::Deny(why.to_owned()));
            for (channel, request) in waiting {
                self.answer(channel, &request, &call, effects);
            }
            effects.withdraw_permission(id);
        }
    }

    /// Forgets what was decided about a call that has ended.
    pub(crate) fn forget(&mut self, call: &str) {
        self.rulings.remove(call);
    }

    /// Answers Claude Code as was decided.
    fn answer(&self, channel: Channel, request: &str, call: &Call, effects: &mut Effects) {
        let ruling = self.rulings.get(&call.id);
        let response = match (channel, ruling) {
            (Channel::Hook, Some(Ruling::Allow { input, edited })) => {
                let decision = self.decides(call).then_some("allow");
                wire::hook(decision, None, edited.then_some(input))
            }
            (Channel::Prompt, Some(Ruling::Allow { .. })) if self.read_only && !reads(call) => {
                json!({ "behavior": "deny", "message": READ_ONLY })
            }
            // Never with `updatedPermissions`: those that Claude Code suggests would be written into the project.
            (Channel::Prompt, Some(Ruling::Allow { input, .. })) => {
                json!({ "behavior": "allow", "updatedInput": input })
            }
            (Channel::Hook, Some(Ruling::Deny(why))) => wire::hook(Some("deny"), Some(why), None),
            (Channel::Prompt, Some(Ruling::Deny(why))) => json!({ "behavior": "deny", "message": why }),
            (_, None) => return wire::line(&wire::refuse(request, "nothing was decided"), effects),
        };
        wire::line(&wire::answer(request, response), effects);
    }

    /// Says whether a call that was allowed is used without asking Claude Code's own permission mode.
    fn decides(&self, call: &Call) -> bool {
        let mode = matches!(self.mode, Mode::Default | Mode::AcceptEdits | Mode::BypassPermissions);
        // A question has to reach the user, whom the hook is not.
        call.family() != Family::Question && mode && (!self.read_only || reads(call))
    }
}

/// Says whether a call changes nothing, as its tool alone tells.
fn reads(call: &Call) -> bool {
    matches!(call.family(), Family::Read | Family::Fetch | Family::Quiet | Family::Question)
}
