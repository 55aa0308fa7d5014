//! Completion for shells and the man page, from the command line's own description.

use super::failure::{Failure, Outcome};
use super::{Cli, output};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shell that will read the script.
    shell: Shell,
}

/// Options of the man page.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Verb whose page is printed.
    verb: Option<String>,
}

/// Prints a completion script.
pub(crate) fn completions(args: &Args) -> Outcome<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "candlewick", &mut script);
    output::write(None, &script)
}

/// Prints a man page.
pub(crate) fn man(args: &ManArgs) -> Outcome<()> {
    let mut command = Cli::command();
    command.build();
    let page = match &args.verb {
        None => command,
        Some(verb) => {
            let found = command.find_subcommand(verb).cloned();
            found.ok_or_else(|| Failure::Usage(format!("there is no verb '{verb}'")))?
        }
    };
    let mut text = Vec::new();
    let refused = |error: std::io::Error| Failure::new(error.to_string());
    clap_mangen::Man::new(page).render(&mut text).map_err(refused)?;
    output::write(None, &text)
}
