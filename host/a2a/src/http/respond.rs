//! Answers.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde_json::{Value, json};

use crate::calls::Calls;
use crate::tasks::Follow;
use crate::view::StreamItem;
use crate::wire::Fault;

/// How often a stream that has nothing to say shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    typed(status, value, "application/json")
}

pub(super) fn typed(status: StatusCode, value: &Value, kind: &str) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    header(response.headers_mut(), header::CONTENT_TYPE, kind);
    response
}

/// Answers what is no matter of an operation, in the shape that errors of HTTP+JSON have.
pub(super) fn plain(status: StatusCode, why: &str) -> Response {
    // google.rpc's name for it: clients that read errors look for one.
    let name = match status {
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::FORBIDDEN => "PERMISSION_DENIED",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "UNIMPLEMENTED",
        StatusCode::REQUEST_TIMEOUT => "DEADLINE_EXCEEDED",
        _ => "INVALID_ARGUMENT",
    };
    json(status, &json!({"error": {"code": status.as_u16(), "status": name, "message": why}}))
}

pub(super) fn unauthorized() -> Response {
    let mut response = plain(StatusCode::UNAUTHORIZED, "missing or wrong bearer token");
    header(response.headers_mut(), header::WWW_AUTHENTICATE, "Bearer realm=\"pointsman\"");
    response
}

pub(super) fn header(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Writes a stream, each event as `write` has it.
pub(super) fn stream<C: Calls>(
    follow: Follow<C>,
    write: impl Fn(Result<&StreamItem, &Fault>) -> Value + Send + 'static,
) -> Response {
    let events = unfold((follow, write), |(mut follow, write)| async move {
        let next = follow.next().await?;
        let event = match &next {
            Ok(item) => Event::default().data(write(Ok(item)).to_string()),
            Err(fault) => Event::default().event("error").data(write(Err(fault)).to_string()),
        };
        Some((Ok::<_, Infallible>(event), (follow, write)))
    });
    sse(events)
}

/// Writes a stream of one event.
pub(super) fn one_event(value: &Value) -> Response {
    let event = Event::default().data(value.to_string());
    sse(futures_util::stream::iter([Ok::<_, Infallible>(event)]))
}

fn sse(events: impl futures_util::Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    header(headers, header::CACHE_CONTROL, "no-store");
    header(headers, HeaderName::from_static("x-accel-buffering"), "no");
    response
}
