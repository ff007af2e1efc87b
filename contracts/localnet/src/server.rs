//! The socket: HTTP on loopback, the timer that closes ledgers, and the end.
//!
//! Work runs on blocking threads, so that a long contract call never delays a
//! health check; a panic there ends one request, never the process.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::signal::unix::{signal, SignalKind};
use tokio::task::spawn_blocking;
use tokio::time::{interval, MissedTickBehavior};

use crate::rpc::{fund, internal_error, respond, Node};

/// Largest request taken; the largest transaction is an eighth of it.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Answers requests until SIGTERM or SIGINT, which end it at once.
///
/// Prints one line with the address once it can be reached.
pub async fn serve(
    node: Node,
    listen: SocketAddr,
    close_every: Option<Duration>,
) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let address = format!("http://{}", listener.local_addr()?);
    let node = node.with_friendbot_url(format!("{address}/friendbot"));
    println!("localnet listening on {address}");
    io::stdout().flush()?;
    if let Some(period) = close_every {
        tokio::spawn(close_regularly(node.clone(), period));
    }
    tokio::select! {
        served = axum::serve(listener, router(node)) => served,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn router(node: Node) -> Router {
    Router::new()
        .route("/", post(answer))
        .route("/friendbot", get(friendbot).post(friendbot))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(node)
}

async fn answer(State(node): State<Node>, body: Bytes) -> Json<Value> {
    let answered = spawn_blocking(move || respond(&node, &body)).await;
    Json(answered.unwrap_or_else(|_| internal_error()))
}

async fn friendbot(
    State(node): State<Node>,
    Query(query): Query<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let address = query.get("addr").cloned().unwrap_or_default();
    match spawn_blocking(move || fund(&node, &address)).await {
        Ok(Ok(funded)) => (StatusCode::OK, Json(funded)),
        Ok(Err(problem)) => (StatusCode::BAD_REQUEST, Json(problem)),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Json(internal_error())),
    }
}

async fn close_regularly(node: Node, period: Duration) {
    let mut timer = interval(period);
    // After a laptop has slept, one ledger closes, not one for each second missed.
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        timer.tick().await;
        let node = node.clone();
        // A panic in there is reported on standard error; the next tick goes on.
        let _ = spawn_blocking(move || node.lock().close()).await;
    }
}
