//! The channel as a whole: begins with a host and ends with it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pointsman_capabilities::process::HostEnvironment;
use pointsman_capabilities::request::Proxies;
use pointsman_engine::Host;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::deliver::Courier;
use crate::follow::Teller;
use crate::http::{Desk, LIMITS};
use crate::link::Links;
use crate::post::Post;
use crate::random;
use crate::{Place, Settings};

/// How often the address is tried again while somebody else has it.
const AGAIN: Duration = Duration::from_secs(3);

/// A channel that tells of a host's questions and takes answers by link, until it is ended.
#[derive(Debug)]
pub struct Webhook {
    ending: CancellationToken,
    task: JoinHandle<()>,
}

impl Webhook {
    /// Begins. As long as another process has the address that a proxy leads to, nobody is told of anything by this host:
    /// a link must lead to whoever made it.
    #[must_use]
    pub fn start(host: Host, settings: Settings) -> Self {
        let ending = CancellationToken::new();
        let task = tokio::spawn(run(host, settings, ending.clone()));
        Self { ending, task }
    }

    /// Takes no more answers. Tells of those that were given, if that takes but a moment.
    pub async fn end(self) {
        self.ending.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the webhook did not end well");
        }
    }
}

async fn run(host: Host, settings: Settings, ending: CancellationToken) {
    let Some((listener, address)) = listen(&settings.place, &ending).await else { return };
    let base = match &settings.place.public {
        Some(public) => public.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    tracing::info!(
        url = base,
        receiver = settings.receiver.origin().as_str(),
        "questions are told by webhook"
    );
    let links = Links::new(host.id(), &settings.secret, &random());
    let by = format!("webhook:{}", settings.name);
    let calls = Arc::new(host.clone());
    let desk = Desk::new(Arc::clone(&calls), links.clone(), settings.place.public.clone(), by);
    let desk = Arc::new(desk);
    let answer = move |request| {
        let desk = Arc::clone(&desk);
        async move { desk.answer(request).await }
    };
    let proxies = Proxies::of(&HostEnvironment::of_this_process());
    let post = Post::new(settings.receiver, settings.secret, proxies);
    let courier = Arc::new(Courier::new(post, Arc::clone(&host.settings().clock)));
    let teller = Teller { calls, courier, links, base, events: settings.events };
    let telling = teller.tell(host.questions(), ending.clone());
    let serving = async {
        if let Err(error) = pointsman_listen::serve(listener, LIMITS, answer, ending.clone()).await {
            tracing::error!(%error, "answer links are no longer answered");
        }
    };
    tokio::join!(telling, serving);
}

/// Takes the address, or waits until nobody else has it; `None` if the channel is ended before. Where no proxy leads to
/// the address any other of the machine does as well: links name it.
async fn listen(place: &Place, ending: &CancellationToken) -> Option<(TcpListener, SocketAddr)> {
    let at = place.listen;
    let mut told = false;
    loop {
        let error = match bind(at).await {
            Ok(bound) => return Some(bound),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::AddrInUse
            && place.public.is_none()
            && let Ok(bound) = bind(SocketAddr::new(at.ip(), 0)).await
        {
            tracing::warn!(%error, wanted = %at, taken = %bound.1, "answer links lead to another port");
            return Some(bound);
        }
        if told {
            tracing::debug!(%error, address = %at, "the address of the webhook cannot be had yet");
        } else {
            told = true;
            tracing::warn!(
                %error, address = %at,
                "no question of this host is told by webhook until it has its address; another host of the same \
                 configuration may have it"
            );
        }
        tokio::select! {
            () = ending.cancelled() => return None,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn bind(at: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(at).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
