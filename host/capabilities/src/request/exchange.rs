//! One request and its response, from the connection to the last byte.

use std::sync::Arc;
use std::time::Duration;

use pointsman_model::plugin::RequestFault;
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use tokio::sync::{OnceCell, mpsc};
use tokio::time::timeout;

use super::authorize::{AuthorizedRequest, Cut, place};
use super::client::ResponseEvent;
use super::fault::Failure;
use super::header::{encoding, is_event_stream, shown, size};
use super::network::{Limits, Network};
use super::sse::SseFramer;

/// The largest piece of `bytes` framing.
const PIECE: usize = 64 * 1024;
/// Events in one input at most.
const BATCH_EVENTS: usize = 512;
/// Bytes in one input at most, if it has more than one event.
const BATCH_BYTES: usize = 256 * 1024;

/// Sends a request and hands over what comes of it, to the end.
pub(super) async fn exchange(
    network: Network,
    pool: Arc<OnceCell<reqwest::Client>>,
    request: AuthorizedRequest,
    events: mpsc::Sender<ResponseEvent>,
) {
    let (limits, shown) = (network.limits(), request.place());
    let total = request.total_timeout.unwrap_or(limits.most_total_timeout).min(limits.most_total_timeout);
    let idle = request.idle_timeout.unwrap_or(limits.idle_timeout).min(limits.most_idle_timeout);
    let conversation = async {
        let client = pool.get_or_try_init(|| network.pool(&request.rules)).await?;
        let cut = request.cut;
        let (response, place) = follow(client, request, idle, limits.redirects).await?;
        hand_over(response, &place, cut, idle, limits, &events).await
    };
    let last = match timeout(total, conversation)
        .await
        .unwrap_or_else(|_| Err(Stop::Failed(Failure::late(total))))
    {
        Ok(()) => ResponseEvent::Ended,
        Err(Stop::NobodyListens) => return,
        Err(Stop::Failed(Failure { fault, text })) => {
            tracing::debug!(place = shown, ?fault, text, "request failed");
            ResponseEvent::Failed { fault, text }
        }
    };
    // Whoever listened may have gone.
    let _ = events.send(last).await;
}

/// Why an exchange ends before its end.
enum Stop {
    Failed(Failure),
    /// The run is over.
    NobodyListens,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Sends a request, and sends it again where the same origin says so. Gives the response and where it came from.
async fn follow(
    client: &reqwest::Client,
    mut request: AuthorizedRequest,
    idle: Duration,
    most: usize,
) -> Result<(Response, String), Failure> {
    for left in (0..=most).rev() {
        let response = send(client, &request, idle).await?;
        let Some(target) = target(&response) else { return Ok((response, request.place())) };
        if left > 0 {
            redirect(&mut request, response.status(), &target)?;
        }
    }
    let text = format!("{} sent elsewhere more than {most} times", request.rules.origin());
    Err(Failure::new(RequestFault::Redirected, text))
}

async fn send(
    client: &reqwest::Client,
    request: &AuthorizedRequest,
    idle: Duration,
) -> Result<Response, Failure> {
    let shown = request.place();
    let mut message = reqwest::Request::new(request.method.clone(), request.url.clone());
    message.headers_mut().extend(request.headers.clone());
    message.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    *message.body_mut() = request.body.clone().map(reqwest::Body::from);
    match timeout(idle, client.execute(message)).await {
        Ok(response) => response.map_err(|error| Failure::of(error, &shown)),
        Err(_) => Err(Failure::idle(idle)),
    }
}

/// Gives where a response sends to, if it does.
fn target(response: &Response) -> Option<String> {
    let redirects = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    let location = response.headers().get(header::LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Makes the next request of one that was sent elsewhere: within the same origin, by what is permitted there.
fn redirect(request: &mut AuthorizedRequest, status: StatusCode, target: &str) -> Result<(), Failure> {
    let refused = |text: String| Failure::new(RequestFault::Redirected, text);
    let from = request.rules.origin().clone();
    let mut url = request
        .url
        .join(target)
        .map_err(|_| refused(format!("{from} sent to a place that is no URL (status {status})")))?;
    if url.origin() != request.url.origin() {
        return Err(refused(format!(
            "{from} sent to {}, another origin, which is never followed: name that one instead if it is meant",
            place(&url)
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(format!("{from} sent to a URL that holds a user or a password")));
    }
    url.set_fragment(None);
    // As browsers do, and RFC 9110 allows: what was posted is not posted elsewhere, but looked for there.
    let asks_again = match status.as_u16() {
        303 => request.method != Method::GET && request.method != Method::HEAD,
        301 | 302 => request.method == Method::POST,
        _ => false,
    };
    if asks_again {
        request.method = Method::GET;
        request.body = None;
        let bodys = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE];
        for name in bodys {
            request.headers.remove(name);
        }
    }
    request.rules.permit(&request.method, &url).map_err(|why| {
        refused(format!("{from} sent to {}, where the plugin may not follow: {why}", place(&url)))
    })?;
    tracing::debug!(place = place(&url), "redirect followed");
    request.url = url;
    Ok(())
}

/// Hands a response over, piece by piece.
async fn hand_over(
    mut response: Response,
    shown_place: &str,
    cut: Cut,
    idle: Duration,
    limits: &Limits,
    events: &mpsc::Sender<ResponseEvent>,
) -> Result<(), Stop> {
    if size(response.headers()) > limits.head_bytes {
        let text = format!("{shown_place}: a head of more than {} bytes", limits.head_bytes);
        return Err(Failure::new(RequestFault::TooLarge, text).into());
    }
    if response.status().is_informational() {
        let text = format!("{shown_place}: status {}, which nobody asked for", response.status());
        return Err(Failure::new(RequestFault::Malformed, text).into());
    }
    if let Some(encoding) = encoding(response.headers()) {
        let text = format!("{shown_place}: the response is encoded as {encoding:?}, which was not asked for");
        return Err(Failure::new(RequestFault::Malformed, text).into());
    }
    let head = ResponseEvent::Head { status: response.status().as_u16(), headers: shown(response.headers()) };
    give(events, head).await?;
    let mut framer = (cut == Cut::Events && is_event_stream(response.headers()))
        .then(|| SseFramer::new(limits.event_bytes));
    let mut taken = 0_u64;
    loop {
        let chunk = match timeout(idle, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| Failure::of(error, shown_place))?,
            Err(_) => return Err(Failure::idle(idle).into()),
        };
        let Some(chunk) = chunk else { return Ok(()) };
        let mut bytes: &[u8] = &chunk;
        match &mut framer {
            Some(framer) => hand_events(framer, bytes, events).await?,
            None => {
                taken = taken.saturating_add(chunk.len() as u64);
                if taken > limits.body_bytes {
                    let text = format!("{shown_place}: a body of more than {} bytes", limits.body_bytes);
                    return Err(Failure::new(RequestFault::TooLarge, text).into());
                }
                while !bytes.is_empty() {
                    let (piece, rest) = bytes.split_at(bytes.len().min(PIECE));
                    give(events, ResponseEvent::Bytes(piece.to_vec())).await?;
                    bytes = rest;
                }
            }
        }
    }
}

/// Hands over the events that a chunk finishes, in batches.
async fn hand_events(
    framer: &mut SseFramer,
    mut bytes: &[u8],
    events: &mpsc::Sender<ResponseEvent>,
) -> Result<(), Stop> {
    let (mut batch, mut weight) = (Vec::new(), 0);
    loop {
        let next = framer.next(&mut bytes);
        let over = !matches!(next, Ok(Some(_)));
        if let Ok(Some(event)) = &next {
            let words = event.name.as_ref().map_or(0, String::len) + event.id.as_ref().map_or(0, String::len);
            weight += event.data.len() + words;
        }
        if !batch.is_empty() && (over || batch.len() == BATCH_EVENTS || weight > BATCH_BYTES) {
            give(events, ResponseEvent::Events(std::mem::take(&mut batch))).await?;
            weight = 0;
        }
        match next {
            Ok(Some(event)) => batch.push(event),
            Ok(None) => return Ok(()),
            Err(error) => return Err(Failure::new(RequestFault::TooLarge, error.to_string()).into()),
        }
    }
}

async fn give(events: &mpsc::Sender<ResponseEvent>, event: ResponseEvent) -> Result<(), Stop> {
    events.send(event).await.map_err(|_| Stop::NobodyListens)
}
