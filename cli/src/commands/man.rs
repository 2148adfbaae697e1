//! `opendata-log man`.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::OutputKind;
use crate::exit::{Failure, Outcome};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  opendata-log man > opendata-log.1
  opendata-log man --to man1";

/// Print the manual page of this program, or write those of all commands into a folder.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// Write opendata-log.1 and a page for each command into this folder, which is created.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

impl ManArgs {
    pub(crate) fn run(&self, program: clap::Command) -> Outcome {
        let Some(folder) = &self.to else {
            let mut page = Vec::new();
            clap_mangen::Man::new(program)
                .render(&mut page)
                .map_err(|error| Failure::io("cannot make the page", &error))?;
            let mut output = Output::new(OutputKind::Raw);
            output.bytes(&page)?;
            return output.flush();
        };
        let shown = folder.display();
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(program, folder))
            .map_err(|error| Failure::io(format!("cannot write to {shown}"), &error))
    }
}
