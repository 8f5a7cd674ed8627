//! Links in the hands of people, programs and strangers.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use pointsman_model::{Approval, ApprovalId, ApprovalState, Digest, HostId, Scope};
use rstest::rstest;
use serde_json::{Value, json};
use url::Url;

use super::fake::{Fake, SECRET, links};
use crate::http::Desk;
use crate::link::{Choice, Links};
use crate::samples::question;
use crate::secret::Secret;

struct Stage {
    host: Arc<Fake>,
    desk: Desk<Fake>,
}

struct Reply {
    status: u16,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Stage {
    fn set() -> Self {
        Self::with(question())
    }

    fn with(approval: Approval) -> Self {
        let host = Fake::knowing(approval);
        let public = Url::parse("https://desk.example/p").unwrap();
        let desk = Desk::new(Arc::clone(&host), links(), Some(public), "webhook:phone".to_owned());
        Self { host, desk }
    }

    fn link(&self, choice: Choice) -> String {
        format!("/answer/{}", links().of(&self.host.question(), choice, [1; 8]))
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:7431");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let response = self.desk.answer(request.body(Body::from(body.to_owned())).unwrap()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Reply { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, &[], body).await
    }

    fn is_pending(&self) -> bool {
        self.host.question().state == ApprovalState::Pending
    }
}

impl Reply {
    fn says(&self, status: u16, what: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.text.contains(what), "{what} in {}", self.text);
    }
}

/// Whoever previews a link answers nothing: chats, mail scanners, browsers that fetch ahead.
#[rstest]
#[case("GET")]
#[case("HEAD")]
#[case("OPTIONS")]
#[case("PUT")]
#[case("DELETE")]
#[case("PATCH")]
#[tokio::test]
async fn looking_at_a_link_answers_nothing(#[case] method: &str) {
    let stage = Stage::set();
    for _ in 0..3 {
        stage.ask(method, &stage.link(Choice::Allow), &[("sec-purpose", "prefetch")], "").await;
        stage.ask(method, &stage.link(Choice::Allow), &[], "scope=once").await;
    }
    assert!(stage.is_pending());
}

#[tokio::test]
async fn a_person_sees_what_is_asked_before_the_answer_counts() {
    let stage = Stage::set();
    let page = stage.get(&stage.link(Choice::Allow)).await;
    page.says(200, "git push --force");
    page.says(200, &question().digest.to_string());
    page.says(200, "&lt;b&gt;origin&lt;/b&gt;");
    assert!(!page.text.contains("<b>") && !page.text.contains("<script"), "{}", page.text);
    let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/html"));
    assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("referrer-policy"), "same-origin");
    let done = stage.post(&stage.link(Choice::Allow), "scope=once").await;
    done.says(200, "allowed by webhook:phone");
    let settled = stage.host.question();
    assert_eq!((settled.state, settled.standing), (ApprovalState::Consumed, None));
    assert_eq!(settled.settled_by.as_deref(), Some("webhook:phone"));
}

#[tokio::test]
async fn a_no_comes_with_its_words() {
    let stage = Stage::set();
    stage.get(&stage.link(Choice::Deny)).await.says(200, "<textarea");
    stage.post(&stage.link(Choice::Deny), "feedback=use+a+branch").await.says(200, "use a branch");
    let settled = stage.host.question();
    assert_eq!((settled.state, settled.feedback.as_deref()), (ApprovalState::Denied, Some("use a branch")));
}

#[tokio::test]
async fn an_answer_reaches_no_further_than_the_question_permits() {
    let stage = Stage::with(Approval { scope: Scope::Once, ..question() });
    let page = stage.get(&stage.link(Choice::Allow)).await;
    assert!(!page.text.contains("name=\"scope\""), "{}", page.text);
    stage.post(&stage.link(Choice::Allow), "scope=run").await.says(422, "further than");
    assert!(stage.is_pending());
    let stage = Stage::set();
    stage.get(&stage.link(Choice::Allow)).await.says(200, "value=\"session-8h\"");
    stage.post(&stage.link(Choice::Allow), "scope=session-8h").await.says(200, "allowed");
    assert_eq!(stage.host.question().standing.unwrap().scope, Scope::Session);
}

/// Neither link answers once the question is answered, by whichever channel.
#[tokio::test]
async fn a_link_is_good_for_once() {
    let stage = Stage::set();
    let (allow, deny) = (stage.link(Choice::Allow), stage.link(Choice::Deny));
    stage.post(&allow, "").await.says(200, "allowed");
    for link in [&allow, &deny] {
        stage.post(link, "").await.says(409, "allowed by webhook:phone");
        stage.get(link).await.says(409, "allowed by webhook:phone");
    }
    assert_eq!(stage.host.question().state, ApprovalState::Consumed);
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    let stage = Stage::set();
    let (allow, deny) = (stage.link(Choice::Allow), stage.link(Choice::Deny));
    let (one, other) = tokio::join!(stage.post(&allow, ""), stage.post(&deny, "feedback=no"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[rstest]
#[case::used(ApprovalState::Consumed, Some("cli:ada"), 409, "It was allowed by cli:ada at 2026")]
#[case::not_yet_used(ApprovalState::Approved, Some("mcp:vscode"), 409, "It was allowed by mcp:vscode")]
#[case::denied(ApprovalState::Denied, Some("a2a:bob"), 409, "It was denied by a2a:bob")]
#[case::revoked(ApprovalState::Revoked, Some("cli:ada"), 409, "taken back")]
#[case::expired(ApprovalState::Expired, None, 410, "never a yes")]
#[case::superseded(ApprovalState::Superseded, None, 410, "took it back")]
#[case::withdrawn(ApprovalState::Withdrawn, None, 410, "is over")]
#[tokio::test]
async fn a_late_link_says_where_the_question_stands(
    #[case] state: ApprovalState,
    #[case] by: Option<&str>,
    #[case] status: u16,
    #[case] says: &str,
) {
    let stage = Stage::set();
    let link = stage.link(Choice::Allow);
    stage.host.change(|approval| {
        approval.state = state;
        approval.settled_at = Some(approval.expires_at);
        approval.settled_by = by.map(str::to_owned);
    });
    stage.get(&link).await.says(status, says);
    stage.post(&link, "").await.says(status, says);
    let json = stage.ask("POST", &link, &[("accept", "application/json")], "").await;
    let json: Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!((&json["state"], &json["settled_by"]), (&json!(state), &json!(by)), "{json}");
    assert_eq!(stage.host.question().state, state);
}

/// Its time is over before the host has noticed.
#[tokio::test]
async fn nobody_answers_behind_the_end() {
    let stage = Stage::set();
    *stage.host.now.lock().unwrap() = question().expires_at;
    stage.get(&stage.link(Choice::Allow)).await.says(410, "never a yes");
    stage.post(&stage.link(Choice::Allow), "").await.says(410, "never a yes");
    assert!(stage.is_pending());
}

#[tokio::test]
async fn links_of_others_answer_nothing() {
    let stage = Stage::set();
    let secret = Secret::parse(SECRET).unwrap();
    let host = |name: u8| HostId::from_bytes([name; 16]);
    let approval = question();
    let path =
        |links: &Links, approval: &Approval| format!("/answer/{}", links.of(approval, Choice::Allow, [1; 8]));
    // The operator's secret and everything that stands in the state are not enough.
    let forged = path(&Links::new(host(7), &secret, &[8; 32]), &approval);
    stage.post(&forged, "").await.says(403, "not whole");
    let before = path(&Links::new(host(6), &secret, &[7; 32]), &approval);
    stage.post(&before, "").await.says(410, "Another host made this link");
    let other = Approval { approval_id: ApprovalId::from_bytes([9; 16]), ..approval.clone() };
    stage.post(&path(&links(), &other), "").await.says(404, "no such question");
    let other = Approval { digest: Digest::of(b"another request"), ..approval.clone() };
    stage.post(&path(&links(), &other), "").await.says(410, "another request");
    let mut cut = path(&links(), &approval);
    cut.pop();
    stage.post(&cut, "").await.says(403, "not whole");
    stage.get("/").await.says(404, "nothing here");
    stage.get("/answer/").await.says(403, "not whole");
    assert!(stage.is_pending());
}

#[rstest]
#[case::rebound(&[("host", "rebound.example")], "", 421)]
#[case::a_strangers_page(&[("origin", "https://evil.example")], "", 403)]
#[case::a_strangers_page_that_hides(&[("origin", "null")], "", 403)]
#[case::fetched_from_elsewhere(&[("sec-fetch-site", "cross-site")], "", 403)]
#[case::no_form(&[("content-type", "text/plain")], "", 415)]
#[case::too_much(&[], &"x".repeat(65 * 1024), 413)]
#[case::what_it_does_not_take(&[], "answer=allow", 422)]
#[tokio::test]
async fn what_comes_otherwise_answers_nothing(
    #[case] headers: &[(&str, &str)],
    #[case] body: &str,
    #[case] status: u16,
) {
    let stage = Stage::set();
    let link = stage.link(Choice::Allow);
    let mut request = Request::builder().method("POST").uri(&link);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:7431");
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = stage.desk.answer(request.body(Body::from(body.to_owned())).unwrap()).await;
    assert_eq!(response.status(), status);
    assert!(stage.is_pending());
}

/// Behind a proxy the page has the public name, and the path may begin with something.
#[tokio::test]
async fn a_proxy_may_stand_before_it() {
    let stage = Stage::set();
    let link = format!("/p{}", stage.link(Choice::Deny));
    let headers = [("origin", "https://desk.example"), ("sec-fetch-site", "same-origin")];
    stage.ask("POST", &link, &headers, "feedback=").await.says(200, "denied");
}

#[tokio::test]
async fn a_host_that_cannot_read_its_state_answers_nothing() {
    let stage = Stage::set();
    *stage.host.breaks.lock().unwrap() = true;
    stage.post(&stage.link(Choice::Allow), "").await.says(503, "cannot read");
    *stage.host.breaks.lock().unwrap() = false;
    assert!(stage.is_pending());
}

/// Strangers who guess are slowed down, and keep nobody out who has a link.
#[tokio::test(start_paused = true)]
async fn guessing_is_slow() {
    let stage = Stage::set();
    let guess = format!("/answer/{}", "A".repeat(152));
    let mut slowed = 0;
    for _ in 0..100 {
        let reply = stage.get(&guess).await;
        if reply.status == 429 {
            assert_eq!(reply.headers["retry-after"], "2");
            slowed += 1;
        }
    }
    assert_eq!(slowed, 70);
    stage.post(&stage.link(Choice::Allow), "").await.says(200, "allowed");
}
