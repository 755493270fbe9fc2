//! The `qitai` program: parse the command line, run, exit code.

fn main() -> std::process::ExitCode {
    qitai::cli::main()
}
