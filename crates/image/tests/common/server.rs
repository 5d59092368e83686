//! A registry that answers as a test wants, on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub method: String,
    /// With what follows the question mark.
    pub path: String,
    pub authorization: String,
    pub body: String,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// How many bytes are announced, where that is not true.
    pub announced: Option<usize>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), announced: None }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A server that runs as long as the test.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Server {
    /// `answer` also gets the address of the server.
    pub fn start(answer: impl Fn(&Question, SocketAddr) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<Question>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || {
                    if let Some(question) = read(&stream) {
                        log.lock().expect("no panic").push(question.clone());
                        write(&stream, &answer(&question, address));
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// Everything that was asked.
    pub fn asked(&self) -> Vec<Question> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Question> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut question =
        Question { method: words.next()?.into(), path: words.next()?.into(), ..Question::default() };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.trim().clone_into(&mut question.authorization),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    question.body = String::from_utf8(body).ok()?;
    Some(question)
}

fn write(mut stream: &TcpStream, reply: &Reply) {
    let length = reply.announced.unwrap_or(reply.body.len());
    let mut head =
        format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {length}\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    // Whoever asked may have heard enough.
    drop(stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(&reply.body)));
}
