//! Documents and versions read, compared and checked; nothing here changes anything.

use std::sync::Arc;

use qingting_index::Publication;
use qingting_proto::v1;
use qingting_proto::v1::diff_document_request::Target;
use tonic::{Request, Status};

use super::wire;
use crate::documents::{Draft, Kind, MAX_BYTES, Refusal, check, items, unified};
use crate::server::convert::Invalid;
use crate::server::paging;
use crate::server::shared::{Ready, Shared};
use crate::server::status::Failure;

/// Most items of a comparison.
const MAX_CHANGES: usize = 1000;

pub(super) async fn list_documents(
    shared: &Arc<Shared>,
    request: Request<v1::ListDocumentsRequest>,
) -> Result<v1::ListDocumentsResponse, Status> {
    let ask = shared.ask(&request)?;
    let kinds = wire::kinds(&request.into_inner().kinds)?;
    let work = move |ready: &Ready| {
        let documents = ready.judging.shelf.list(&kinds).map_err(Refusal::from)?;
        Ok(v1::ListDocumentsResponse {
            documents: documents.iter().map(wire::document).collect(),
            config_fingerprint: ready.judging.pipeline.provenance().config_fingerprint.clone(),
        })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn get_document(
    shared: &Arc<Shared>,
    request: Request<v1::GetDocumentRequest>,
) -> Result<v1::Document, Status> {
    let ask = shared.ask(&request)?;
    let v1::GetDocumentRequest { name, version } = request.into_inner();
    let name = wire::name("name", &name)?;
    let version = version.map(|version| wire::version("version", version)).transpose()?;
    let work = move |ready: &Ready| {
        let text = text(ready, &name, version)?;
        let shelf = &ready.judging.shelf;
        // A document that was published and then left to files that have none is known by its versions alone.
        let document = match shelf.get(&name).map_err(Refusal::from)? {
            Some(document) => document,
            None => shelf.withdrawn(&name).ok_or_else(|| Refusal::Unknown(name.clone()))?,
        };
        let mut answer = wire::document(&document);
        if version.is_some() {
            answer.sha256 = crate::documents::digest(&text);
        }
        answer.text = text;
        Ok(answer)
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn list_versions(
    shared: &Arc<Shared>,
    request: Request<v1::ListVersionsRequest>,
) -> Result<v1::ListVersionsResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::ListVersionsRequest { name, page_size, page_token } = request.into_inner();
    let size = paging::size(&shared.config, page_size)?;
    let name = wire::name("name", &name)?;
    let before = match page_token.as_str() {
        "" => None,
        token => {
            let number = token.parse::<u32>();
            Some(number.map_err(|_| Invalid::field("page_token", "not a token that this server gave out"))?)
        }
    };
    let work = move |ready: &Ready| {
        let most = u32::try_from(size).unwrap_or(u32::MAX).saturating_add(1);
        let mut versions = ready.reader.publications(&name, before, most)?;
        let newest = ready.judging.shelf.version(&name);
        if versions.is_empty() && ready.judging.shelf.get(&name).map_err(Refusal::from)?.is_none() {
            return Err(Refusal::Unknown(name).into());
        }
        let more = versions.len() > size;
        versions.truncate(size);
        let next = versions.last().filter(|_| more).map(|last| last.version.to_string());
        Ok(v1::ListVersionsResponse {
            versions: versions.iter().map(|version| wire::published(version, newest)).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn diff_document(
    shared: &Arc<Shared>,
    request: Request<v1::DiffDocumentRequest>,
) -> Result<v1::DiffDocumentResponse, Status> {
    let ask = shared.ask(&request)?;
    let v1::DiffDocumentRequest { name, base_version, target } = request.into_inner();
    let document = wire::name("name", &name)?;
    let base = base_version.map(|version| wire::version("base_version", version)).transpose()?;
    let target = match target {
        Some(Target::Text(text)) if text.len() > MAX_BYTES => {
            return Err(Invalid::field("text", format!("is longer than {MAX_BYTES} bytes")).into());
        }
        Some(Target::Text(text)) => Err(text),
        Some(Target::Version(version)) => Ok(Some(wire::version("version", version)?)),
        None => Ok(None),
    };
    let work = move |ready: &Ready| {
        let label = |version: Option<u32>| version.map_or_else(|| document.clone(), |v| format!("{document}@{v}"));
        let is_draft = target.is_err();
        let (new_label, new) = match target {
            Ok(version) => (label(version), text(ready, &document, version)?),
            Err(draft) => (format!("{document} (draft)"), draft),
        };
        let old = match text(ready, &document, base) {
            // A draft of a new document.
            Err(Failure::Documents(Refusal::Unknown(_))) if is_draft && base.is_none() => String::new(),
            other => other?,
        };
        let kind = Kind::of(&document).map_err(|message| Invalid::field("name", message))?;
        let changes = items(kind, &old, &new).into_iter().take(MAX_CHANGES).map(wire::change);
        let unified = unified((&label(base), &old), (&new_label, &new));
        Ok(v1::DiffDocumentResponse { changes: changes.collect(), unified })
    };
    Ok(shared.read(&ask, work).await?)
}

pub(super) async fn validate_documents(
    shared: &Arc<Shared>,
    request: Request<v1::ValidateDocumentsRequest>,
) -> Result<v1::ValidateDocumentsResponse, Status> {
    let ask = shared.ask(&request)?;
    let drafts: Vec<Draft> = wire::drafts(request.into_inner().drafts)?.into_iter().map(|(draft, _)| draft).collect();
    let work = move |ready: &Ready| {
        let judging = &ready.judging;
        Ok(match check(&judging.pipeline, &judging.config, &judging.shelf, &drafts) {
            Ok(checked) => v1::ValidateDocumentsResponse {
                mistakes: Vec::new(),
                warnings: wire::mistakes(checked.warnings),
                affected: wire::affected(checked.affected).into(),
                needs_reindex: checked.needs_reindex,
                config_fingerprint: checked.pipeline.provenance().config_fingerprint.clone(),
            },
            Err(mistakes) => v1::ValidateDocumentsResponse { mistakes: wire::mistakes(mistakes), ..Default::default() },
        })
    };
    Ok(shared.read(&ask, work).await?)
}

/// What a document says: as it counts, in the files (0), or in a version.
fn text(ready: &Ready, name: &str, version: Option<u32>) -> Result<String, Failure> {
    let shelf = &ready.judging.shelf;
    let unknown = |what: String| Failure::from(Refusal::Unknown(what));
    match version {
        None => {
            let document = shelf.get(name).map_err(Refusal::from)?;
            Ok(document.ok_or_else(|| unknown(name.to_owned()))?.text)
        }
        Some(number) => {
            let what = || unknown(format!("version {number} of {name}"));
            let kept = match number {
                0 => None,
                _ => Some(kept(ready, name, number)?.ok_or_else(what)?),
            };
            match kept.and_then(|version| version.content) {
                Some(text) => Ok(text),
                // That of the files.
                None => Ok(shelf.in_files(name).map_err(Refusal::from)?.ok_or_else(what)?),
            }
        }
    }
}

/// A version that was published.
pub(super) fn kept(ready: &Ready, name: &str, version: u32) -> Result<Option<Publication>, Failure> {
    let found = ready.reader.publications(name, version.checked_add(1), 1)?;
    Ok(found.into_iter().find(|found| found.version == version))
}
