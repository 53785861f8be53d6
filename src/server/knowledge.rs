//! KnowledgeService: articles in, the best passage of each article out.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt, pin_mut};
use qingting_proto::v1;
use qingting_proto::v1::knowledge_service_server::KnowledgeService;
use tonic::{Request, Response, Status, Streaming};

use super::backend::Article;
use super::convert::Invalid;
use super::deadline;
use super::shared::Shared;
use super::status::status_message;

/// Articles that are handed to the writer at once.
const BATCH: usize = 64;

/// The service.
pub(super) struct Knowledge(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl KnowledgeService for Knowledge {
    async fn import_articles(
        &self,
        request: Request<Streaming<v1::ImportArticlesRequest>>,
    ) -> Result<Response<v1::ImportArticlesResponse>, Status> {
        let (ready, _permit) = self.0.stream()?;
        let messages = self.0.messages(request.into_inner()).enumerate();
        pin_mut!(messages);
        let mut response = v1::ImportArticlesResponse::default();
        let mut batch = Vec::with_capacity(BATCH);
        while let Some((index, message)) = messages.next().await {
            let article = message?.article.unwrap_or_default();
            let id = article.id.clone();
            match article_from_wire(article) {
                Ok(article) => batch.push(article),
                Err(invalid) => response.rejected.push(v1::RejectedArticle {
                    index: index as i64,
                    id,
                    status: Some(status_message(Some(&invalid.into()))),
                }),
            }
            if batch.len() == BATCH {
                let count = batch.len() as i64;
                ready.writes.articles(std::mem::take(&mut batch)).await?;
                response.imported_count += count;
            }
        }
        if !batch.is_empty() {
            let count = batch.len() as i64;
            ready.writes.articles(batch).await?;
            response.imported_count += count;
        }
        Ok(Response::new(response))
    }

    async fn search_articles(
        &self,
        request: Request<v1::SearchArticlesRequest>,
    ) -> Result<Response<v1::SearchArticlesResponse>, Status> {
        let limit = deadline::limit(request.metadata(), self.0.config.request_timeout());
        let request = request.into_inner();
        if request.query.trim().is_empty() {
            return Err(Invalid::field("query", "required").into());
        }
        let size = match usize::try_from(request.page_size) {
            Ok(0) => self.0.config.default_page_size,
            Ok(size) => size.min(self.0.config.max_page_size),
            Err(_) => return Err(Invalid::field("page_size", "must not be negative").into()),
        };
        let hits = self.0.read(limit, move |ready| ready.reader.search_articles(&request.query, size)).await?;
        let hits = hits
            .into_iter()
            .map(|hit| v1::ArticleHit { id: hit.id, title: hit.title, passage: hit.passage, score: hit.score })
            .collect();
        Ok(Response::new(v1::SearchArticlesResponse { hits }))
    }
}

fn article_from_wire(wire: v1::Article) -> Result<Article, Invalid> {
    let mut violations = Vec::new();
    for (field, value) in [("id", &wire.id), ("title", &wire.title), ("body", &wire.body)] {
        if value.trim().is_empty() {
            violations.push((format!("article.{field}"), "required".to_owned()));
        }
    }
    for (field, value) in [("valid_from", &wire.valid_from), ("valid_to", &wire.valid_to)] {
        if let Some(value) = value
            && NaiveDate::parse_from_str(value, "%Y-%m-%d").is_err()
        {
            violations.push((format!("article.{field}"), format!("must be YYYY-MM-DD, is {value}")));
        }
    }
    if !violations.is_empty() {
        return Err(Invalid { violations });
    }
    Ok(Article {
        id: wire.id,
        title: wire.title,
        body: wire.body,
        category: wire.category,
        department: wire.department,
        valid_from: wire.valid_from,
        valid_to: wire.valid_to,
        source: wire.source,
    })
}
