//! The program itself: how it starts, answers on its socket, and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// A running program, ended with the test.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_localnet"))
            .args(["--listen", "127.0.0.1:0", "--close-ms", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim_end()
            .strip_prefix("localnet listening on http://")
            .unwrap_or_else(|| panic!("unexpected first line: {line}"))
            .to_owned();
        Self { child, address }
    }

    /// Sends one request; returns status and body.
    fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses a body may close before it has read all of it.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn end_with(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run_with(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_localnet"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn it_answers_where_it_says_and_names_its_friendbot() {
    let program = Program::start();
    let request = br#"{"jsonrpc": "2.0", "id": 1, "method": "getNetwork"}"#;
    let (status, answer) = program.request("POST", "/", request);
    assert_eq!(status, 200);
    let friendbot = format!("http://{}/friendbot", program.address);
    assert_eq!(answer["result"]["friendbotUrl"], friendbot.as_str());
}

#[test]
fn friendbot_takes_get_and_post() {
    let program = Program::start();
    let account = |seed| {
        let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        stellar_strkey::ed25519::PublicKey(key.verifying_key().to_bytes())
    };
    for (method, seed) in [("GET", 1), ("POST", 2)] {
        let path = format!("/friendbot?addr={}", account(seed));
        let (status, answer) = program.request(method, &path, b"");
        assert_eq!((status, &answer["successful"]), (200, &Value::Bool(true)));
        let (status, _) = program.request(method, &path, b"");
        assert_eq!(status, 400);
    }
}

#[test]
fn a_request_beyond_one_mebibyte_is_refused() {
    let program = Program::start();
    let (status, _) = program.request("POST", "/", &vec![b' '; (1 << 20) + 1]);
    assert_eq!(status, 413);
    let (_, answer) = program.request("POST", "/", &vec![b' '; 1 << 20]);
    assert_eq!(answer["error"]["code"], -32700);
}

#[test]
fn both_signals_end_it_well() {
    for signal in ["-TERM", "-INT"] {
        let mut program = Program::start();
        assert_eq!(program.end_with(signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn arguments_it_cannot_use_end_it_with_a_sentence() {
    let output = run_with(&["--listen", "192.0.2.1:8000"]);
    assert_eq!(output.status.code(), Some(2));
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.contains("loopback only"), "{sentence}");
}

#[test]
fn help_lists_every_option() {
    let output = run_with(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for option in [
        "--listen",
        "--passphrase",
        "--close-ms",
        "--retention-ledgers",
        "--clock-",
    ] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn an_address_in_use_is_said_in_a_sentence() {
    let program = Program::start();
    let output = run_with(&["--listen", &program.address]);
    assert_eq!(output.status.code(), Some(1));
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.contains("can't listen on"), "{sentence}");
}
