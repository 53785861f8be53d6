//! What KnowledgeService promises beyond searching: feedback, gaps, suggestions.

use futures::stream;
use qingting_proto::v1;
use qingting_proto::v1::knowledge_service_client::KnowledgeServiceClient;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::super::ServerConfig;
use super::super::testing::{TestServer, call};
use super::quick;

#[tokio::test]
async fn questions_without_an_answer_are_noted_unless_that_is_switched_off_or_they_are_narrowed() {
    let server = TestServer::start(quick()).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    let search = |query: &str, category: &str| v1::SearchArticlesRequest {
        query: query.into(),
        category: category.into(),
        ..Default::default()
    };
    client.search_articles(search("护照", "公安")).await.unwrap();
    client.search_articles(search("护照怎么换", "")).await.unwrap();
    // Behind it in the queue, so what comes first is done.
    let said = v1::SendFeedbackRequest {
        query: "护照".into(),
        article_id: "none".into(),
        kind: v1::FeedbackKind::Helpful.into(),
        who: None,
    };
    assert_eq!(client.send_feedback(said).await.unwrap_err().code(), Code::InvalidArgument);
    let request = v1::ListKnowledgeGapsRequest::default();
    let gaps = client.list_knowledge_gaps(request).await.unwrap().into_inner().gaps;
    assert_eq!(gaps.iter().map(|gap| gap.question.as_str()).collect::<Vec<_>>(), ["护照怎么换"]);
    assert_eq!(gaps[0].calls, ["calls/c-1"]);
    // A refusal does not stop the writer.
    let written = v1::Article { id: "k".into(), body: "护照到出入境大厅换".into(), ..Default::default() };
    let request = stream::iter([v1::ImportArticlesRequest { article: Some(written) }]);
    assert_eq!(client.import_articles(request).await.unwrap().into_inner().imported_count, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn suggestions_keep_the_bounds_of_followed_calls() {
    let server = TestServer::start(ServerConfig { max_followed_turns: 3, max_streams: 1, ..quick() }).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    let turns = call("a", "water", "水费太贵了").turns;
    let begin = v1::SuggestRequest { call: Some(call("a", "water", "水费太贵了")), turns: Vec::new() };
    let more = |turns: &[v1::Turn]| v1::SuggestRequest { call: None, turns: turns.to_vec() };
    let messages = vec![
        more(&turns),
        begin.clone(),
        begin.clone(),
        more(&[]),
        more(&turns),
        more(&turns[..1]),
    ];
    let answers = client.suggest(stream::iter(messages)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    let told: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer.result.unwrap() {
            v1::suggest_response::Result::Suggestions(s) => (answer.index, answer.call_id, Ok(s.turn_count)),
            v1::suggest_response::Result::Error(e) => (answer.index, answer.call_id, Err(e.code)),
        })
        .collect();
    let expected = [
        (0, "", Err(3)),
        (1, "a", Ok(2)),
        (2, "a", Err(3)),
        (3, "a", Err(3)),
        (4, "a", Err(3)),
        (5, "a", Ok(3)),
    ];
    assert_eq!(told, expected.map(|(index, id, result)| (index, id.to_owned(), result)));

    let (_say, messages) = tokio::sync::mpsc::channel::<v1::SuggestRequest>(1);
    let _held = client.suggest(ReceiverStream::new(messages)).await.unwrap();
    let busy = client.suggest(stream::iter([begin])).await.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted);
    server.stop().await.unwrap();
}
