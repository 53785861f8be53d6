//! The knowledge base behind the server: suggestions while a call runs, feedback, gaps.

use futures::{StreamExt, stream};
use qingting_pipeline::assets::Assets;
use qingting_proto::v1;
use qingting_proto::v1::knowledge_service_client::KnowledgeServiceClient;
use serde_json::Value;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;

use crate::grpc::Server;
use crate::patience::eventually;

/// What is suggested: whether it changed, and the articles.
async fn suggested(answers: &mut Streaming<v1::SuggestResponse>) -> (bool, Vec<v1::ArticleHit>) {
    match answers.next().await.unwrap().unwrap().result.unwrap() {
        v1::suggest_response::Result::Suggestions(suggestions) => (suggestions.changed, suggestions.hits),
        v1::suggest_response::Result::Error(status) => panic!("{status:?}"),
    }
}

async fn import_demo(client: &mut KnowledgeServiceClient<Channel>) {
    let text = Assets::embedded().read("demo/articles.jsonl").unwrap().text;
    let field = |article: &Value, key: &str| article[key].as_str().map(str::to_owned);
    let articles: Vec<_> = text
        .lines()
        .map(|line| {
            let article: Value = serde_json::from_str(line).unwrap();
            v1::ImportArticlesRequest {
                article: Some(v1::Article {
                    id: field(&article, "id").unwrap(),
                    title: field(&article, "title").unwrap(),
                    body: field(&article, "body").unwrap(),
                    source: field(&article, "source"),
                    valid_to: field(&article, "valid_to"),
                    ..Default::default()
                }),
            }
        })
        .collect();
    let count = articles.len() as i64;
    let imported = client.import_articles(stream::iter(articles)).await.unwrap().into_inner();
    assert_eq!((imported.imported_count, imported.rejected.len()), (count, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_article_that_answers_is_suggested_once_the_caller_has_said_what_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    import_demo(&mut client).await;
    let (say, messages) = tokio::sync::mpsc::channel(1);
    let mut answers = client.suggest(ReceiverStream::new(messages)).await.unwrap().into_inner();
    let turn = |role: v1::Role, text: &str| v1::Turn { role: role.into(), text: text.into(), ..Default::default() };
    let begun = v1::CallRecord {
        call_id: "c-7".into(),
        turns: vec![turn(v1::Role::Agent, "您好，市民热线，请问有什么可以帮您？")],
        ..Default::default()
    };
    say.send(v1::SuggestRequest { call: Some(begun), turns: Vec::new() }).await.unwrap();
    assert_eq!(suggested(&mut answers).await, (false, Vec::new()));
    let small_talk = vec![
        turn(v1::Role::Caller, "喂，您好，听得到吗？"),
        turn(v1::Role::Agent, "听得到，请讲。"),
    ];
    say.send(v1::SuggestRequest { call: None, turns: small_talk }).await.unwrap();
    assert_eq!(suggested(&mut answers).await, (false, Vec::new()));

    let matter = vec![turn(
        v1::Role::Caller,
        "我们小区门口那个停车场乱收费，收费标准也没有公示。",
    )];
    say.send(v1::SuggestRequest { call: None, turns: matter }).await.unwrap();
    let (changed, hits) = suggested(&mut answers).await;
    assert!(changed);
    assert_eq!(hits[0].id, "kb-014");
    assert!(hits[0].source.is_some() && !hits[0].expired && hits[0].confidence > 0.3);
    // A quote, word for word.
    let demo = Assets::embedded().read("demo/articles.jsonl").unwrap().text;
    assert!(demo.lines().any(|line| line.contains("kb-014") && line.contains(&hits[0].passage)));

    // Courtesy asks nothing new, and what is refused leaves the call as it was.
    say.send(v1::SuggestRequest { call: None, turns: vec![turn(v1::Role::Caller, "嗯，好的，谢谢。")] })
        .await
        .unwrap();
    assert_eq!(suggested(&mut answers).await, (false, Vec::new()));
    say.send(v1::SuggestRequest::default()).await.unwrap();
    let refused = answers.next().await.unwrap().unwrap();
    let Some(v1::suggest_response::Result::Error(status)) = refused.result else {
        panic!("{refused:?}")
    };
    assert_eq!((refused.index, refused.call_id.as_str(), status.code), (4, "c-7", Code::InvalidArgument as i32));
    let next = vec![turn(v1::Role::Caller, "还有，电动自行车怎么登记上牌？")];
    say.send(v1::SuggestRequest { call: None, turns: next }).await.unwrap();
    let (changed, hits) = suggested(&mut answers).await;
    assert_eq!((changed, hits[0].id.as_str()), (true, "kb-009"));
    drop(say);
    assert!(answers.next().await.is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feedback_survives_a_restart_and_what_nobody_could_answer_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    import_demo(&mut client).await;
    let search = |query: &str| v1::SearchArticlesRequest { query: query.into(), ..Default::default() };
    let asked = "停车收费标准在哪里查";
    let before = client.search_articles(search(asked)).await.unwrap().into_inner().hits;
    let said = |kind: v1::FeedbackKind, article: &str, who: &str| v1::SendFeedbackRequest {
        query: asked.into(),
        article_id: article.into(),
        kind: kind.into(),
        who: Some(who.into()),
    };
    for who in 0..8 {
        let wrong = said(v1::FeedbackKind::Wrong, &before[0].id, &format!("A{who}"));
        client.send_feedback(wrong).await.unwrap();
    }
    let after = client.search_articles(search(asked)).await.unwrap().into_inner().hits;
    assert_eq!(after[0].id, before[0].id, "the only article that answers stays first");
    assert!(after[0].score < before[0].score && after[0].score >= 0.8 * before[0].score);
    let refused = client.send_feedback(v1::SendFeedbackRequest::default()).await.unwrap_err();
    let fields: Vec<_> = refused.get_error_details().bad_request().unwrap().field_violations.clone();
    assert_eq!(fields.iter().map(|f| f.field.as_str()).collect::<Vec<_>>(), ["query", "article_id", "kind"]);
    let unknown = client.send_feedback(said(v1::FeedbackKind::Helpful, "none", "A1")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);

    for query in ["护照过期了怎么换新的", "护照到期了怎么换，电话13812345678"] {
        client.search_articles(search(query)).await.unwrap();
    }
    let gaps = eventually("both questions are noted", async || {
        let listed = client.list_knowledge_gaps(v1::ListKnowledgeGapsRequest::default()).await.unwrap();
        Some(listed.into_inner().gaps).filter(|gaps| gaps.first().is_some_and(|gap| gap.times == 2))
    })
    .await;
    assert_eq!((gaps.len(), gaps[0].times), (1, 2), "{gaps:?}");
    assert!(gaps[0].question.contains("护照") && gaps[0].confidence < 0.25);
    assert!(gaps[0].examples.iter().all(|example| !example.contains("13812345678")), "{gaps:?}");
    server.stop().await;

    let server = Server::start(folder.path()).await;
    let mut client = KnowledgeServiceClient::new(server.channel.clone());
    let again = client.search_articles(search(asked)).await.unwrap().into_inner().hits;
    assert!((again[0].score - after[0].score).abs() < 1e-9);
    server.stop().await;
}
