//! Which options are meant where an error of the library says what to ask for instead: the library knows no
//! option, and here alone they meet.

use anyhow::bail;

use flopmeter::{Error, KernelError, Remedy, op::Convention};

/// What helps where an adapter did not run a kernel to its end.
pub const AUTO: &str = "not counted (--adapter auto runs again on the embedded executor what an adapter cut off, \
                    --adapter embedded runs there at once)";

/// The options that help against an error, if any do.
fn options(error: &Error) -> Option<String> {
    Some(match error {
        Error::Refused { remedy, .. } => match remedy {
            Remedy::SmallerStep => {
                "--batch, --seq, --set; a decoder: profile --extrapolate".to_owned()
            }
            Remedy::Subgroups(lanes) => {
                format!("--kernels portable, or --adapter embedded --subgroup-size {lanes}")
            }
            Remedy::AnotherSet => "--kernels auto".to_owned(),
            Remedy::Matrices => "--kernels auto, or --adapter embedded".to_owned(),
            Remedy::HalfPrecision => "--precision f16, or --kernels auto".to_owned(),
            Remedy::EveryLayer => "leave --extrapolate out".to_owned(),
            Remedy::EmbeddedExecutor => "--adapter embedded with --detect-races".to_owned(),
            Remedy::EntryPoint(_) => "--entry NAME".to_owned(),
            Remedy::Contents { group, binding } => {
                format!("--bind {group}.{binding}=zeros:COUNT, or iota, random, values, file")
            }
            Remedy::Texture { group, binding } => {
                format!("--bind {group}.{binding}=texture:WIDTHxHEIGHT[:FORMAT][:SPEC]")
            }
            Remedy::Folder => "-I DIR".to_owned(),
            Remedy::Convention(convention) => format!("--convention {}", typed(*convention)),
            Remedy::PartialSweep => "--partial".to_owned(),
        },
        Error::Core(KernelError::MissingOverride { name, .. }) => {
            format!("--override {name}=VALUE")
        }
        _ => return None,
    })
}

/// A convention as a shell takes it.
pub fn typed(convention: Convention) -> String {
    match convention {
        Convention::Own(_) => format!("'{convention}'"),
        named => named.to_string(),
    }
}

/// An error of the library, and the options that help.
pub fn in_words(error: &Error) -> String {
    match options(error) {
        Some(options) => format!("{error} ({options})"),
        None => error.to_string(),
    }
}

/// An error of a command with all that it happened during, and the options that help.
pub fn of_command(error: &anyhow::Error) -> String {
    let library = error.chain().find_map(|cause| options(cause.downcast_ref::<Error>()?));
    match library {
        Some(options) => format!("{error:#} ({options})"),
        None => format!("{error:#}"),
    }
}

/// Refuses a convention where nothing has operations that it could price.
///
/// # Errors
/// What would run.
pub fn prices_nothing(asked: Convention, model: &str) -> super::Result<()> {
    if asked == Convention::default() {
        return Ok(());
    }
    bail!(
        "--convention {} is about operations, and {model} has no exact count without a run: profile it, add --measure to \
         compare and scale, or leave it out",
        typed(asked)
    )
}
