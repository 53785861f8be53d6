//! `qingting serve`: the gRPC service until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use miette::{IntoDiagnostic, miette};

use super::args;
use super::data::{self, DataArgs};
use super::submit::holder_name;
use crate::knowledge::Choice;
use crate::server::{self, ServerConfig};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address and port; only loopback addresses [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// # Errors
/// When the address is refused or taken, or the data folder cannot be opened.
pub(super) fn run(args: &ServeArgs) -> miette::Result<u8> {
    let (settings, assets) = args.data.config.load()?;
    let config = ServerConfig { listen: args.listen.unwrap_or(settings.server.listen), ..settings.server.clone() };
    let pipeline = Arc::new(args::pipeline(&settings, &assets)?);
    let articles = Choice::new(&settings);
    if articles.may_need_engine() {
        data::prepare_engine()?;
    }
    let folder = args.data.data.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().into_diagnostic()?;
    runtime.block_on(async {
        let listener = server::bind(&config).await.map_err(failure)?;
        let address = listener.local_addr().into_diagnostic()?;
        eprintln!("listening on {address}");
        let over = (settings.insight(), assets);
        let load = move || server::data::open(&folder, &holder_name(address), pipeline, &articles, over);
        server::run(listener, config, load, stop_signal()).await.map_err(failure)
    })?;
    Ok(super::GOOD)
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
