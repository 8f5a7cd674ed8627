//! What goes wrong, in the words of each binding.

use pointsman_engine::{Error, Refused};
use serde_json::{Value, json};

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("task not found: {task}")]
    TaskNotFound { task: String },
    #[error("task cannot be canceled: {why}")]
    NotCancelable { why: String },
    #[error("push notifications are not supported: stream, subscribe or poll instead")]
    PushNotSupported,
    #[error("{message}")]
    Unsupported { message: String },
    #[error("{message}")]
    ContentType { message: String },
    /// The request itself, not a part of its message.
    #[error("the body's content-type must be {expected}")]
    BodyType { expected: &'static str },
    #[error(
        "A2A version '{version}' is not supported here: use 1.0 (header A2A-Version: 1.0), or 0.3 over JSON-RPC"
    )]
    VersionNotSupported { version: String },
    #[error("{message}")]
    InvalidParams { field: &'static str, message: String },
    #[error("{message}")]
    InvalidRequest { message: String },
    #[error("invalid JSON payload: {message}")]
    Parse { message: String },
    #[error("method not found: {method}")]
    MethodNotFound { method: String },
    #[error("internal error: {message}")]
    Internal { message: String },
    #[error("this agent's host is shutting down: try again later")]
    Ending,
}

/// How a fault is called: JSON-RPC code, reason, HTTP status, status of google.rpc.
type Names = (i32, &'static str, u16, &'static str);

impl Fault {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::InvalidParams { field, message: message.into() }
    }

    fn names(&self) -> Names {
        match self {
            Self::TaskNotFound { .. } => (-32001, "TASK_NOT_FOUND", 404, "NOT_FOUND"),
            Self::NotCancelable { .. } => (-32002, "TASK_NOT_CANCELABLE", 400, "FAILED_PRECONDITION"),
            Self::PushNotSupported => (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", 400, "FAILED_PRECONDITION"),
            Self::Unsupported { .. } => (-32004, "UNSUPPORTED_OPERATION", 400, "FAILED_PRECONDITION"),
            Self::ContentType { .. } => (-32005, "CONTENT_TYPE_NOT_SUPPORTED", 400, "INVALID_ARGUMENT"),
            Self::BodyType { .. } => (-32005, "CONTENT_TYPE_NOT_SUPPORTED", 415, "INVALID_ARGUMENT"),
            Self::VersionNotSupported { .. } => (-32009, "VERSION_NOT_SUPPORTED", 400, "FAILED_PRECONDITION"),
            Self::InvalidParams { .. } => (-32602, "INVALID_PARAMS", 400, "INVALID_ARGUMENT"),
            Self::InvalidRequest { .. } => (-32600, "INVALID_REQUEST", 400, "INVALID_ARGUMENT"),
            Self::Parse { .. } => (-32700, "JSON_PARSE", 400, "INVALID_ARGUMENT"),
            Self::MethodNotFound { .. } => (-32601, "METHOD_NOT_FOUND", 404, "NOT_FOUND"),
            Self::Internal { .. } => (-32603, "INTERNAL", 500, "INTERNAL"),
            Self::Ending => (-32603, "UNAVAILABLE", 503, "UNAVAILABLE"),
        }
    }

    pub(crate) fn http_status(&self) -> u16 {
        self.names().2
    }

    /// Writes the error object of JSON-RPC; the details are of 1.0 alone.
    pub(crate) fn to_rpc(&self, details: bool) -> Value {
        let mut error = json!({"code": self.names().0, "message": self.to_string()});
        if details
            && !matches!(self, Self::Parse { .. } | Self::InvalidRequest { .. } | Self::MethodNotFound { .. })
        {
            error["data"] = self.details();
        }
        error
    }

    /// Writes the body of an HTTP+JSON error.
    pub(crate) fn to_rest(&self) -> Value {
        let (_, _, code, status) = self.names();
        json!({"error": {
            "code": code, "status": status, "message": self.to_string(), "details": self.details(),
        }})
    }

    fn details(&self) -> Value {
        let metadata = match self {
            Self::TaskNotFound { task } => json!({"taskId": task}),
            Self::VersionNotSupported { version } => json!({"version": version}),
            _ => json!({}),
        };
        let mut details = vec![json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.names().1,
            "domain": "a2a-protocol.org",
            "metadata": metadata,
        })];
        if let Self::InvalidParams { field, message } = self {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": field, "description": message}],
            }));
        }
        Value::Array(details)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownRun(task) => Self::TaskNotFound { task },
            Error::Invalid(message) => Self::invalid("message", message),
            // The answer was well made, and came too late: asking the task again shows where it stands.
            Error::Answer(
                Refused::AlreadySettled { .. }
                | Refused::NoSuchQuestion(_)
                | Refused::NotRevocable { .. }
                | Refused::Ending(_)
                | Refused::Ended(_)
                | Refused::Stage { .. },
            ) => Self::Unsupported { message: error.to_string() },
            Error::Answer(refused) => Self::invalid("message.parts", refused.to_string()),
            Error::AlreadyTerminal(_)
            | Error::NotActiveHere { .. }
            | Error::NotAwaitingInput(_)
            | Error::TakesNoMessage { .. }
            | Error::Denied(_) => Self::Unsupported { message: error.to_string() },
            Error::ShuttingDown => Self::Ending,
            // What lies behind these is the operator's to know.
            error => {
                tracing::error!(%error, "a request over A2A failed");
                Self::Internal { message: "the agent's host failed; its log says why".to_owned() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::{ApprovalId, ApprovalState, Digest, Scope, Status};
    use rstest::rstest;

    use super::*;

    /// What could have been known from the question is the message's fault; what changed meanwhile is not.
    #[rstest]
    #[case(Refused::AlreadySettled { approval_id: id(), state: ApprovalState::Expired, by: None, at: None }, -32004)]
    #[case(Refused::AlreadySettled { approval_id: id(), state: ApprovalState::Denied, by: Some("cli:ada".into()), at: None }, -32004)]
    #[case(Refused::NoSuchQuestion(id()), -32004)]
    #[case(Refused::Ending("enough".into()), -32004)]
    #[case(Refused::Ended(Status::Completed), -32004)]
    #[case(Refused::NotEditable(id()), -32602)]
    #[case(Refused::TooWide { approval_id: id(), asked: Scope::Session, widest: Scope::Once }, -32602)]
    #[case(Refused::WrongEnd { approval_id: id(), why: "its end is over already".into() }, -32602)]
    #[case(Refused::OtherRequest { approved: Digest::of(b"a"), actual: Digest::of(b"b") }, -32602)]
    fn an_answer_that_is_refused_has_its_own_fault(#[case] refused: Refused, #[case] code: i32) {
        let said = refused.to_string();
        let fault = Fault::from(Error::Answer(refused)).to_rpc(true);
        assert_eq!((&fault["code"], &fault["message"]), (&json!(code), &json!(said)));
        let violations = fault["data"][1]["fieldViolations"][0]["field"].as_str();
        assert_eq!(violations, (code == -32602).then_some("message.parts"));
    }

    fn id() -> ApprovalId {
        ApprovalId::from_random([7; 16])
    }

    #[test]
    fn what_policies_deny_is_told_and_what_fails_inside_is_not() {
        let denied = Fault::from(Error::Denied("policy denies it: no mail at night".to_owned()));
        assert_eq!((denied.http_status(), denied.to_string().contains("no mail")), (400, true));
        let inside = Fault::from(Error::Store("/home/ada/state/journal.db is damaged".to_owned()));
        assert_eq!((inside.http_status(), inside.to_string().contains("ada")), (500, false));
    }

    #[test]
    fn each_binding_has_its_words() {
        let fault = Fault::TaskNotFound { task: "t".to_owned() };
        insta::assert_json_snapshot!([fault.to_rpc(true), fault.to_rpc(false), fault.to_rest()]);
        let fault = Fault::invalid("message.parts", "at least one part is required");
        insta::assert_json_snapshot!([fault.to_rpc(true), fault.to_rest()]);
    }
}
