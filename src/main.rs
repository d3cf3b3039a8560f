//! The command line program; everything is in `kronfit::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kronfit::cli::main()
}
