//! `find TEXT`: writes the lines of standard input that contain TEXT.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use guest_command::{exit, find};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(text), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: find TEXT < INPUT");
        return exit::TROUBLE.into();
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let found = find(&text, io::stdin().lock(), &mut output)
        .and_then(|found| output.flush().map(|()| found));
    match found {
        Ok(0) => exit::NOT_FOUND.into(),
        Ok(_) => exit::FOUND.into(),
        Err(error) => {
            eprintln!("find: {error}");
            exit::TROUBLE.into()
        }
    }
}
