//! The server behind the links: shows what is asked, and takes the answer.

mod form;
mod guard;
mod pace;
mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use pointsman_engine::{Error, Refused};
use pointsman_listen::{Limits, Unread};
use pointsman_model::{Approval, ApprovalState, Timestamp};
use serde_json::json;
use url::Url;

use crate::calls::Calls;
use crate::link::{BadLink, Link, Links};
use guard::Guard;
use pace::Pace;

/// What links begin with, behind the base.
pub(crate) const ANSWER: &str = "answer";
/// Links that are none of this host's: some at once, then one a second.
const STRANGERS: (u32, Duration) = (30, Duration::from_secs(1));
/// Links of this host's. Strangers take none of these.
const HOLDERS: (u32, Duration) = (60, Duration::from_millis(100));
/// Bounds of connections and requests: few people answer, and what they send is short.
pub(crate) const LIMITS: Limits = Limits {
    connections: 64,
    head: Duration::from_secs(15),
    idle: Duration::from_secs(30),
    body: 64 * 1024,
    body_time: Duration::from_secs(15),
};

/// What every request needs.
pub(crate) struct Desk<C> {
    calls: Arc<C>,
    links: Links,
    guard: Guard,
    /// Who answers, as it is recorded.
    by: String,
    strangers: Pace,
    holders: Pace,
    policy: String,
}

/// What is said to whoever came.
struct Told {
    status: StatusCode,
    /// A word for programs.
    state: &'static str,
    /// A sentence for programs that show it to people.
    sentence: String,
    page: String,
    approval: Option<Approval>,
}

impl Told {
    /// Says something that is about no question.
    fn notice(status: StatusCode, state: &'static str, heading: &str, text: &str) -> Self {
        let page = page::notice(heading, text);
        Self { status, state, sentence: text.to_owned(), page, approval: None }
    }

    /// Says where a question stands.
    fn stands(status: StatusCode, approval: Approval, heading: &str) -> Self {
        let page = page::stands(&approval, heading);
        let (state, sentence) = (approval.state.as_str(), page::standing(&approval));
        Self { status, state, sentence, page, approval: Some(approval) }
    }
}

impl<C: Calls> Desk<C> {
    pub(crate) fn new(calls: Arc<C>, links: Links, public: Option<Url>, by: String) -> Self {
        Self {
            calls,
            links,
            guard: Guard::new(public),
            by,
            strangers: Pace::new(STRANGERS.0, STRANGERS.1),
            holders: Pace::new(HOLDERS.0, HOLDERS.1),
            policy: page::content_security_policy(),
        }
    }

    pub(crate) async fn answer(&self, request: Request) -> Response {
        let as_json = wants_json(request.headers());
        let mut response = match self.told(request).await {
            Ok(told) => write(told, as_json),
            Err(wait) => slower(wait),
        };
        let headers = response.headers_mut();
        let fixed = [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            // Not `no-referrer`: browsers would hide from us that the form is our own.
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
            (header::CONTENT_SECURITY_POLICY, self.policy.as_str()),
        ];
        for (name, value) in fixed {
            set(headers, name, value);
        }
        response
    }

    /// Says what there is to say; or, if too many came, when to come again.
    async fn told(&self, request: Request) -> Result<Told, Duration> {
        if !self.guard.is_called_by_name(request.headers()) {
            self.strangers.take()?;
            let text =
                "This server is not called so. An operator names it with public_url in [approvals.webhook].";
            return Ok(Told::notice(StatusCode::MISDIRECTED_REQUEST, "refused", "Not here", text));
        }
        let Some(link) = link_of(request.uri().path()) else {
            self.strangers.take()?;
            return Ok(Told::notice(
                StatusCode::NOT_FOUND,
                "unknown",
                "Nothing here",
                "There is nothing here.",
            ));
        };
        let link = match self.links.read(link) {
            Ok(link) => link,
            Err(bad) => {
                self.strangers.take()?;
                return Ok(not_ours(bad));
            }
        };
        self.holders.take()?;
        Ok(match *request.method() {
            Method::GET | Method::HEAD => self.show(link).await,
            Method::POST => self.take(link, request).await,
            Method::OPTIONS => {
                Told::notice(StatusCode::OK, "unanswered", "Answer link", "GET shows, POST answers.")
            }
            _ => Told::notice(
                StatusCode::METHOD_NOT_ALLOWED,
                "refused",
                "Not so",
                "A link is looked at by GET, and answered by POST.",
            ),
        })
    }

    /// Shows the question. Changes nothing: mail programs and chats look at links before people do.
    async fn show(&self, link: Link) -> Told {
        match self.open(link).await {
            Ok(approval) => Told {
                status: StatusCode::OK,
                state: approval.state.as_str(),
                sentence: page::standing(&approval),
                page: page::confirm(&approval, link.choice, self.calls.longest_session()),
                approval: Some(approval),
            },
            Err(told) => *told,
        }
    }

    /// Takes the answer.
    async fn take(&self, link: Link, request: Request) -> Told {
        if !self.guard.is_of_our_page(request.headers()) {
            let text = "The answer came from a page of another place. Open the link itself.";
            return Told::notice(StatusCode::FORBIDDEN, "refused", "Not from there", text);
        }
        let approval = match self.open(link).await {
            Ok(approval) => approval,
            Err(told) => return *told,
        };
        let refused = |status, text: &str| Told::notice(status, "refused", "Not so", text);
        if !is_form(request.headers()) {
            let text = "An answer is a form (application/x-www-form-urlencoded), or nothing at all.";
            return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        }
        let body = match pointsman_listen::read(request.into_body(), &LIMITS).await {
            Ok(body) => body,
            Err(unread @ Unread::TooLarge { .. }) => {
                return refused(StatusCode::PAYLOAD_TOO_LARGE, &unread.to_string());
            }
            Err(Unread::TooSlow) => {
                return refused(StatusCode::REQUEST_TIMEOUT, &Unread::TooSlow.to_string());
            }
        };
        let longest = self.calls.longest_session();
        let answer = match form::read(&body, link.choice, &approval, self.calls.now(), longest) {
            Ok(answer) => answer,
            Err(why) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
        };
        match self.calls.answer(link.approval_id, link.digest, answer, &self.by).await {
            Ok(approval) => Told::stands(StatusCode::OK, approval, "Your answer was taken"),
            // Somebody else was quicker, or it is over.
            Err(Error::Answer(refused)) => self.refused(link, &refused).await,
            Err(error) => {
                tracing::warn!(%error, approval = %link.approval_id, "an answer by link was not taken");
                let text = "The host could not take the answer now. Open the link again to see where the question stands.";
                Told::notice(StatusCode::SERVICE_UNAVAILABLE, "unanswered", "Not taken", text)
            }
        }
    }

    async fn refused(&self, link: Link, refused: &Refused) -> Told {
        match self.open(link).await {
            // It is still open, so it is the answer that does not fit.
            Ok(_) => {
                let text = format!("The host did not take the answer: {refused}.");
                Told::notice(StatusCode::UNPROCESSABLE_ENTITY, "unanswered", "Not taken", &text)
            }
            Err(told) => *told,
        }
    }

    /// Gives the question of a link if it can be answered; else what to say instead.
    async fn open(&self, link: Link) -> Result<Approval, Box<Told>> {
        let approval = match self.calls.approval(link.approval_id).await {
            Ok(Some(approval)) => approval,
            Ok(None) => {
                let text = "The host knows no such question.";
                return Err(Box::new(Told::notice(
                    StatusCode::NOT_FOUND,
                    "unknown",
                    "Unknown question",
                    text,
                )));
            }
            Err(error) => {
                tracing::warn!(%error, approval = %link.approval_id, "a question cannot be read");
                let text = "The host cannot read the question now.";
                return Err(Box::new(Told::notice(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unanswered",
                    "Not now",
                    text,
                )));
            }
        };
        if approval.digest != link.digest {
            let text = "The question is about another request now. Answer it by its own link.";
            return Err(Box::new(Told::notice(StatusCode::GONE, "superseded", "Another request", text)));
        }
        let (status, heading) = match approval.state {
            ApprovalState::Pending if is_over(&approval, link, self.calls.now()) => {
                let text = "Nobody answered in time. That is never a yes.";
                return Err(Box::new(Told::notice(StatusCode::GONE, "expired", "Too late", text)));
            }
            ApprovalState::Pending => return Ok(approval),
            ApprovalState::Approved
            | ApprovalState::Consumed
            | ApprovalState::Denied
            | ApprovalState::Revoked => (StatusCode::CONFLICT, "It is answered already"),
            ApprovalState::Expired => (StatusCode::GONE, "Too late"),
            ApprovalState::Superseded => (StatusCode::GONE, "It is not asked any more"),
            ApprovalState::Withdrawn => (StatusCode::GONE, "It is not asked any more"),
        };
        Err(Box::new(Told::stands(status, approval, heading)))
    }
}

fn is_over(approval: &Approval, link: Link, now: Timestamp) -> bool {
    approval.expires_at <= now || link.expires_at <= now
}

fn not_ours(bad: BadLink) -> Told {
    match bad {
        BadLink::OtherHost(_) => Told::notice(
            StatusCode::GONE,
            "other_host",
            "Not this host's link",
            "Another host made this link; links end with the host that made them. If the question is still open, the \
             host that asks it now has sent a newer message.",
        ),
        BadLink::Broken => Told::notice(
            StatusCode::FORBIDDEN,
            "broken",
            "Not a whole link",
            "This link is not whole, or was changed. Open it as it was sent.",
        ),
    }
}

/// Finds the link in a path. A proxy may have put something before it, or taken it away.
fn link_of(path: &str) -> Option<&str> {
    let (before, link) = path.rsplit_once('/')?;
    (before.rsplit('/').next() == Some(ANSWER)).then_some(link)
}

/// Says whether whoever came is a program that reads JSON, and not a browser.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// Says whether a body is a form, or there is none.
fn is_form(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        return length.is_none_or(|length| length == "0") && !headers.contains_key(header::TRANSFER_ENCODING);
    };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn write(told: Told, as_json: bool) -> Response {
    let (kind, body) = if as_json {
        let approval = told.approval.as_ref();
        let body = json!({
            "state": told.state,
            "message": told.sentence,
            "approval_id": approval.map(|it| it.approval_id),
            "digest": approval.map(|it| it.digest),
            "settled_by": approval.and_then(|it| it.settled_by.as_deref()),
            "settled_at": approval.and_then(|it| it.settled_at),
        });
        ("application/json", body.to_string())
    } else {
        ("text/html; charset=utf-8", told.page)
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = told.status;
    set(response.headers_mut(), header::CONTENT_TYPE, kind);
    if told.status == StatusCode::METHOD_NOT_ALLOWED || told.state == "unanswered" {
        set(response.headers_mut(), header::ALLOW, "GET, HEAD, POST, OPTIONS");
    }
    response
}

fn slower(wait: Duration) -> Response {
    let mut response = Response::new(Body::from("too many requests\n"));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    set(response.headers_mut(), header::CONTENT_TYPE, "text/plain; charset=utf-8");
    set(response.headers_mut(), header::RETRY_AFTER, &wait.as_secs().saturating_add(1).to_string());
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
