//! A server of one model file: JSON in, predictions out.
//!
//! ```sh
//! cargo run --release -p candlewick-serve -- model.safetensors --address 127.0.0.1:8080
//! curl -s localhost:8080/predict -d '{"rows": [[5.1, 3.5, 1.4, 0.2]]}'
//! ```
//!
//! Requests that come in while a batch is computed are the next batch: one call of the model serves all of them. The
//! queue is bounded; behind a full one a request is answered with 503 at once, so that memory is bounded, too. A request
//! that does not fit the model is answered with 400 and the error's text. Ctrl-C or SIGTERM ends the server when all
//! accepted requests are answered.

mod rows;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use candlewick::candle_core::{Device, Tensor};
use candlewick::model::{Model, Output, Prediction};
use clap::Parser;
use rows::Request;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Serves a model file over HTTP.
#[derive(Parser)]
struct Arguments {
    /// File that `Model::save` or `candlewick train` wrote.
    model: std::path::PathBuf,
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: String,
    /// Requests that may wait; further ones are answered with 503.
    #[arg(long, default_value_t = 1024)]
    queue: usize,
    /// Rows of a batch, at most.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Rows of a request, at most.
    #[arg(long, default_value_t = 10_000)]
    rows: usize,
}

/// Largest body of a request, in bytes.
const BODY: usize = 4 << 20;

/// Request that waits: its prepared rows, and the way back.
struct Job {
    x: Tensor,
    reply: oneshot::Sender<Result<Value, String>>,
}

/// Everything that requests share.
struct Server {
    model: Model,
    queue: mpsc::Sender<Job>,
    rows: usize,
}

/// Error of a request, with its status.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let model = Model::load(&arguments.model, &Device::Cpu)?;
    let (queue, jobs) = mpsc::channel(arguments.queue.max(1));
    let batch = arguments.batch.max(1);
    let worker = {
        let model = model.clone();
        tokio::task::spawn_blocking(move || work(&model, jobs, batch))
    };
    let server = Arc::new(Server { model, queue, rows: arguments.rows });
    let app = Router::new()
        .route("/", get(about))
        .route("/health", get(|| async { "ok\n" }))
        .route("/predict", post(predict))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(server);
    let listener = tokio::net::TcpListener::bind(&arguments.address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop()).await?;
    // The last request has dropped the queue, so the worker ends.
    worker.await?;
    println!("stopped");
    Ok(())
}

/// Waits for ctrl-C or SIGTERM.
async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler the signal itself ends the process.
    let _ = tokio::signal::ctrl_c().await;
}

/// Says what the model takes and gives.
async fn about(State(server): State<Arc<Server>>) -> Json<Value> {
    let output = match server.model.output() {
        Output::Classes { label, names, .. } => json!({ "label": label, "classes": names }),
        Output::Values { names, .. } => json!({ "values": names }),
        _ => json!({ "shape": server.model.output_shape() }),
    };
    let columns = server.model.table().map(|table| table.features());
    Json(json!({ "input": server.model.input_shape(), "features": columns, "output": output }))
}

async fn predict(
    State(server): State<Arc<Server>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let body = body.map_err(|error| Refusal(error.status(), error.body_text()))?;
    // Whatever the type of the content is: programs seldom set it.
    let request: Request =
        serde_json::from_slice(&body).map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
    let refused = |error: candlewick::Error| Refusal(StatusCode::BAD_REQUEST, error.to_string());
    let x = request.samples(&server.model, server.rows).map_err(|text| Refusal(StatusCode::BAD_REQUEST, text))?;
    let x = server.model.prepare(&x).map_err(refused)?;
    let (reply, answer) = oneshot::channel();
    server
        .queue
        .try_send(Job { x, reply })
        .map_err(|_| Refusal(StatusCode::SERVICE_UNAVAILABLE, "too many requests are waiting; try again".to_owned()))?;
    let failed = |text| Refusal(StatusCode::INTERNAL_SERVER_ERROR, text);
    let answer = answer.await.map_err(|_| failed("the model has stopped".to_owned()))?;
    // The rows of the request are the reason if a model refuses them.
    answer.map(Json).map_err(|text| Refusal(StatusCode::BAD_REQUEST, text))
}

/// Answers requests, all that wait in one call of the model.
fn work(model: &Model, mut jobs: mpsc::Receiver<Job>, most: usize) {
    let mut waiting = None;
    while let Some(first) = waiting.take().or_else(|| jobs.blocking_recv()) {
        let mut rows = first.x.dim(0).unwrap_or(0);
        let mut batch = vec![first];
        while let Ok(job) = jobs.try_recv() {
            let more = job.x.dim(0).unwrap_or(0);
            if rows + more > most {
                waiting = Some(job);
                break;
            }
            rows += more;
            batch.push(job);
        }
        answer(model, batch);
    }
}

/// Computes a batch and sends each request its part. If the batch has an error, each request is computed alone, so that
/// only those with an error get one.
fn answer(model: &Model, batch: Vec<Job>) {
    let samples: Vec<&Tensor> = batch.iter().map(|job| &job.x).collect();
    let prediction = Tensor::cat(&samples, 0).map_err(Into::into).and_then(|x| model.predict_prepared(&x));
    if prediction.is_err() && batch.len() > 1 {
        return batch.into_iter().for_each(|job| answer(model, vec![job]));
    }
    let labels = prediction.as_ref().map(Prediction::labels).unwrap_or_default();
    let mut first = 0;
    for Job { x, reply } in batch {
        let rows = x.dim(0).unwrap_or(0);
        let part = match &prediction {
            Ok(prediction) => part_of(prediction, &labels, first..first + rows),
            Err(error) => Err(error.to_string()),
        };
        first += rows;
        // Nobody waits for the answer of a request that was given up.
        let _ = reply.send(part);
    }
}

/// Returns the numbers of some rows of a prediction.
fn numbers_of(prediction: &Prediction, part: &Range<usize>) -> candlewick::candle_core::Result<Vec<Vec<f64>>> {
    let numbers = prediction.numbers().narrow(0, part.start, part.len())?;
    let width = numbers.elem_count() / part.len().max(1);
    numbers.reshape((part.len(), width))?.to_dtype(candlewick::candle_core::DType::F64)?.to_vec2::<f64>()
}

/// Returns the answer of some rows of a prediction.
fn part_of(prediction: &Prediction, labels: &[&str], part: Range<usize>) -> Result<Value, String> {
    let numbers = numbers_of(prediction, &part).map_err(|error| error.to_string())?;
    Ok(match prediction {
        Prediction::Classes { .. } => {
            json!({ "labels": &labels[part], "probabilities": numbers })
        }
        Prediction::Values(_) => json!({ "values": numbers }),
        _ => json!({ "outputs": numbers }),
    })
}
