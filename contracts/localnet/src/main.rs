//! Starts the development ledger: arguments, then the server.

use std::process::ExitCode;

use localnet::ledger::clock::{system_wall_s, Clock};
use localnet::ledger::Ledger;
use localnet::options::{parse, Command, Options, HELP};
use localnet::rpc::Node;
use localnet::server::serve;

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
    let clock = Clock::system(options.clock);
    let ledger = Ledger::new(&options.passphrase, clock, options.retention_ledgers);
    let node = Node::new(ledger, options.close_every.is_none());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .expect("the system can start threads");
    let served = runtime.block_on(serve(node, options.listen, options.close_every));
    // Requests still being answered are not waited for: nothing of them is kept.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("localnet: can't listen on {}: {error}", options.listen);
            ExitCode::FAILURE
        }
    }
}
