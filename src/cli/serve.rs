//! `qingting serve`: the gRPC service until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use miette::{IntoDiagnostic, WrapErr, miette};

use super::args;
use super::data::{self, DataArgs};
use super::submit::holder_name;
use crate::access::{AccessConfig, Guard, Tokens};
use crate::knowledge::Choice;
use crate::server::{self, Judging, ServerConfig};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address and port; only loopback addresses without TLS [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Ask nobody for a key: whoever can open a connection on this machine may do everything. To try things out
    #[arg(long)]
    without_keys: bool,
}

/// # Errors
/// When the address is refused or taken, or the data folder cannot be opened.
pub(super) fn run(args: &ServeArgs) -> miette::Result<u8> {
    let (settings, shelf) = args.data.load()?;
    let config = ServerConfig { listen: args.listen.unwrap_or(settings.server.listen), ..settings.server.clone() };
    let guard = guard(&settings.access, args.without_keys)?;
    let pipeline = Arc::new(args::pipeline(&settings, shelf.assets())?);
    let context = settings.originals.context(&pipeline).map_err(data::index)?;
    let articles = Choice::new(&settings);
    if articles.may_need_engine() {
        data::prepare_engine()?;
    }
    let folder = args.data.data.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().into_diagnostic()?;
    runtime.block_on(async {
        let listener = server::bind(&config, &guard).await.map_err(failure)?;
        let address = listener.local_addr().into_diagnostic()?;
        let who = match args.without_keys {
            true => "warning: --without-keys: every program on this machine may do everything".to_owned(),
            false => format!(
                "who asks needs a key: qingting keys create --data {} --name NAME --role admin",
                folder.display()
            ),
        };
        // In one piece, and whether or not somebody still reads it.
        let _ = std::io::stderr().write_all(format!("listening on {address}\n{who}\n").as_bytes());
        let insight = settings.insight();
        let judging = Judging { pipeline, config: Arc::new(settings.pipeline()), shelf };
        let load = move || server::data::open(&folder, &holder_name(address), judging, context, &articles, insight);
        server::run(listener, config, guard, load, stop_signal()).await.map_err(failure)
    })?;
    Ok(super::GOOD)
}

fn guard(config: &AccessConfig, without_keys: bool) -> miette::Result<Guard> {
    if without_keys {
        return Ok(Guard::open());
    }
    let tokens = match config.tokens.is_on() {
        false => None,
        true => Some(Tokens::load(&config.tokens).into_diagnostic().wrap_err("[access.tokens] jwks")?),
    };
    Ok(Guard::new(config, tokens))
}

/// Ends with the first of Ctrl-C and SIGTERM.
pub(super) async fn stop_signal() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without the handler SIGTERM ends the process at once, as it would any other.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

fn failure(error: server::Error) -> miette::Report {
    match error {
        server::Error::Load(error) => super::data::index(error),
        other => match std::error::Error::source(&other) {
            Some(source) => miette!("{other}: {source}"),
            None => miette!("{other}"),
        },
    }
}
