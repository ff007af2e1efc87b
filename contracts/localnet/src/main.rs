//! Starts the development ledger: arguments, then the server.

use std::process::ExitCode;

use localnet::ledger::clock::{system_wall_s, Clock};
use localnet::ledger::Ledger;
use localnet::options::{parse, Command, Options, HELP};
use localnet::rpc::Node;
use localnet::server::serve;
use localnet::snapshot_file;

/// Exit status for arguments that can't be used.
const USAGE: u8 = 2;
/// Stack of each worker: contracts may nest deeply.
const STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments, system_wall_s()) {
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Run(options)) => run(options),
        Err(sentence) => {
            eprintln!("localnet: {sentence}");
            ExitCode::from(USAGE)
        }
    }
}

fn run(options: Options) -> ExitCode {
    let node = match open(&options) {
        Ok(ledger) => {
            Node::new(ledger, options.close_every.is_none()).with_snapshot(options.snapshot.clone())
        }
        Err(sentence) => return failed(&sentence),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .expect("the system can start threads");
    let served = runtime.block_on(serve(node.clone(), options.listen, options.close_every));
    // Requests still being answered are not waited for: nobody gets to hear of them.
    runtime.shutdown_background();
    if let Err(error) = served {
        return failed(&format!("can't listen on {}: {error}", options.listen));
    }
    match node.save() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => failed(&sentence),
    }
}

/// Goes on from the snapshot, if there is one, or founds a new network.
fn open(options: &Options) -> Result<Ledger, String> {
    let clock = Clock::system(options.clock);
    let Some(path) = &options.snapshot else {
        return Ok(Ledger::new(&options.founding, clock));
    };
    match snapshot_file::read(path)? {
        None => Ok(Ledger::new(&options.founding, clock)),
        Some(bytes) => Ledger::resume(&bytes, &options.founding, clock).map_err(|why| {
            let path = path.display();
            format!("{path} {why}. Name another file, or move this one away to start anew.")
        }),
    }
}

fn failed(sentence: &str) -> ExitCode {
    eprintln!("localnet: {sentence}");
    ExitCode::FAILURE
}
