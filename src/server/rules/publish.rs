//! Publishing and rolling back, one at a time. The versions are checked and their pipeline built on the compute pool, kept by
//! the thread that writes, and taken up there: whoever waits for the answer may go away at any time, and still what is on
//! disk is what calls are judged by.

use std::sync::Arc;

use qingting_pipeline::Pipeline;
use qingting_proto::v1;
use tonic::{Request, Status};

use super::{read, wire};
use crate::documents::{Author, Checked, Draft, Prepared, Refusal, prepare, roll_back};
use crate::server::Judging;
use crate::server::backend::Writer;
use crate::server::shared::{Ask, Ready, Shared};
use crate::server::status::Failure;

pub(super) async fn publish_documents(
    shared: &Arc<Shared>,
    request: Request<v1::PublishDocumentsRequest>,
) -> Result<v1::PublishDocumentsResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::PublishDocumentsRequest { drafts, note } = request.into_inner();
    let drafts = wire::drafts(drafts)?;
    publish(shared, &ask, note, move |_| Ok((drafts, None))).await
}

pub(super) async fn roll_back_document(
    shared: &Arc<Shared>,
    request: Request<v1::RollBackDocumentRequest>,
) -> Result<v1::PublishDocumentsResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::RollBackDocumentRequest { name, version, expected_version, note } = request.into_inner();
    let name = wire::name("name", &name)?;
    let version = wire::version("version", version)?;
    let expected = wire::version("expected_version", expected_version)?;
    let drafts = move |ready: &Ready| {
        let old = match version {
            0 => None,
            _ => read::kept(ready, &name, version)?,
        };
        let draft = roll_back(&ready.judging.shelf, &name, version, old)?;
        Ok((vec![(draft, expected)], Some(version)))
    };
    publish(shared, &ask, note, drafts).await
}

/// Drafts, each with the version that its document is thought to have, and the version that they restore.
type Drafts = (Vec<(Draft, u32)>, Option<u32>);

async fn publish(
    shared: &Arc<Shared>,
    ask: &Ask,
    note: String,
    drafts: impl FnOnce(&Ready) -> Result<Drafts, Failure> + Send + 'static,
) -> Result<v1::PublishDocumentsResponse, Status> {
    let limit = ask.limit;
    let work = async {
        let one = shared.publishing.clone().lock_owned().await;
        let ready = shared.ready(&ask.who)?;
        let author = Author { id: ask.who.id.clone(), name: ask.who.name.clone() };
        let now = ready.clone();
        let prepared = shared.compute.run(move || {
            let judging = &now.judging;
            let (drafts, restores) = drafts(&now)?;
            let by = (&author, note.as_str());
            let prepared = prepare(&judging.pipeline, &judging.config, &judging.shelf, &drafts, restores, by)?;
            match prepared.checked.needs_reindex {
                true => Err(Failure::from(Refusal::NewWords)),
                false => Ok(prepared),
            }
        });
        let prepared: Prepared = prepared.await??;
        let names: Vec<String> = prepared.versions.iter().map(|version| version.document.clone()).collect();
        let Checked { pipeline, warnings, affected, .. } = &prepared.checked;
        let (pipeline, warnings, affected) = (pipeline.clone(), warnings.clone(), *affected);
        let (renewing, old, new) = (shared.clone(), ready.judging.clone(), pipeline.clone());
        let keep = move |writer: &mut dyn Writer| {
            // Nobody else publishes before this is taken up.
            let _one = one;
            let numbers = writer.publish(&prepared.versions)?;
            let shelf = prepared.shelved(&old.shelf, &numbers);
            writer.renew(&new, shelf.assets())?;
            renewing.renew(Judging { pipeline: new, shelf, config: old.config });
            for version in &prepared.versions {
                tracing::info!(document = version.document, version = version.version, "published");
            }
            Ok(())
        };
        ready.writes.change(keep).await?;
        answer(shared, &names, &pipeline, warnings, affected).map_err(Status::from)
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Failure::Deadline(limit).into()))
}

fn answer(
    shared: &Shared,
    names: &[String],
    pipeline: &Pipeline,
    warnings: Vec<crate::documents::Mistake>,
    affected: qingting_pipeline::pipeline::Stale,
) -> Result<v1::PublishDocumentsResponse, Failure> {
    let shelf = shared.judging()?.shelf;
    let documents = names.iter().map(|name| shelf.get(name)).collect::<Result<Vec<_>, _>>().map_err(Refusal::from)?;
    Ok(v1::PublishDocumentsResponse {
        documents: documents.iter().flatten().map(wire::document).collect(),
        config_fingerprint: pipeline.provenance().config_fingerprint.clone(),
        affected: wire::affected(affected).into(),
        warnings: wire::mistakes(warnings),
    })
}
