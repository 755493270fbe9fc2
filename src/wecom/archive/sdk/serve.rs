//! Reading questions, answering them.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, Resource, Rlimit, Signal, getpid, kill_process, setrlimit},
};

use super::{
    Sdk,
    frames::{Answer, Ask, Begin, Frame, Source},
    http::OverHttp,
    library::Library,
};

/// Memory the child may ask for, in bytes: a library that leaks ends itself.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// Answers questions at the socket that is the standard input, until the parent hangs up.
///
/// # Errors
/// When there is no socket, or what comes over it makes no sense.
pub fn run() -> io::Result<()> {
    let socket = rustix::io::dup(rustix::stdio::stdin())?;
    rustix::net::sockopt::socket_type(&socket)?;
    // Whatever the library does with its standard input, it does not do it to our socket.
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    bound()?;
    end_with_parent(&socket)?;
    answer_all(UnixStream::from(socket))
}

/// No core file, which would hold the secret, and no memory without end.
fn bound() -> io::Result<()> {
    let at_most = |bytes| Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    setrlimit(Resource::Core, at_most(0))?;
    setrlimit(Resource::As, at_most(MEMORY_BYTES_MAX))?;
    Ok(())
}

/// A call that hangs does not outlive the parent.
fn end_with_parent(socket: &OwnedFd) -> io::Result<()> {
    let socket = socket.try_clone()?;
    let watch = move || {
        let mut watched = [PollFd::new(&socket, PollFlags::RDHUP)];
        while poll(&mut watched, None).is_err() {}
        let own: Pid = getpid();
        // Not `exit`: that would run code of the library, which may hang.
        let _ = kill_process(own, Signal::KILL);
    };
    std::thread::Builder::new().spawn(watch).map(drop)
}

fn answer_all(mut socket: UnixStream) -> io::Result<()> {
    let mut sdk: Option<Box<dyn Sdk>> = None;
    while let Some(frame) = Frame::<Ask>::read(&mut socket)? {
        let mut answer = |what| {
            let number = frame.number;
            Frame { number, what }.write(&mut socket)
        };
        match (frame.what, &mut sdk) {
            (Ask::Begin(begin), _) => match start(&begin) {
                Ok(begun) => {
                    sdk = Some(begun);
                    answer(Answer::Ready)?;
                }
                Err(refused) => answer(refused)?,
            },
            (Ask::Pull { seq, limit }, Some(sdk)) => answer(sdk.pull(seq, limit))?,
            (Ask::Media { fileid, index }, Some(sdk)) => answer(sdk.media(&fileid, &index))?,
            (Ask::Open { sealed }, Some(sdk)) => {
                for sealed in &sealed {
                    answer(sdk.open(sealed))?;
                }
            }
            (_, None) => answer(Answer::CannotBegin("asked before it began".to_owned()))?,
        }
    }
    Ok(())
}

fn start(begin: &Begin) -> Result<Box<dyn Sdk>, Answer> {
    Ok(match &begin.source {
        Source::Library(path) => Box::new(Library::load(Path::new(path), begin)?),
        Source::Http(base_url) => Box::new(OverHttp::new(base_url, begin)?),
    })
}
