//! A load test of the server: requests over kept connections, and what they took.
//!
//! ```sh
//! cargo run --release -p candlewick-serve --bin load -- 127.0.0.1:8080 '{"rows": [[5.1, 3.5, 1.4, 0.2]]}'
//! ```

use clap::Parser;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Sends requests to a server and prints how many it answers in a second.
#[derive(Parser)]
struct Arguments {
    /// Address and port of the server.
    address: String,
    /// Body of each request.
    body: String,
    /// Connections at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Seconds of the test.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests a second below which the test fails.
    #[arg(long, default_value_t = 0.0)]
    least: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let end = Instant::now() + Duration::try_from_secs_f64(arguments.seconds)?;
    let start = Instant::now();
    let threads: Vec<_> = (0..arguments.connections.max(1))
        .map(|_| {
            let (address, body) = (arguments.address.clone(), arguments.body.clone());
            thread::spawn(move || requests(&address, &body, end))
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for thread in threads {
        times.extend(thread.join().map_err(|_| "a thread has stopped")??);
    }
    times.sort_unstable();
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    let at = |share: f64| times.get((share * times.len() as f64) as usize).copied().unwrap_or_default();
    println!("{rate:.0} requests/s; median {:.2?}, 99 % below {:.2?}", at(0.5), at(0.99));
    if rate < arguments.least {
        return Err(format!("below {} requests/s", arguments.least).into());
    }
    Ok(())
}

/// Sends requests one behind the other until the end, and returns the time of each.
fn requests(address: &str, body: &str, end: Instant) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let length = body.len();
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        stream.write_all(request.as_bytes())?;
        answer(&mut answers)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Reads an answer, which has to have status 200.
fn answer(answers: &mut impl BufRead) -> io::Result<()> {
    let (mut status, mut length) = (String::new(), 0);
    answers.read_line(&mut status)?;
    loop {
        let mut line = String::new();
        answers.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    match status.starts_with("HTTP/1.1 200") {
        true => Ok(()),
        false => Err(io::Error::other(format!("{}{}", status, String::from_utf8_lossy(&body)))),
    }
}
