//! Requests to a running server: the first line names the method, the rest is the request as JSON or, when that does
//! not fit, its bytes as they are. A panic on any thread of the server is a failure, and so is a status that blames
//! the server.

use std::sync::Arc;

use futures::StreamExt;
use prost::Message;
use prost::bytes::{Buf, BufMut};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use qingting::access::Guard;
use qingting::config::Settings;
use qingting::documents::Shelf;
use qingting::insight::InsightSettings;
use qingting::insight::gaps::ArticleModels;
use qingting::knowledge::Choice;
use qingting::server::{Judging, ServerConfig, data, run};
use qingting_index::{Context, DataDir};
use qingting_pipeline::assets::Assets;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::{Run, demo_calls, few, pipeline};
use crate::worker::take_panic;

/// They change what is kept, or never end.
const LEFT_OUT: &[&str] = &[
    "IngestCalls",
    "ImportArticles",
    "SendFeedback",
    "RefreshTopics",
    "WatchAlerts",
    "CreateKey",
    "RevokeKey",
    "PublishDocuments",
    "RollBackDocument",
    "OpenCase",
    "OpenCasesByRules",
    "NominateExample",
    "DecideExample",
    "WithdrawExample",
    "EnrolOfficer",
    "PlanTask",
    "SubmitExperienceReport",
    "OpenDiscussion",
    "SubmitOpinion",
    "OpenPoll",
    "ImportExperience",
];

/// Messages as bytes.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = usize;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = buffer.remaining();
        buffer.advance(length);
        Ok(Some(length))
    }
}

struct Server {
    runtime: Runtime,
    channel: Channel,
    methods: Vec<MethodDescriptor>,
    _folder: TempDir,
}

pub(super) fn open() -> Box<dyn Run> {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline();
    let data = DataDir::open_writer(folder.path(), Context::new(&pipeline), "fuzz").unwrap();
    let mut session = data.ingest().unwrap();
    session
        .put_batch(demo_calls(16).iter().map(|call| pipeline.analyze(call)).collect(), "demo")
        .unwrap();
    session.finish().unwrap();
    data.close().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let path = folder.path().to_owned();
    let channel = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let load = move || {
            let mut settings = Settings::default();
            settings.knowledge.models = ArticleModels::Static;
            let shelf = Shelf::new(Assets::embedded(), []);
            let judging = Judging { pipeline: Arc::clone(&pipeline), config: Arc::default(), shelf };
            let context = Context::new(&pipeline);
            data::open(&path, "fuzz", judging, context, &Choice::new(&settings), InsightSettings::default())
        };
        let config = ServerConfig { threads: 2, ..ServerConfig::default() };
        tokio::spawn(run(listener, config, Guard::open(), load, std::future::pending()));
        Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
    });
    let pool = DescriptorPool::decode(qingting_proto::FILE_DESCRIPTOR_SET).unwrap();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let methods = methods.filter(|method| method.full_name().starts_with("qingting.v1"));
    let methods = methods.filter(|method| !LEFT_OUT.contains(&method.name())).collect();
    let server = Server { runtime, channel, methods, _folder: folder };
    // Two minutes, which no machine takes.
    for _ in 0..6000 {
        let found = server.methods.iter().find(|method| method.name() == "SearchCalls").unwrap();
        if server.ask(found, Vec::new()).is_ok() {
            return Box::new(server);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the server does not get ready");
}

impl Server {
    fn ask(&self, method: &MethodDescriptor, message: Vec<u8>) -> Result<usize, Status> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().unwrap();
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        self.runtime.block_on(async {
            client.ready().await.unwrap();
            if !method.is_client_streaming() && !method.is_server_streaming() {
                return client.unary(Request::new(message), path, Raw).await.map(tonic::Response::into_inner);
            }
            let requests = futures::stream::iter([message]);
            let mut answers = client.streaming(Request::new(requests), path, Raw).await?.into_inner();
            let mut count = 0;
            while let Some(answer) = answers.next().await {
                answer?;
                count += 1;
            }
            Ok(count)
        })
    }
}

impl Run for Server {
    fn seeds(&self) -> Vec<Vec<u8>> {
        self.methods.iter().map(|method| format!("{}\n{{}}", method.name()).into_bytes()).collect()
    }

    fn run(&mut self, input: &[u8]) -> String {
        let end = input.iter().position(|&byte| byte == b'\n').unwrap_or(input.len());
        let (name, rest) = (String::from_utf8_lossy(&input[..end]), &input[(end + 1).min(input.len())..]);
        let sum: usize = name.bytes().map(usize::from).sum();
        let named = self.methods.iter().find(|method| method.name() == name);
        let method = named.unwrap_or(&self.methods[sum % self.methods.len()]);
        let mut json = serde_json::Deserializer::from_slice(rest);
        let message = DynamicMessage::deserialize(method.input(), &mut json).map(|message| message.encode_to_vec());
        let is_message = message.is_ok();
        let answer = self.ask(method, message.unwrap_or_else(|_| rest.to_vec()));
        if let Some(panic) = take_panic() {
            panic!("{}: {panic}", method.name());
        }
        match answer {
            Ok(length) => format!("{} {}", method.name(), few(length / 64)),
            Err(status) => {
                // Bytes that are no message are refused by the library, and with this code.
                let blamed = matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss);
                assert!(!(blamed && is_message), "{}: {status}", method.name());
                format!("{} {:?} {}", method.name(), status.code(), status.message())
            }
        }
    }
}
