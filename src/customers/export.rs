//! Taking customers out as a file: a job that reads through the rights the account has while
//! it runs, writes row by row, and leaves the file's hash in the audit trail.

use std::{path::PathBuf, sync::Arc};

use aws_lc_rs::digest;
use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::Sight,
    sheet::{Cell, SheetFormat, SheetWriter},
    store::Read,
    tags::{self, queries::GroupWithTags},
    web::{Lang, words},
    work::{
        Job, JobContext, JobEnd, JobFuture,
        jobs::{self, JobId, NewJob},
    },
};

use super::{
    CustomerId, Relation,
    list::{self, Asked},
    model::mask_phone,
    queries,
};

/// The job's kind.
pub const KIND: &str = "customers.export";
/// Customers written between two looks at whether to stop.
const STRETCH: usize = 500;
/// Customers of one file.
const CUSTOMERS_MAX: usize = 500_000;

/// Who is to be in the file.
pub enum Wanted {
    /// These.
    Ticked(Vec<CustomerId>),
    /// Everybody a list selects.
    Selected(Box<Asked>),
}

#[derive(Encode, Decode)]
struct Input {
    #[n(0)]
    ids: Vec<CustomerId>,
    #[n(1)]
    xlsx: bool,
    #[n(2)]
    english: bool,
}

/// What came out, for the download.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Exported {
    /// The file's name below the folder of exports.
    #[n(0)]
    pub file: String,
    /// Rows in it.
    #[n(1)]
    pub rows: u64,
    /// SHA-256 of it, hex.
    #[n(2)]
    pub sha256: String,
}

/// Queues an export; its entry names how many and commits to whom, before anything is read.
pub async fn start(
    app: &Arc<App>,
    viewer: Viewer,
    wanted: Wanted,
    format: SheetFormat,
    lang: Lang,
) -> Result<JobId> {
    let now = app.store.clock().now();
    let ids = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::CustomerExport)?;
        match wanted {
            Wanted::Ticked(ids) => Ok(ids),
            Wanted::Selected(asked) => {
                list::customer_ids(&app.people, &sight, &asked, CUSTOMERS_MAX, now)
            }
        }
    })?;
    let text: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let act = viewer
        .view("customer.export.begin")
        .system_detail("ids", text.join(" "))
        .system_detail("count", ids.len().to_string());
    let input = Input {
        ids,
        xlsx: format == SheetFormat::Xlsx,
        english: lang == Lang::En,
    };
    let input = minicbor::to_vec(&input).map_err(AppError::internal)?;
    let created_by = viewer.account().map(|account| account.subject_id());
    let id = app
        .write(act, move |w| {
            viewer.scope(&w.read(), Permission::CustomerExport)?;
            Ok(jobs::enqueue(
                w,
                NewJob {
                    kind: KIND,
                    input,
                    created_by,
                },
            )?)
        })
        .await?;
    app.jobs.notify_one();
    Ok(id)
}

/// Where exports lie.
pub fn folder(app: &App) -> PathBuf {
    app.config.data.join("exports")
}

/// Runs the job. A run that was cut off begins anew: half a file is never kept.
pub fn run(app: Arc<App>, context: JobContext) -> JobFuture {
    Box::pin(async move {
        let job = context.job()?;
        let account = job.created_by.ok_or(AppError::Unauthenticated)?;
        let work = context.clone();
        let reading = app.clone();
        let written =
            tokio::task::spawn_blocking(move || write(&reading, &work, account.cast(), &job.input))
                .await
                .map_err(AppError::internal)??;
        let Some(exported) = written else {
            return Ok(JobEnd::Paused);
        };
        let viewer =
            app.read(|r| Viewer::on_behalf(r, account.cast(), "export", app.store.clock().now()))?;
        let act = viewer
            .view("customer.export.done")
            .about("job", context.id())
            .system_detail("sha256", exported.sha256.clone())
            .system_detail("rows", exported.rows.to_string());
        context
            .step(act, move |_, job| {
                job.progress.done = job.progress.total;
                job.progress.counts = vec![("rows".to_owned(), exported.rows)];
                job.result = Some(minicbor::to_vec(&exported).map_err(AppError::internal)?);
                Ok(())
            })
            .await?;
        Ok(JobEnd::Done)
    })
}

/// Writes the file; `None` if it was told to stop.
fn write(
    app: &App,
    context: &JobContext,
    account: crate::kit::Id<crate::identity::Account>,
    input: &[u8],
) -> Result<Option<Exported>> {
    let input: Input = minicbor::decode(input).map_err(AppError::internal)?;
    let format = if input.xlsx {
        SheetFormat::Xlsx
    } else {
        SheetFormat::Csv
    };
    let lang = if input.english { Lang::En } else { Lang::Zh };
    let dir = folder(app);
    std::fs::create_dir_all(&dir).map_err(AppError::internal)?;
    let file = format!("{}.{}", context.id(), format.extension());
    let path = dir.join(&file);
    let mut sheet = SheetWriter::create(&path, format, &head(lang)).map_err(AppError::internal)?;
    let total = input.ids.len() as u64;
    for (i, stretch) in input.ids.chunks(STRETCH).enumerate() {
        if context.should_stop()? {
            return Ok(None);
        }
        // Each stretch is read with the rights of this moment: whoever loses them gets an
        // error, not a file.
        app.read(|r| {
            let now = app.store.clock().now();
            let viewer = Viewer::on_behalf(r, account, "export", now)?;
            let sight = app.sight(r, &viewer, Permission::CustomerExport)?;
            let groups = tags::queries::groups(r)?;
            rows(r, &sight, &groups, stretch, lang, &mut sheet)
        })?;
        let done = ((i + 1) * STRETCH) as u64;
        context.progress_blocking(move |p| {
            "export".clone_into(&mut p.phase);
            (p.done, p.total) = (done.min(total), total);
        })?;
    }
    let rows = sheet.finish().map_err(AppError::internal)?;
    let bytes = std::fs::read(&path).map_err(AppError::internal)?;
    let sha256 = hex::encode(digest::digest(&digest::SHA256, &bytes));
    Ok(Some(Exported { file, rows, sha256 }))
}

/// One row for each relation in scope.
fn rows(
    r: &Read<'_>,
    sight: &Sight,
    groups: &[GroupWithTags],
    ids: &[CustomerId],
    lang: Lang,
    sheet: &mut SheetWriter,
) -> Result<()> {
    for id in ids {
        let Some(found) = queries::customer(r, sight, *id)? else {
            continue;
        };
        for relation in &found.relations {
            let cells = cells(sight, groups, &found.customer, relation, lang);
            sheet.row(&cells).map_err(AppError::internal)?;
        }
    }
    Ok(())
}

const COLUMNS: [&str; 11] = [
    "no",
    "name",
    "kind",
    "remark",
    "company",
    "phone",
    "tags",
    "owner",
    "department",
    "way",
    "added",
];

fn head(lang: Lang) -> Vec<String> {
    COLUMNS
        .map(|c| words::text(lang, &format!("customers.column.{c}")).into_owned())
        .to_vec()
}

fn cells(
    sight: &Sight,
    groups: &[GroupWithTags],
    customer: &super::Customer,
    relation: &Relation,
    lang: Lang,
) -> Vec<Cell> {
    let tags: Vec<&str> = groups
        .iter()
        .flat_map(|g| &g.tags)
        .filter(|t| relation.tags.contains(&t.id))
        .map(|t| t.name.as_str())
        .collect();
    let phones: Vec<String> = relation.phones.iter().map(|p| mask_phone(p)).collect();
    let owner = sight.directory.member(relation.member);
    let department = owner.and_then(|m| sight.directory.department_of(m));
    let word = |key: &str| words::text(lang, key).into_owned();
    let company = match relation.company.is_empty() {
        true => &customer.corp_name,
        false => &relation.company,
    };
    vec![
        super::customer_no(customer.no).into(),
        customer.name.as_str().into(),
        word(customer.kind.word()).into(),
        relation.remark.as_str().into(),
        company.as_str().into(),
        phones.join(" ").into(),
        tags.join(" ").into(),
        sight.name(relation.member).into(),
        department.map_or("", |d| d.name.as_str()).into(),
        words::fill(
            lang,
            &relation.add_way.word_key(),
            ("n", relation.add_way.0.to_string()),
        )
        .into_owned()
        .into(),
        relation.added_at.to_rfc3339().into(),
    ]
}

/// The file of a finished export, for whoever asked for it.
pub async fn download(
    viewer: Viewer,
    job: actix_web::web::Path<JobId>,
    app: actix_web::web::Data<App>,
) -> Result<actix_web::HttpResponse> {
    let missing = || AppError::NotFound { what: "job" };
    let asked_by = viewer.account().map(|account| account.subject_id());
    let found = app.read(|r| r.get::<Job>(&job))?;
    let found = found.filter(|job| job.kind == KIND && job.created_by == asked_by);
    let result = found.and_then(|job| job.result).ok_or_else(missing)?;
    let exported: Exported = minicbor::decode(&result).map_err(AppError::internal)?;
    let act = viewer.view("customer.export.download").about("job", *job);
    app.write(act, move |w| {
        viewer
            .scope(&w.read(), Permission::CustomerExport)
            .map(drop)
    })
    .await?;
    let path = folder(&app).join(&exported.file);
    let bytes = tokio::fs::read(&path).await.map_err(|_| missing())?;
    let format = exported
        .file
        .rsplit('.')
        .next()
        .and_then(SheetFormat::of_code);
    let format = format.ok_or_else(missing)?;
    let name = format!("attachment; filename=\"customers.{}\"", format.extension());
    Ok(actix_web::HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header(("content-disposition", name))
        .body(bytes))
}
