//! The program itself: how it starts, answers on its socket, and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// A running program, ended with the test.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_localnet"))
            .args(["--listen", "127.0.0.1:0", "--close-ms", "0"])
            .args(arguments)
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

    /// Calls a method; returns the whole answer.
    fn call(&self, method: &str) -> Value {
        let request = format!(r#"{{"jsonrpc": "2.0", "id": 1, "method": "{method}"}}"#);
        self.request("POST", "/", request.as_bytes()).1
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
        "--state-bytes",
        "--snapshot",
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

/// A folder of this test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("localnet-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> String {
        self.0.join("ledger").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_either_signal_ends_is_taken_up_by_the_next_start() {
    for signal in ["-TERM", "-INT"] {
        let folder = Folder::new(signal);
        let file = folder.file();
        let mut first = Program::start_with(&["--snapshot", &file]);
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let address = stellar_strkey::ed25519::PublicKey(key.verifying_key().to_bytes());
        let path = format!("/friendbot?addr={address}");
        assert_eq!(first.request("GET", &path, b"").0, 200);
        let latest = first.call("getLatestLedger");
        assert_eq!(first.end_with(signal).code(), Some(0));
        let second = Program::start_with(&["--snapshot", &file]);
        assert_eq!(second.call("getLatestLedger"), latest);
        assert_eq!(second.request("GET", &path, b"").0, 400);
    }
}

#[test]
fn a_snapshot_is_taken_when_asked_for_and_outlives_a_kill() {
    let folder = Folder::new("asked");
    let file = folder.file();
    let mut first = Program::start_with(&["--snapshot", &file]);
    let taken = first.call("dev_snapshot");
    assert_eq!(taken["result"]["snapshot"], file.as_str());
    let latest = first.call("getLatestLedger");
    assert_eq!(first.end_with("-KILL").code(), None);
    let second = Program::start_with(&["--snapshot", &file]);
    assert_eq!(second.call("getLatestLedger"), latest);
    let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_file_of_something_else_ends_it_with_a_sentence_and_stays_as_it_is() {
    let folder = Folder::new("foreign");
    let file = folder.file();
    std::fs::write(&file, "my shopping list\n").unwrap();
    let output = run_with(&["--listen", "127.0.0.1:0", "--snapshot", &file]);
    assert_eq!(output.status.code(), Some(1));
    let sentence = String::from_utf8(output.stderr).unwrap();
    let expected = format!("{file} is not a snapshot of localnet. Name another file");
    assert!(sentence.contains(&expected), "{sentence}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "my shopping list\n"
    );
}

#[test]
fn a_snapshot_of_another_network_names_both() {
    let folder = Folder::new("network");
    let file = folder.file();
    let mut first = Program::start_with(&["--snapshot", &file, "--passphrase", "One"]);
    first.end_with("-TERM");
    let output = run_with(&["--snapshot", &file, "--passphrase", "Two"]);
    assert_eq!(output.status.code(), Some(1));
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(
        sentence.contains(r#"network "One", not "Two""#),
        "{sentence}"
    );
}

#[test]
fn a_place_that_cannot_be_written_to_is_said_at_the_end() {
    let file = "/nowhere/at/all/ledger";
    let mut program = Program::start_with(&["--snapshot", file]);
    assert!(program.call("dev_snapshot")["error"]["message"]
        .as_str()
        .unwrap()
        .contains(file));
    assert_eq!(program.end_with("-TERM").code(), Some(1));
}
