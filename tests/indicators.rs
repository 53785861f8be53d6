//! Indicator sets over a running server, a process of its own, beside what the command line tells of the same calls; and from
//! the total down to single calls.

use std::path::Path;

use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::indicator_service_client::IndicatorServiceClient;
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;

use crate::cli::{Served, demo_calls, ok, qingting, serve};
use crate::socket::connected;

const SINCE: &str = "2026-11-23";
const UNTIL: &str = "2026-11-27";

async fn served(dir: &Path) -> (Served, Channel) {
    ok(&qingting(dir, &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    let process = serve(dir);
    (process, connected(&dir.join("data")).await)
}

fn scope() -> Option<v1::IndicatorScope> {
    let selection = v1::CallSelection { since: SINCE.into(), until: UNTIL.into(), ..Default::default() };
    Some(v1::IndicatorScope { selection: Some(selection), regions: Vec::new() })
}

fn cli(dir: &Path, args: &[&str]) -> Value {
    let fixed = ["--data", "data", "--from", SINCE, "--to", UNTIL, "--json"];
    let args = [&["indicators"], args, &fixed[..]].concat();
    let output = qingting(dir, &args);
    ok(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The same set without a least number of calls, so that the few calls of the demo are enough.
fn small(dir: &Path) {
    std::fs::create_dir_all(dir.join("config/indicators")).unwrap();
    for file in ["12345", "bank-branch"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/indicators/{file}.toml"));
        let text = std::fs::read_to_string(path).unwrap().replace("least = 30", "least = 1");
        std::fs::write(dir.join(format!("config/indicators/{file}.toml")), text).unwrap();
    }
}

/// Searches with a filter and tells how many calls there are.
async fn selected(calls: &mut CallServiceClient<Channel>, filter: &str) -> i64 {
    let request = v1::SearchCallsRequest { filter: filter.to_owned(), page_size: 1, ..Default::default() };
    let page = calls.search_calls(request).await.unwrap_or_else(|error| panic!("{filter}: {error}")).into_inner();
    page.total_size
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_leads_to_exactly_its_calls() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, channel) = served(dir.path()).await;
    let mut client = IndicatorServiceClient::new(channel.clone());
    let mut calls = CallServiceClient::new(channel);
    let sets = client.list_indicator_sets(v1::ListIndicatorSetsRequest {}).await.unwrap().into_inner().sets;
    let ids: Vec<&str> = sets.iter().map(|set| set.id.as_str()).collect();
    assert_eq!(ids, ["hotline-12345", "bank-branch"]);
    let (mut searched, mut leaves) = (0, 0);
    for id in ids {
        let request = v1::GetIndicatorSetRequest { set_id: id.to_owned() };
        let set = client.get_indicator_set(request).await.unwrap().into_inner();
        let items = set.nodes.iter().filter(|node| !node.formula.is_empty()).map(|node| node.path.clone());
        let others = set.deductions.iter().map(|one| format!("deduction:{}", one.id));
        let others = others.chain(set.bonuses.iter().map(|one| format!("bonus:{}", one.id)));
        for path in items.chain(others) {
            let request = v1::ExplainIndicatorRequest { set_id: id.to_owned(), scope: scope(), path: path.clone() };
            let explained = client.explain_indicator(request).await.unwrap().into_inner();
            assert!(!explained.inputs.is_empty() && !explained.explanation.is_empty(), "{path}");
            leaves += 1;
            for input in explained.inputs {
                let figure = input.figure.unwrap();
                for (filter, expected) in [
                    (&input.numerator_filter, figure.numerator),
                    (&input.denominator_filter, figure.denominator),
                    (&input.missing_filter, Some(figure.missing)),
                ] {
                    if !filter.is_empty() {
                        assert_eq!(Some(selected(&mut calls, filter).await), expected, "{filter}");
                        searched += 1;
                    } else {
                        assert!(expected.unwrap_or(0) == 0, "{path}: {figure:?}");
                    }
                }
            }
        }
    }
    assert!(leaves > 40 && searched > 50, "{leaves} {searched}");

    // Three steps from the total to a call.
    let step =
        |path: &str| v1::ExplainIndicatorRequest { set_id: "hotline-12345".into(), scope: scope(), path: path.into() };
    let total = client.explain_indicator(step("")).await.unwrap().into_inner();
    assert_eq!(total.children.len(), 3);
    let inner = client.explain_indicator(step("response.answering.connected")).await.unwrap().into_inner();
    let filter = inner.inputs[0].numerator_filter.clone();
    let request = v1::SearchCallsRequest { filter: filter.clone(), page_size: 200, ..Default::default() };
    let found = calls.search_calls(request).await.unwrap().into_inner();
    assert_eq!(found.hits.len() as i64, inner.inputs[0].figure.as_ref().unwrap().numerator.unwrap());
    let call = v1::GetCallRequest { name: found.hits[0].call.clone(), ..Default::default() };
    assert_eq!(calls.get_call(call).await.unwrap().into_inner().record.unwrap().answered, Some(true));

    // The command line selects the same calls.
    let output = qingting(dir.path(), &["search", "", "--data", "data", "--filter", &filter, "--json"]);
    ok(&output);
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(page["total"], found.total_size);

    for (filter, part) in [
        ("figure:\"kpi.nothing/yes/2026-11-23/2026-11-27\"", "no figure"),
        ("figure:kpi.fcr", "/yes"),
        (
            "figure:\"kpi.fcr/yes/2026-11-23/2026-11-27\" OR figure:a OR figure:b OR figure:c OR figure:d",
            "at most",
        ),
    ] {
        let request = v1::SearchCallsRequest { filter: filter.to_owned(), ..Default::default() };
        let error = calls.search_calls(request).await.unwrap_err();
        assert!(error.code() == Code::InvalidArgument && error.message().contains(part), "{filter}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_and_the_command_line_give_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, channel) = served(dir.path()).await;
    let mut client = IndicatorServiceClient::new(channel);
    let request = v1::EvaluateIndicatorsRequest { set_id: "bank-branch".into(), scope: scope() };
    let result = client.evaluate_indicators(request).await.unwrap().into_inner();
    let told = cli(dir.path(), &["evaluate", "--set", "bank-branch"]);
    let set = result.set.as_ref().unwrap();
    assert_eq!(told["set_fingerprint"], set.fingerprint.as_str());
    assert_eq!(
        (told["call_count"].as_i64(), told["total"].as_str()),
        (Some(result.call_count), result.total.as_deref())
    );
    assert_eq!(told["explanation"], result.explanation.as_str());
    for (node, told) in result.nodes.iter().zip(told["nodes"].as_array().unwrap()) {
        assert_eq!((told["path"].as_str(), told["score"].as_str()), (Some(node.path.as_str()), node.score.as_deref()));
        assert_eq!(told["reason"].as_str().unwrap_or_default(), node.reason);
    }

    // The same weights give the same; other weights are told beside what is.
    let set = client
        .get_indicator_set(v1::GetIndicatorSetRequest { set_id: "bank-branch".into() })
        .await
        .unwrap()
        .into_inner();
    let weights = set.nodes.iter().map(|node| (node.path.clone(), node.weight.clone())).collect();
    let simulate = |weights, draft: &str| v1::SimulateIndicatorsRequest {
        set_id: "bank-branch".into(),
        scope: scope(),
        weights,
        draft: draft.to_owned(),
    };
    let same = client.simulate_indicators(simulate(weights, "")).await.unwrap().into_inner();
    assert_eq!(same.simulated, same.current);
    assert_eq!(same.current, Some(result));
    let other = [("efficiency".to_owned(), "50".to_owned())].into_iter().collect();
    let other = client.simulate_indicators(simulate(other, "")).await.unwrap().into_inner().simulated.unwrap();
    assert_eq!((other.nodes[0].path.as_str(), other.nodes[0].weight.as_str()), ("efficiency", "50"));
    let printed = cli(dir.path(), &["simulate", "--set", "bank-branch", "--weight", "efficiency=50"]);
    assert_eq!(printed["simulated"]["total"].as_str(), other.total.as_deref());
    let wrong = [
        ("nowhere".to_owned(), "50".to_owned()),
        ("quality".to_owned(), "much".to_owned()),
    ]
    .into_iter()
    .collect();
    let error = client.simulate_indicators(simulate(wrong, "")).await.unwrap_err();
    assert!(error.code() == Code::InvalidArgument && error.message().contains("quality"), "{error}");
    let error = client.simulate_indicators(simulate(Default::default(), "id = 1")).await.unwrap_err();
    assert!(error.code() == Code::InvalidArgument && error.message().contains("第 1 行"), "{error}");
}

#[test]
fn the_command_line_lists_checks_compares_ranks_and_explains() {
    let dir = tempfile::tempdir().unwrap();
    ok(&qingting(dir.path(), &["ingest", &demo_calls().display().to_string(), "--data", "data"]));
    small(dir.path());
    let with = ["--config", "config"];
    let text = |args: &[&str]| {
        let output = qingting(dir.path(), &[&["indicators"], args, &with[..]].concat());
        ok(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(&["list"]).contains("hotline-12345  第 1 版"));
    let figures = text(&["list", "--figures"]);
    for figure in [
        "kpi.connected",
        "kpi.service_level_15",
        "kpi.fcr",
        "kpi.ticket_on_time",
        "finding.impatience",
        "item.greeting",
        "case.contested",
        "need.factual",
        "step.calm",
    ] {
        assert!(figures.contains(figure), "{figure}");
    }
    assert_eq!(text(&["check"]), "all right\n");
    let period = ["--data", "data", "--from", SINCE, "--to", UNTIL];
    let over = |args: &[&str]| text(&[args, &period[..]].concat());
    let evaluated = over(&["evaluate"]);
    assert!(evaluated.contains("总分") && evaluated.contains("服务响应"), "{evaluated}");
    assert!(over(&["compare"]).contains("对比 2026-11-16 至 2026-11-20"));
    let ranked = over(&["rank", "--by", "queue", "--min-calls", "1"]);
    assert!(ranked.contains("   1  "), "{ranked}");
    let explained = over(&["explain", "response.answering.connected"]);
    assert!(explained.contains("接通率 = ") && explained.contains("--filter 'figure:"), "{explained}");
    let missing = qingting(dir.path(), &[&["indicators", "explain", "nowhere"], &period[..]].concat());
    assert!(!missing.status.success());

    std::fs::write(dir.path().join("draft.toml"), "id = \"x\"\nversion = 1\ntitle = \"\"\ndoc = \"\"\nmissing = \"zero\"\n[[first]]\nid = \"a\"\ntitle = \"甲\"\nweight = 90\nformula = \"kpi.nothing\"\n").unwrap();
    let refused = qingting(dir.path(), &["indicators", "check", "draft.toml"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("draft.toml:10: 没有名为 kpi.nothing"), "{told}");
}
