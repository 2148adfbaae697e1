//! `opendata-log completions`.

use clap::Args;
use clap_complete::Shell;

use crate::arguments::OutputKind;
use crate::exit::Outcome;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  opendata-log completions bash > opendata-log.bash
  opendata-log completions zsh > _opendata-log
  opendata-log completions fish > opendata-log.fish";

/// Print the completions of a shell for this program.
///
/// For bash, put them into ~/.local/share/bash-completion/completions/opendata-log; for zsh, as _opendata-log into a folder of $fpath; for
/// fish, into ~/.config/fish/completions/opendata-log.fish.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(&self, mut program: clap::Command) -> Outcome {
        let name = program.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        let mut output = Output::new(OutputKind::Raw);
        output.bytes(&script)?;
        output.flush()
    }
}
