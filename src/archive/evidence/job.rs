//! Sealing a case: a job that writes the package through the rights its account has while it
//! runs. A run that was cut off begins anew; a package is there whole or not at all.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    audit::{
        checkpoints,
        evidence::{EntryProof, EvidenceWriter, Heading, PULL_OBJECT, PURGE_OBJECT, SEAL_OBJECT},
        log::{self, Dimension},
        package::PackageError,
    },
    error::{AppError, Result},
    identity::{Account, Viewer},
    kit::{Id, Timestamp},
    store::{Folder, Read, files},
    work::{JobContext, JobEnd, JobFuture},
};

use super::{
    super::approval::{self, Wanted},
    gather::{Gathered, Gathering},
    model::{Case, CaseId, CaseState, Seal},
    queries,
    rest::{self, Sealing},
};

/// The job's kind.
pub const KIND: &str = "evidence.seal";

#[derive(Encode, Decode)]
struct Input {
    #[n(0)]
    case: CaseId,
}

pub(super) fn input(case: CaseId) -> Result<Vec<u8>> {
    minicbor::to_vec(Input { case }).map_err(AppError::internal)
}

/// Where packages lie.
pub(super) fn folder(app: &App) -> PathBuf {
    Folder::at(&app.config.data).evidence_dir()
}

/// Runs the job.
pub fn run(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        let job = context.job()?;
        let account: Id<Account> = job.created_by.ok_or(AppError::Unauthenticated)?.cast();
        let input: Input = minicbor::decode(&job.input).map_err(AppError::internal)?;
        let (writing, work) = (app.clone(), context.clone());
        let written = tokio::task::spawn_blocking(move || {
            let name = format!("{}-{}.sealed", input.case, work.id());
            let path = folder(&writing).join(name);
            let written = write(&writing, &work, account, input.case, &path);
            if !matches!(written, Ok(Some(_))) {
                // What cannot be removed now is removed by the next run.
                drop(std::fs::remove_file(rest::part(&path)));
            }
            written
        });
        let Some(seal) = written.await.map_err(AppError::internal)?? else {
            return Ok(JobEnd::Paused);
        };
        let file = seal.file.clone();
        let entered = enter(&app, &context, account, input.case, seal).await;
        if let Err(error) = &entered
            && let Err(error) = drop_refused(&app, input.case, &file, error)
        {
            tracing::error!(%error, file, "a package that was refused could not be removed");
        }
        entered.map(|()| JobEnd::Done)
    })
}

/// Notes in the case that its package is there, if nothing has changed meanwhile.
async fn enter(
    app: &App,
    context: &JobContext,
    account: Id<Account>,
    id: CaseId,
    seal: Seal,
) -> Result<()> {
    let now = app.store.clock().now();
    let viewer = app.read(|r| Viewer::on_behalf(r, account, "evidence", now))?;
    let act = viewer
        .view("evidence.sealed")
        .about("evidence_case", id)
        .about("package", &seal.manifest);
    context
        .step(act, move |w, job| {
            job.progress.counts = vec![
                ("evidence_messages".to_owned(), seal.messages),
                ("evidence_media".to_owned(), seal.media),
            ];
            let mut case = w.get::<Case>(&id)?.ok_or_else(missing)?;
            agreed(&w.read(), account, &case, w.now())?;
            case.state = CaseState::Sealed(seal);
            Ok(w.put(&case)?)
        })
        .await
}

/// Deletes a package at once that was refused at last: what may not be sealed must not lie
/// there until the job's next run, which may never come. After any other error it is not known
/// what was written, and the next run makes the same file anew.
fn drop_refused(app: &App, id: CaseId, file: &str, error: &AppError) -> Result<()> {
    let is_refused = matches!(
        error,
        AppError::Conflict { .. }
            | AppError::NotFound { .. }
            | AppError::Forbidden { .. }
            | AppError::Unauthenticated
    );
    let case = app.read(|r| r.get::<Case>(&id))?;
    let is_named = case.is_some_and(|case| case.sealed().is_some_and(|seal| seal.file == file));
    if is_refused && !is_named {
        files::remove_leftover(&folder(app).join(file)).map_err(disk)?;
    }
    Ok(())
}

/// Fails if a second person's yes was taken back since the case was to be sealed.
fn agreed(r: &Read<'_>, account: Id<Account>, case: &Case, now: Timestamp) -> Result<()> {
    let wanted = Wanted::Evidence(case.id, case.revision);
    approval::must_hold(r, account.cast(), &wanted, now)
}

pub(super) fn missing() -> AppError {
    AppError::NotFound {
        what: "evidence_case",
    }
}

pub(super) fn disk(error: std::io::Error) -> AppError {
    PackageError::Io(error).into()
}

/// The package on its way to the disk.
pub(super) type Out = EvidenceWriter<Sealing>;

/// Writes the package; `None` if it was told to stop.
fn write(
    app: &App,
    context: &JobContext,
    account: Id<Account>,
    id: CaseId,
    path: &Path,
) -> Result<Option<Seal>> {
    let mut out = EvidenceWriter::new(rest::begin(app, path)?)?;
    let now = app.store.clock().now();
    let gathered = app.read(|r| {
        let viewer = Viewer::on_behalf(r, account, "evidence", now)?;
        // What was gathered while it was open is sealed whole, also when that has run out.
        let sight = queries::sight(app, r, &viewer)?.whole();
        let case = queries::case(r, &sight, id)?;
        agreed(r, account, &case, now)?;
        match case.state {
            CaseState::Sealing(job, _) if job == context.id() => {}
            _ => return Err(missing()),
        }
        let gathering = Gathering::new(app, context, r, &sight, &case)?;
        gathering.write(&mut out)
    })?;
    let Some(gathered) = gathered else {
        return Ok(None);
    };
    let sha256 = out.contents(&id.to_string(), gathered.counts())?;
    let entries = prove(app, account, id, &sha256, &gathered)?;
    out.entries(&entries.lines)?;
    let vault = app.store.vault();
    let heading = Heading {
        origin: checkpoints::origin(vault),
        created: now.to_rfc3339(),
        case: id.to_string(),
    };
    let finished = out.finish(heading, &checkpoints::verifier_key(vault), &entries.note)?;
    let written = rest::end(finished.out, path).map_err(disk)?;
    Ok(Some(Seal {
        at: now,
        by: account.cast(),
        file: rest::name_of(path),
        bytes: written.bytes,
        manifest: finished.manifest_sha256,
        messages: gathered.messages,
        chosen: gathered.chosen,
        media: gathered.media,
        media_missing: gathered.media_missing,
        unproven: gathered.unproven,
        at_rest: Some(written.at_rest),
        sha256: Some(written.sha256),
    }))
}

/// Entries with their proofs, and the head they lead to.
struct Proved {
    lines: Vec<(Vec<u8>, EntryProof)>,
    note: String,
}

/// Has the log seal the contents, and proves that entry and those of the pulls, and of what took
/// messages away.
fn prove(
    app: &App,
    account: Id<Account>,
    case: CaseId,
    sha256: &str,
    gathered: &Gathered,
) -> Result<Proved> {
    let now = app.store.clock().now();
    let viewer = app.read(|r| Viewer::on_behalf(r, account, "evidence", now))?;
    let act = viewer
        .view("evidence.seal")
        .about("evidence_case", case)
        .about(SEAL_OBJECT, sha256);
    app.store.write_blocking(act, move |w| {
        let case = w.get::<Case>(&case)?.ok_or_else(missing)?;
        agreed(&w.read(), account, &case, w.now())
    })?;
    let head = checkpoints::sign_head(&app.store)?;
    let head = head.ok_or_else(|| AppError::internal("an entry was just written"))?;
    app.read(|r| {
        let mut seqs = BTreeMap::new();
        let pulls = gathered.pulls.iter();
        let pulls = pulls.map(|no| format!("{PULL_OBJECT}:{no}"));
        let purges = gathered.purges.iter();
        let purges = purges.map(|no| format!("{PURGE_OBJECT}:{no}"));
        let seal = format!("{SEAL_OBJECT}:{sha256}");
        for object in pulls.chain(purges).chain([seal]) {
            // The oldest is the one that made it.
            let found = log::found_by(r, Dimension::Object, &object, Some(head.size))?.last();
            let seq = found.ok_or_else(|| AppError::internal("a record without its entry"))??;
            seqs.entry(seq).or_insert_with(Vec::new).push(object);
        }
        let mut lines = Vec::with_capacity(seqs.len());
        for (seq, objects) in seqs {
            let line = log::line(r, seq)?.ok_or_else(|| AppError::internal("no such entry"))?;
            let mut openings = log::openings(r, seq)?;
            openings.retain(|opening| objects.contains(&opening.f));
            let path = log::inclusion(r, seq, head.size)?;
            let path = path.iter().map(hex::encode).collect();
            lines.push((
                line,
                EntryProof {
                    seq,
                    path,
                    openings,
                },
            ));
        }
        Ok(Proved {
            lines,
            note: head.note.clone(),
        })
    })
}
