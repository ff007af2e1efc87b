//! The command line: what can be set, and a sentence for what can't.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::ledger::clock::Scale;
use crate::ledger::settings::STATE_BYTES;
use crate::ledger::Founding;

/// A terabyte; the rate of rent is computed in 64 bits.
const MAX_STATE_BYTES: u64 = 1_000_000_000_000;

/// What `--help` prints.
pub const HELP: &str = "\
localnet - a development ledger for Stellar smart contracts

It runs contracts on the real Soroban host and answers the JSON-RPC of stellar-rpc,
on this machine only. Everything is in memory: when it ends, all is gone, unless
--snapshot names a file to keep it in.
It is not stellar-core. Never send it a key that is worth anything.

Usage: localnet [options]

  --listen ADDRESS:PORT   where to answer; loopback only, port 0 picks a free one
                          (127.0.0.1:8000)
  --passphrase TEXT       name of the network that transactions are signed for
                          (\"Standalone Network ; February 2017\")
  --close-ms N            wall milliseconds between two ledgers; 0 closes one for
                          each accepted transaction (1000)
  --retention-ledgers N   how many ledgers can be asked about (120960)
  --state-bytes N         size of all contract state of the network, which the rate of
                          rent follows (1090340722)
  --snapshot FILE         go on from FILE if there is one, and write the ledger to it at
                          the end and when dev_snapshot is called
  --clock-origin UNIX_S   ledger time at the wall time of --clock-wall (that wall time)
  --clock-wall UNIX_S     wall time at which ledger time is --clock-origin (now)
  --clock-factor F        ledger seconds per wall second, 0 holds it still (1)
  --help                  print this
";

/// How to run.
#[derive(Debug, PartialEq)]
pub struct Options {
    pub listen: SocketAddr,
    pub founding: Founding,
    /// Time between two closes; `None` closes for each accepted transaction.
    pub close_every: Option<Duration>,
    pub clock: Scale,
    /// The file that the ledger is kept in between two runs.
    pub snapshot: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Command {
    Run(Options),
    Help,
}

/// Reads the arguments after the program's name.
///
/// `wall_s` is the wall time now, unix seconds. An error is a sentence for the user.
pub fn parse(arguments: &[String], wall_s: f64) -> Result<Command, String> {
    let mut options = Options {
        listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8_000),
        founding: Founding {
            passphrase: "Standalone Network ; February 2017".to_owned(),
            retention_ledgers: 120_960,
            state_bytes: STATE_BYTES,
        },
        close_every: Some(Duration::from_secs(1)),
        clock: Scale::WALL,
        snapshot: None,
    };
    let (mut origin_s, mut scale_wall_s, mut factor) = (None, None, None);
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        if name == "--help" || name == "-h" {
            return Ok(Command::Help);
        }
        let mut value = || {
            arguments
                .next()
                .map(String::as_str)
                .ok_or_else(|| format!("{name} needs a value; localnet --help shows which."))
        };
        match name.as_str() {
            "--listen" => options.listen = loopback(value()?)?,
            "--passphrase" => options.founding.passphrase = value()?.to_owned(),
            "--close-ms" => options.close_every = close_every(value()?)?,
            "--retention-ledgers" => options.founding.retention_ledgers = retention(value()?)?,
            "--state-bytes" => options.founding.state_bytes = state_bytes(value()?)?,
            "--snapshot" => options.snapshot = Some(PathBuf::from(value()?)),
            "--clock-origin" => origin_s = Some(number(name, value()?, "unix seconds")?),
            "--clock-wall" => scale_wall_s = Some(float(name, value()?)?),
            "--clock-factor" => factor = Some(float(name, value()?)?),
            _ => {
                return Err(format!(
                    "{name} is not an option of localnet; localnet --help lists them."
                ))
            }
        }
    }
    options.clock = scale(origin_s, scale_wall_s, factor, wall_s);
    Ok(Command::Run(options))
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        format!("--listen {text}: give an address and a port, such as 127.0.0.1:8000.")
    })?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!(
            "--listen {text}: localnet answers on loopback only; use 127.0.0.1 or [::1]."
        ))
    }
}

fn close_every(text: &str) -> Result<Option<Duration>, String> {
    let milliseconds = number("--close-ms", text, "milliseconds, 0 or more")?;
    Ok((milliseconds > 0).then(|| Duration::from_millis(milliseconds)))
}

fn retention(text: &str) -> Result<u32, String> {
    let ledgers = number("--retention-ledgers", text, "ledgers, 1 or more")?;
    if ledgers == 0 {
        return Err("--retention-ledgers must be 1 or more.".to_owned());
    }
    Ok(ledgers)
}

fn state_bytes(text: &str) -> Result<u64, String> {
    let bytes = number("--state-bytes", text, "bytes, up to 1000000000000")?;
    if bytes > MAX_STATE_BYTES {
        return Err("--state-bytes must be at most 1000000000000.".to_owned());
    }
    Ok(bytes)
}

fn number<T: FromStr>(name: &str, text: &str, unit: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name} {text}: give a whole number of {unit}."))
}

fn float(name: &str, text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| format!("{name} {text}: give a number, 0 or more."))
}

/// Completes a scale: unless told otherwise, ledger time starts as wall time.
fn scale(origin_s: Option<u64>, at_wall_s: Option<f64>, factor: Option<f64>, wall_s: f64) -> Scale {
    if origin_s.is_none() && at_wall_s.is_none() && factor.is_none() {
        return Scale::WALL;
    }
    let at_wall_s = at_wall_s.unwrap_or(wall_s);
    Scale {
        origin_s: origin_s.unwrap_or(at_wall_s as u64),
        wall_s: at_wall_s,
        factor: factor.unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&arguments, 1_000.5)
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Command::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_arguments_ledger_time_is_wall_time() {
        assert_eq!(options("").clock, Scale::WALL);
    }

    #[test]
    fn a_clock_given_in_full_is_taken_as_given() {
        let clock = options("--clock-origin 77 --clock-wall 5.5 --clock-factor 60").clock;
        let given = Scale {
            origin_s: 77,
            wall_s: 5.5,
            factor: 60.0,
        };
        assert_eq!(clock, given);
    }

    #[test]
    fn a_factor_alone_starts_from_now() {
        let clock = options("--clock-factor 2").clock;
        assert_eq!((clock.origin_s, clock.wall_s), (1_000, 1_000.5));
    }

    #[test]
    fn zero_milliseconds_close_for_each_transaction() {
        assert_eq!(options("--close-ms 0").close_every, None);
        let every = options("--close-ms 250").close_every;
        assert_eq!(every, Some(Duration::from_millis(250)));
    }

    #[test]
    fn an_address_others_can_reach_is_refused() {
        let sentence = parsed("--listen 0.0.0.0:8000").unwrap_err();
        assert!(sentence.contains("loopback only"), "{sentence}");
        assert!(options("--listen [::1]:0").listen.ip().is_loopback());
    }

    #[test]
    fn each_wrong_argument_gets_a_sentence_that_names_it() {
        for line in [
            "--close-ms soon",
            "--close-ms",
            "--retention-ledgers 0",
            "--clock-factor -1",
            "--clock-factor nan",
            "--listen localhost",
            "--prot 8000",
        ] {
            let name = line.split_whitespace().next().unwrap();
            let sentence = parsed(line).unwrap_err();
            assert!(sentence.contains(name), "{line}: {sentence}");
        }
    }
}
