//! KnowledgeService: articles and what was said about them in, the best passage of each article out, and what has no
//! answer. Suggestions for a running call are in `suggest`.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::stream::BoxStream;
use futures::{StreamExt, pin_mut};
use qingting_index::Feedback;
use qingting_index::knowledge::{Article, CASE_PREFIX, Kinds, KnowledgeHit, KnowledgeQuery};
use qingting_proto::v1;
use qingting_proto::v1::knowledge_service_server::KnowledgeService;
use tonic::{Request, Response, Status, Streaming};

use super::coaching::uncontested;
use super::convert::{Invalid, spans_to_wire};
use super::readers::patient;
use super::shared::{Ready, Shared, principal};
use super::status::status_message;
use super::{paging, suggest};

/// Articles are handed to the writer in batches of so many, each of which is committed ...
const BATCH: usize = 1024;
/// ... or of so many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// The service.
pub(super) struct Knowledge(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl KnowledgeService for Knowledge {
    async fn import_articles(
        &self,
        request: Request<Streaming<v1::ImportArticlesRequest>>,
    ) -> Result<Response<v1::ImportArticlesResponse>, Status> {
        let who = principal(request.extensions())?;
        let (ready, _permit) = self.0.stream(&who)?;
        let messages = self.0.messages(request.into_inner()).enumerate();
        pin_mut!(messages);
        let mut response = v1::ImportArticlesResponse::default();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some((index, message)) = messages.next().await {
            let article = message?.article.unwrap_or_default();
            let (id, length) = (article.id.clone(), article.body.len());
            match article_from_wire(article) {
                Ok(article) => {
                    batch.push(article);
                    bytes += length;
                }
                Err(invalid) => response.rejected.push(v1::RejectedArticle {
                    index: index as i64,
                    id,
                    status: Some(status_message(Some(&invalid.into()))),
                }),
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                response.imported_count += batch.len() as i64;
                ready.writes.articles(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            response.imported_count += batch.len() as i64;
            ready.writes.articles(batch).await?;
        }
        Ok(Response::new(response))
    }

    async fn search_articles(
        &self,
        request: Request<v1::SearchArticlesRequest>,
    ) -> Result<Response<v1::SearchArticlesResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        if request.query.trim().is_empty() {
            return Err(Invalid::field("query", "required").into());
        }
        let mut invalid = Invalid::default();
        let kinds = match v1::ArticleKinds::try_from(request.kinds) {
            Ok(v1::ArticleKinds::Unspecified) => Kinds::Answers,
            Ok(v1::ArticleKinds::Cases) => Kinds::Cases,
            Ok(v1::ArticleKinds::All) => Kinds::All,
            Err(_) => {
                invalid.add("kinds", format!("unknown value {}", request.kinds));
                Kinds::Answers
            }
        };
        let query = KnowledgeQuery {
            kinds,
            text: request.query,
            limit: paging::size(&self.0.config, request.page_size)?,
            include_expired: request.include_expired,
            category: Some(request.category).filter(|category| !category.is_empty()),
            on: day(&mut invalid, "valid_on", Some(request.valid_on).filter(|day| !day.is_empty()).as_deref()),
        };
        let query = invalid.or(query)?;
        let work = move |ready: &Ready| {
            let mut hits = ready.reader.search_articles(&query)?;
            if query.kinds != Kinds::Answers {
                hits = uncontested(&*ready.reader, hits)?;
            }
            // One category, another day than today or the case library say nothing about the whole.
            let whole = query.category.is_none() && query.on.is_none() && query.kinds == Kinds::Answers;
            if whole
                && ready.insight.knowledge.question_log > 0
                && let Some(confidence) = ready.reader.unanswered(&hits)
            {
                ready.writes.unanswered(query.text, confidence);
            }
            Ok(hits)
        };
        let hits = self.0.read(&ask, work).await?;
        Ok(Response::new(v1::SearchArticlesResponse { hits: hits.into_iter().map(hit_to_wire).collect() }))
    }

    async fn send_feedback(
        &self,
        request: Request<v1::SendFeedbackRequest>,
    ) -> Result<Response<v1::SendFeedbackResponse>, Status> {
        let from = principal(request.extensions())?;
        let request = request.into_inner();
        let mut invalid = Invalid::default();
        for (field, text) in [("query", &request.query), ("article_id", &request.article_id)] {
            if text.trim().is_empty() {
                invalid.add(field, "required");
            }
        }
        let helpful = match request.kind() {
            v1::FeedbackKind::Helpful => true,
            v1::FeedbackKind::Wrong => false,
            v1::FeedbackKind::Unspecified => {
                invalid.add("kind", "required");
                false
            }
        };
        let said = request.who.map(|who| who.trim().to_owned()).filter(|who| !who.is_empty());
        // An agent speaks for nobody else; a knowledge portal passes on what its users say.
        let who = from.agent().map(str::to_owned).or(said);
        if who.as_ref().is_some_and(|who| who.len() > 512) {
            invalid.add("who", "longer than 512 bytes");
        }
        let feedback = invalid.or(Feedback { query: request.query, article: request.article_id, helpful, who })?;
        self.0.writes(&from)?.feedback(feedback).await?;
        Ok(Response::new(v1::SendFeedbackResponse {}))
    }

    async fn list_knowledge_gaps(
        &self,
        request: Request<v1::ListKnowledgeGapsRequest>,
    ) -> Result<Response<v1::ListKnowledgeGapsResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let size = paging::size(&self.0.config, request.into_inner().page_size)?;
        let gaps = self.0.read(&ask, move |ready| Ok(ready.reader.gaps(size)?)).await?;
        let gaps = gaps.into_iter().map(|gap| {
            let (nearest_article_id, nearest_article_title) = gap.nearest.unwrap_or_default();
            v1::KnowledgeGap {
                question: gap.question,
                times: gap.times as i64,
                examples: gap.examples,
                calls: gap.calls.into_iter().map(|call| format!("calls/{call}")).collect(),
                nearest_article_id,
                nearest_article_title,
                confidence: gap.confidence,
            }
        });
        Ok(Response::new(v1::ListKnowledgeGapsResponse { gaps: gaps.collect() }))
    }

    type SuggestStream = BoxStream<'static, Result<v1::SuggestResponse, Status>>;

    async fn suggest(
        &self,
        request: Request<Streaming<v1::SuggestRequest>>,
    ) -> Result<Response<Self::SuggestStream>, Status> {
        let who = principal(request.extensions())?;
        let (ready, permit) = self.0.stream(&who)?;
        let messages = self.0.messages(request.into_inner());
        let answers = suggest::answers(self.0.clone(), ready, who, permit, messages);
        Ok(Response::new(patient(answers, self.0.config.slow_reader())))
    }
}

pub(super) fn hit_to_wire(hit: KnowledgeHit) -> v1::ArticleHit {
    v1::ArticleHit {
        example: hit.id.starts_with(CASE_PREFIX),
        id: hit.id,
        title: hit.title,
        passage: hit.passage,
        passage_start_char: hit.passage_start as i32,
        highlights: spans_to_wire(hit.highlights),
        score: hit.score,
        source: hit.source,
        department: hit.department,
        category: hit.category,
        valid_to: hit.valid_to.map(|day| day.to_string()),
        expired: hit.expired,
        confidence: hit.confidence,
    }
}

fn article_from_wire(wire: v1::Article) -> Result<Article, Invalid> {
    let mut invalid = Invalid::default();
    let article = Article {
        valid_from: day(&mut invalid, "article.valid_from", wire.valid_from.as_deref()),
        valid_to: day(&mut invalid, "article.valid_to", wire.valid_to.as_deref()),
        id: wire.id,
        title: wire.title,
        body: wire.body,
        category: wire.category,
        department: wire.department,
        source: wire.source,
        kind: None,
    };
    if let Some(problem) = article.problem() {
        invalid.add("article", problem);
    }
    invalid.or(article)
}

fn day(invalid: &mut Invalid, field: &str, text: Option<&str>) -> Option<NaiveDate> {
    let text = text?;
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    if day.is_none() {
        invalid.add(field, format!("must be YYYY-MM-DD, is {text}"));
    }
    day
}
