//! Who acts, and the thread that they act on: what may be done is decided where it is written, so that nobody else goes on from the
//! same state in between.

use tokio::sync::oneshot;
use tonic::Status;

use super::backend::Writer;
use super::convert::Invalid;
use super::shared::Ready;
use super::status::Failure;
use crate::access::Principal;
use crate::who::{LOCAL, Who};

/// Longest name, characters.
const LONGEST_NAME: usize = 100;

/// Who acts: the one who asks, or, through the socket of the data folder, whom they name.
pub(super) fn actor(principal: &Principal, named: &str) -> Result<Who, Failure> {
    let named = named.trim();
    if named.is_empty() {
        return Ok(Who { id: principal.id.clone(), name: principal.name.clone() });
    }
    if principal.id != LOCAL {
        let message =
            "a key or token tells who acts: somebody else is named through the socket of the data folder alone";
        return Err(Failure::NotYours(message));
    }
    if named.chars().count() > LONGEST_NAME {
        return Err(Invalid::field("actor", format!("longer than {LONGEST_NAME} characters")).into());
    }
    Ok(Who::local(named))
}

/// What came of acting, and whether anybody knows what was kept.
pub(super) struct Acted<T> {
    pub(super) result: Result<T, Failure>,
    /// Something was to be kept, and perhaps was not.
    pub(super) broken: bool,
}

/// Has somebody act, with nobody else acting meanwhile; what they keep is on disk on return.
pub(super) async fn act<T: Send + 'static>(
    ready: &Ready,
    work: impl FnOnce(&mut dyn Writer) -> Acted<T> + Send + 'static,
) -> Result<T, Status> {
    let (tell, told) = oneshot::channel();
    let change = move |writer: &mut dyn Writer| {
        let Acted { result, broken } = work(writer);
        match result {
            // What could not be kept ends the writer; what could not be read does not.
            Err(Failure::Index(error)) if broken => Err(error),
            result => {
                drop(tell.send(result));
                Ok(())
            }
        }
    };
    ready.writes.change(change).await?;
    Ok(told.await.map_err(|_| Failure::Panicked)??)
}
