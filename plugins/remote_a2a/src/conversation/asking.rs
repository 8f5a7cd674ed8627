//! While the agent waits for its user.

use pointsman_sdk::backend::{Effects, Interruption, InterruptionKind};
use serde_json::Value;

use super::polling::{FIRST, WHILE_ASKED};
use super::{Conversation, Phase};
use crate::calls::{Call, Purpose};
use crate::card::Version;
use crate::dialect::Ask;
use crate::reply::{data_of, text_of};
use crate::state::State;

impl Conversation {
    /// Hands the agent's question to the user.
    pub(super) fn ask_user(&mut self, effects: &mut Effects) {
        self.book.tell_artifacts(effects);
        self.book.note_asked();
        self.remember(effects);
        self.phase = Phase::Asked;
        if self.ask_permissions(effects) {
            return;
        }
        let auth = self.book.state == Some(State::AuthRequired);
        let said = self.book.last_word.as_ref();
        let text = said.map(|said| text_of(&said.parts, "\n")).filter(|text| !text.is_empty());
        let otherwise = if auth {
            "the agent needs its user to sign in"
        } else {
            "the agent asks for more, and does not say what"
        };
        let mut detail = self.book.ids();
        if let Some(said) = said {
            detail.insert("message".to_owned(), Value::Object(said.raw.clone()));
            // As another Pointsman puts them, so that they can be shown one by one here, too.
            let asked = said.parts.iter().filter_map(data_of).find(|data| data["questions"].is_array());
            for key in ["introduction", "questions"] {
                let value = asked.and_then(|asked| asked.get(key));
                detail.extend(value.map(|value| (key.to_owned(), value.clone())));
            }
        }
        effects.await_input(Interruption {
            kind: if auth { InterruptionKind::Auth } else { InterruptionKind::Input },
            text: text.unwrap_or_else(|| otherwise.to_owned()),
            detail: Some(Value::Object(detail).to_string()),
        });
        self.listen(effects);
    }

    /// Follows the task while its user is asked: it may be answered elsewhere, or given up.
    ///
    /// Who settles a permission or a sign-in is often somebody at the agent's own end, so the news are taken from a
    /// stream where there is one. A look now and then finds out where there is none.
    pub(super) fn listen(&mut self, effects: &mut Effects) {
        self.look_in(WHILE_ASKED, effects);
        let streams = self.config.streaming && self.agent.as_ref().is_some_and(|agent| agent.streaming);
        let settled_there = self.permissions.any() || self.book.state == Some(State::AuthRequired);
        if self.stream.is_some() || !self.listens || !streams || !settled_there || self.subscriptions == 0 {
            return;
        }
        if let (Some(task), Version::V1) = (self.book.task.clone(), self.version()) {
            self.subscriptions -= 1;
            self.stream = self.ask(Purpose::Subscribe, &Ask::Subscribe { task: &task }, effects);
        }
    }

    /// Takes that a stream has ended while the user is asked. It goes on being asked.
    pub(super) fn not_listening(&mut self, call: &Call, broken: bool, effects: &mut Effects) {
        if broken {
            // It is asked again by a look, which also tells what was missed.
            let soon = call.events > 0;
            return self.look_in(if soon { FIRST } else { WHILE_ASKED }, effects);
        }
        // One that tells where the task stands and ends has nothing to tell later either; one that told more has ended
        // with a further question.
        self.listens &= call.purpose != Purpose::Subscribe || call.events > 1;
        self.listen(effects);
    }

    /// Says whether the task goes on though its user was asked, because of what somebody else did, or the agent itself.
    pub(super) fn goes_on(&mut self, effects: &mut Effects) -> bool {
        let waits = self.book.state.is_some_and(State::is_interrupted);
        match (waits, self.book.asks_the_same()) {
            (true, true) => false,
            (true, false) => {
                // It asks something else by now.
                self.ask_user(effects);
                false
            }
            (false, _) => {
                self.no_more_asked(effects);
                true
            }
        }
    }

    /// Nobody needs to answer any more.
    pub(super) fn no_more_asked(&mut self, effects: &mut Effects) {
        self.withdraw_permissions(effects);
        self.phase = Phase::Talking;
    }
}
