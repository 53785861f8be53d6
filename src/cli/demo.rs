//! `qingting demo`: the whole job on the calls that the program ships, from the file to the answers
//! of a server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr};
use qingting_index::{Context, DataDir, DateRange};
use qingting_pipeline::Pipeline;
use qingting_pipeline::import::Importer;
use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::knowledge_service_client::KnowledgeServiceClient;
use tonic::transport::Channel;

use super::ConfigArgs;
use super::args;
use super::data::{Opened, index};
use super::ingest::Store;
use super::progress::Spinner;
use super::submit::{holder_name, ready, status};
use crate::access::Guard;
use crate::batch::{Batch, Quarantine};
use crate::config::Settings;
use crate::diagnostic;
use crate::documents::Shelf;
use crate::knowledge::Choice;
use crate::report::Period;
use crate::server::{self, Judging, ServerConfig};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep the data folder here; it must be empty or missing [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Write the report of the demo's days into this HTML file
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

const CALLS: &str = "demo/calls.jsonl";
const ARTICLES: &str = "demo/articles.jsonl";

/// # Errors
/// When a step fails; each is one that the other commands do too.
pub(super) fn run(args: &DemoArgs) -> miette::Result<u8> {
    let began = Instant::now();
    let temporary = tempfile::tempdir().into_diagnostic()?;
    let data_path = args.keep.clone().unwrap_or_else(|| temporary.path().join("data"));
    let (settings, assets) = args.config.load()?;
    let inputs = temporary.path().join("inputs");
    std::fs::create_dir(&inputs).into_diagnostic()?;
    let mut files = Vec::new();
    for name in [CALLS, ARTICLES] {
        let path = inputs.join(name.trim_start_matches("demo/"));
        let text = assets.read(name).map_err(diagnostic::pipeline)?.text;
        std::fs::write(&path, text.as_bytes()).into_diagnostic().wrap_err("the demo's inputs")?;
        files.push(path);
    }
    let shelf = Shelf::of_folder(assets, &data_path).map_err(index)?;
    let pipeline = args::pipeline(&settings, shelf.assets())?;
    let data = DataDir::open_writer(&data_path, Context::new(&pipeline), "qingting demo").map_err(index)?;
    let opened = Opened { settings, shelf, pipeline, data };

    heading("一、导入、分析、入库、建索引");
    let code = ingest(&opened, &files[0])?;
    opened.knowledge()?.import(&files[1..]).map_err(index)?;

    heading("二、主题");
    super::topics::print(&super::topics::find(&opened, DateRange::ALL, 1, false)?);

    if let Some(out) = &args.report {
        let stats = opened.data.stats().map_err(index)?;
        if let Some(period) = stats.first_date.zip(stats.last_date).and_then(|(from, to)| Period::new(from, to)) {
            super::report::make(&opened, period, out, None)?;
            println!("\n{}的报告在 {}", period.label(), out.display());
        }
    }

    heading("三、通过 gRPC 查询");
    let Opened { settings, shelf, pipeline, data } = opened;
    drop(data); // one writer at a time: now it is the server
    serve_and_ask(&settings, shelf, Arc::new(pipeline), data_path.clone())?;
    println!("\n用时 {:.1} 秒", began.elapsed().as_secs_f64());
    if args.keep.is_some() {
        println!("数据保留在 {0}，可以继续查询：qingting search 停水 --data {0}", data_path.display());
    }
    Ok(code)
}

fn heading(text: &str) {
    println!("\n== {text} ==");
}

fn ingest(opened: &Opened, calls: &Path) -> miette::Result<u8> {
    let importer = Importer::new(opened.settings.import_options()).map_err(diagnostic::pipeline)?;
    let pool = rayon::ThreadPoolBuilder::new().build().into_diagnostic()?;
    let batch = Batch {
        importer: &importer,
        pipeline: &opened.pipeline,
        pool: &pool,
        chunk_calls: opened.settings.batch.chunk_calls,
        require_start: true,
    };
    let mut sink = Store::new(opened.data.ingest().map_err(index)?);
    let mut quarantine = Quarantine::new(opened.data.path().join("quarantine.jsonl"));
    let spinner = Spinner::new();
    let summary = batch.run(&[calls.to_owned()], &mut sink, &mut quarantine, &spinner);
    spinner.done();
    let summary = summary?;
    let stored = sink.finish()?;
    println!("{} 通来电，{} 通已入库，{} 条无法读取", summary.calls, stored.calls, summary.rejected);
    if !summary.crisis_calls.is_empty() {
        println!("危机情形 {} 通，请优先处置：{}", summary.crisis_calls.len(), summary.crisis_calls.join(" "));
    }
    Ok(if summary.rejected == 0 {
        super::GOOD
    } else {
        super::QUARANTINED
    })
}

fn serve_and_ask(settings: &Settings, shelf: Shelf, pipeline: Arc<Pipeline>, data: PathBuf) -> miette::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().into_diagnostic()?;
    runtime.block_on(async {
        let config = ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..settings.server.clone() };
        // The demo asks itself, on this machine.
        let guard = Guard::open();
        let listener = server::bind(&config, &guard).await.into_diagnostic()?;
        let address = listener.local_addr().into_diagnostic()?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let articles = Choice::new(settings);
        let insight = settings.insight();
        let judging = Judging { pipeline, config: Arc::new(settings.pipeline()), shelf };
        let context = Context::new(&judging.pipeline);
        let load = move || server::data::open(&data, &holder_name(address), judging, context, &articles, insight);
        let served = tokio::spawn(server::run(listener, config, guard, load, async {
            let _ = stopped.await; // a dropped sender means the same
        }));
        println!("服务已在 {address} 启动");
        let asked = ask(address).await;
        drop(stop);
        served.await.into_diagnostic()?.into_diagnostic()?;
        asked
    })
}

async fn ask(address: std::net::SocketAddr) -> miette::Result<()> {
    let channel = Channel::from_shared(format!("http://{address}"))
        .into_diagnostic()?
        .connect()
        .await
        .into_diagnostic()?;
    ready(&channel, "qingting.v1.CallService").await?;
    let mut calls = CallServiceClient::new(channel.clone());

    println!("\n[1] CallService.SearchCalls  query=\"费太贵\"（跨词边界的短语）");
    let request = v1::SearchCallsRequest { query: "\"费太贵\"".into(), page_size: 5, ..Default::default() };
    for hit in calls.search_calls(request).await.map_err(status)?.into_inner().hits {
        println!("  {}", hit.call);
        for turn in &hit.turns {
            println!("    {}", marked(turn));
        }
    }

    println!(
        "\n[2] CallService.SearchCalls  filter=\"taboo:T4\" order_by=\"score\"（语气不耐烦，分数从低到高），逐通 GetCall"
    );
    let request = v1::SearchCallsRequest {
        filter: "taboo:T4".into(),
        order_by: "score".into(),
        page_size: 3,
        ..Default::default()
    };
    let page = calls.search_calls(request).await.map_err(status)?.into_inner();
    println!("  共 {} 通", page.total_size);
    for hit in page.hits {
        let request = v1::GetCallRequest { name: hit.call, view: v1::CallView::Full.into() };
        print_call(&calls.get_call(request).await.map_err(status)?.into_inner());
    }

    println!("\n[3] CallService.AggregateCalls  group_by=\"agent\"（坐席汇总）");
    let request = v1::AggregateCallsRequest { group_by: "agent".into(), ..Default::default() };
    for row in calls.aggregate_calls(request).await.map_err(status)?.into_inner().rows {
        let figure = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), |v| format!("{v:.1}"));
        println!(
            "  {:<6} {:>3} 通  均分 {:>5}  预测满意度 {}",
            row.value,
            row.call_count,
            figure(row.average_score),
            figure(row.average_satisfaction)
        );
    }

    let question = "停车太贵没有公示收费标准怎么办";
    println!("\n[4] KnowledgeService.SearchArticles  query=\"{question}\"");
    let request = v1::SearchArticlesRequest { query: question.into(), page_size: 1, ..Default::default() };
    let answer = KnowledgeServiceClient::new(channel).search_articles(request).await.map_err(status)?.into_inner();
    for hit in answer.hits {
        println!(
            "  {} [{}]\n    {}\n    —— {}",
            hit.title,
            hit.id,
            hit.passage.trim(),
            hit.source.unwrap_or_default()
        );
    }
    Ok(())
}

fn marked(turn: &v1::TurnHit) -> String {
    let mut text = String::new();
    for (position, character) in turn.snippet.chars().enumerate() {
        let at = |bound: fn(&v1::CharRange) -> i32, position: usize| {
            turn.highlights.iter().any(|m| usize::try_from(bound(m)).is_ok_and(|b| b == position))
        };
        if at(|m| m.start_char, position) {
            text.push('【');
        }
        text.push(character);
        if at(|m| m.end_char, position + 1) {
            text.push('】');
        }
    }
    format!("{}{}：{text}", clock(turn.start_ms), speaker(turn.role()))
}

pub(super) fn speaker(role: v1::Role) -> &'static str {
    match role {
        v1::Role::Agent => "坐席",
        v1::Role::Caller => "来电人",
        v1::Role::Bot => "机器人",
        v1::Role::Ivr => "语音菜单",
        v1::Role::Other | v1::Role::Unspecified => "其他人",
    }
}

fn clock(ms: Option<i64>) -> String {
    ms.map_or_else(String::new, |ms| format!("{:02}:{:02} ", ms / 60_000, ms / 1000 % 60))
}

fn print_call(call: &v1::Call) {
    let Some(analysis) = &call.analysis else { return };
    let agent = call.record.as_ref().and_then(|r| r.agent.as_ref()).map_or("", |a| a.id.as_str());
    let score = analysis.score.as_ref().map_or_else(|| "—".to_owned(), |s| format!("{:.0} 分", s.total));
    println!("  {}  坐席 {agent}  {score}", call.name);
    for finding in analysis.findings.iter().filter(|f| f.role() == v1::Role::Agent) {
        println!("    - {}", finding.explanation);
        for evidence in &finding.evidence {
            println!("      {}“{}”", clock(evidence.start_ms), evidence.quote);
        }
    }
}
