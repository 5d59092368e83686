//! `ingraft doctor`: what is wrong, in a cluster, in manifests, or in a cluster once manifests are applied.

mod collect;
mod files;
mod github;
mod html;
mod json;
mod junit;
mod kustomize;
mod moved_document;
mod pages;
mod paths;
mod repair;
mod repair_live;
mod report;
mod restarts;
mod sarif;
mod select;
mod text;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{ArgGroup, ValueEnum};
use ingraft_cluster::documents;
use ingraft_core::doctor::image;
use ingraft_core::finding::ClusterFinding;
use ingraft_core::{Finding, Locale, Reason, Severity};
use ingraft_image::Source;
use ingraft_settings::SettingsArgs;
use kube::Client;

use self::collect::Collected;
use self::kustomize::Kustomized;
use self::report::{Item, Report};
use self::select::Pattern;
use crate::cluster_args::ClusterArgs;
use crate::completions::names;
use crate::image::ImageArgs;
use crate::input::{self, Manifests};
use crate::output::{self, FailOn};
use crate::trace::TraceArgs;

/// Between two looks at a cluster whose standing is waited for.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `ingraft doctor`.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("manifests").multiple(true))]
pub struct Args {
    /// Look at manifests and not at a cluster: a file, a folder with .yaml, .yml and .json files, or - for standard
    /// input; can be repeated. With -A: at the cluster as it will be once they are applied
    #[arg(short = 'f', long, value_name = "FILE", group = "manifests")]
    filename: Vec<PathBuf>,
    /// Manifests, as with -f
    #[arg(value_name = "FILE", group = "manifests")]
    files: Vec<PathBuf>,
    /// Also read the folders within a folder
    #[arg(short = 'R', long, requires = "manifests")]
    recursive: bool,
    /// Look at all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// The namespace to look at; of manifests, that of objects that do not name one [default: that of the context, or default]
    #[arg(short, long, add = names::namespaces())]
    namespace: Option<String>,
    /// Look again until nothing is wrong, for at most so many seconds [default: 300]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "300",
        value_parser = seconds,
        conflicts_with_all = ["manifests", "dry_run"]
    )]
    wait: Option<Duration>,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, help_heading = "Answer")]
    output: Form,
    /// The lowest severity of what is told
    #[arg(long, value_enum, default_value_t = Least::Warning, value_name = "SEVERITY", help_heading = "Answer")]
    show: Least,
    /// The lowest severity of a finding that makes the exit status 1
    #[arg(long, value_enum, default_value_t = FailOn::Warning, value_name = "SEVERITY", help_heading = "Answer")]
    fail_on: FailOn,
    /// Tell only these findings: CODE, CODE@kind/namespace/name or @kind/namespace/name; can be repeated
    #[arg(long, value_parser = Pattern::parse, value_delimiter = ',', value_name = "CODE", add = names::codes(), help_heading = "Answer")]
    only: Vec<Pattern>,
    /// Do not tell these findings; the same form
    #[arg(long, value_parser = Pattern::parse, value_delimiter = ',', value_name = "CODE", add = names::codes(), help_heading = "Answer")]
    skip: Vec<Pattern>,
    /// Print what a finding means, and look at nothing
    #[arg(long, value_parser = select::code, value_name = "CODE", exclusive = true, add = names::codes(), help_heading = "Answer")]
    explain: Option<&'static str>,
    #[command(flatten)]
    correction: CorrectionArgs,
    /// Do not ask before something is changed, or before --in-pod adds a container to a pod
    #[arg(short, long, conflicts_with = "dry_run", help_heading = "Correction")]
    yes: bool,
    #[command(flatten)]
    trace: TraceArgs,
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What is done about what is told.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Correction")]
struct CorrectionArgs {
    /// Correct what is told where that is certain, in the files or the objects of the cluster, and tell what is left
    #[arg(long)]
    fix: bool,
    /// Print what would be changed as a diff, and change nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Also change objects that Helm, Argo CD or Flux keep as they are
    #[arg(long, requires = "fix")]
    force: bool,
}

/// A number of seconds, with or without the unit.
fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.strip_suffix('s').unwrap_or(text).parse().map(Duration::from_secs)
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    #[default]
    Text,
    /// For programs; docs/doctor.schema.json describes it
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// Workflow commands, which GitHub shows beside changed lines
    Github,
    /// JUnit's XML, for those who show results of tests
    Junit,
    /// One page, for a ticket
    Html,
}

/// The lowest severity of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Least {
    /// Also what is worth knowing
    Info,
    /// What works less well than it seems
    Warning,
    /// What does not happen
    Error,
}

impl Least {
    const fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}

impl Args {
    /// The files and folders to look at, in the order of their kinds of naming.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.filename.iter().chain(&self.files)
    }

    /// Whether some are named.
    fn names_files(&self) -> bool {
        self.files().next().is_some()
    }
}

/// Looks, corrects where that is wanted, and tells.
pub fn run(args: &Args, locale: Locale) -> anyhow::Result<u8> {
    if let Some(code) = args.explain {
        return pages::print(code).map(|()| output::CLEAN);
    }
    if args.names_files() && !args.all_namespaces && args.cluster.is_named() {
        let message =
            "--context and --kubeconfig choose a cluster, and beside manifests none is asked: add -A\n";
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into());
    }
    if args.correction.dry_run && args.output != Form::Text {
        let message = "--dry-run prints a diff: leave -o out\n";
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into());
    }
    if args.trace.is_wanted() {
        return prove(args, locale);
    }
    if let Some(source) = args.image.source() {
        return judge(args, source, locale);
    }
    let read = manifests(args)?;
    // What programs read has what could not be read in it.
    if args.names_files() && read.documents.is_empty() && matches!(args.output, Form::Text | Form::Github) {
        return Ok(output::FAILED);
    }
    if args.names_files() && !args.all_namespaces {
        return files(args, collect::nothing(args), read, locale);
    }
    args.cluster.with_client(async |client| {
        let collected = collect::cluster(args, &client).await?;
        if args.names_files() {
            files(args, collected, read, locale)
        } else if args.correction.fix {
            correct(args, &client, collected, locale).await
        } else {
            tell(args, &settled(args, &client, collected).await?, locale)
        }
    })
}

/// What the files that are named hold. One that cannot be read is said; GitHub also shows where.
fn manifests(args: &Args) -> anyhow::Result<Manifests> {
    if !args.names_files() {
        return Ok(Manifests::default());
    }
    let read = input::manifests(args.files(), args.recursive)?;
    if args.output == Form::Github && !read.unread.is_empty() {
        in_workflow(|folders| read.unread.iter().map(|error| github::unreadable(error, folders)).collect())?;
    }
    for error in &read.unread {
        output::error(&error.clone().into());
    }
    for note in &read.left_out {
        output::note(note);
    }
    Ok(read)
}

/// Prints commands of a workflow.
fn in_workflow(commands: impl FnOnce(github::Folders<'_>) -> String) -> anyhow::Result<()> {
    let current = std::env::current_dir().context("failed to find the current folder")?;
    let workspace = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let workspace = workspace.unwrap_or_else(|| current.clone());
    output::print(commands(github::Folders { current: &current, workspace: &workspace }).as_bytes())
}

/// Sends a span, and tells what became of it.
fn prove(args: &Args, locale: Locale) -> anyhow::Result<u8> {
    if !matches!(args.output, Form::Text | Form::Json) {
        let message = "--trace is told as text or JSON: use -o text or -o json\n";
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into());
    }
    args.cluster.with_client(async |client| {
        let trace = args.trace.run(&client, args.namespace.as_deref(), args.yes, locale).await?;
        let Some(trace) = trace else { return Ok(output::CLEAN) };
        let text = match args.output {
            Form::Json => output::json_text(&trace.json(locale))?,
            _ => trace.text(locale),
        };
        output::print(text.as_bytes())?;
        Ok(if trace.is_delivered() { output::CLEAN } else { output::FINDINGS })
    })
}

/// Looks into an image, and tells whether it can be instrumented.
fn judge(args: &Args, source: &Source, locale: Locale) -> anyhow::Result<u8> {
    if !matches!(args.output, Form::Text | Form::Json) {
        let message = "--image is told as text or JSON: use -o text or -o json\n";
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message).into());
    }
    progress(&source.to_string());
    let reading = args.image.read(source);
    end_progress();
    let reading = reading?;
    let verdict = image::judge(&reading);
    let text = match args.output {
        Form::Json => output::json_text(&verdict.json(locale))?,
        _ => verdict.text(locale),
    };
    output::print(text.as_bytes())?;
    Ok(args.fail_on.status(verdict.findings.iter().map(Finding::severity).max()))
}

/// Takes out of a report what is not to be told.
fn select(args: &Args, report: &mut Report) {
    // Whoever reads the rest has to know by whose rules it is judged.
    let is_always_shown =
        |reason: &Reason| matches!(reason, Reason::Cluster(ClusterFinding::OperatorOfOthers { .. }));
    let is_wanted = |Item { diagnosis, .. }: &Item| {
        (diagnosis.finding.severity() >= args.show.severity() || is_always_shown(&diagnosis.finding.reason))
            && (args.only.is_empty() || args.only.iter().any(|pattern| pattern.fits(diagnosis)))
            && !args.skip.iter().any(|pattern| pattern.fits(diagnosis))
    };
    let hidden = report.told().filter(|item| item.severity() > Severity::Info && !is_wanted(item));
    report.hidden = hidden.map(|item| item.diagnosis.section()).collect();
    report.items.retain(is_wanted);
}

/// The exit status for what is told. Where something could not be read, it is not known to be right.
fn status(args: &Args, report: &Report) -> u8 {
    match args.fail_on.status(report.worst()) {
        _ if !report.unread.is_empty() => output::FAILED,
        output::CLEAN if report.looked.is_blind => output::FAILED,
        status => status,
    }
}

/// Looks at documents of files, beside what else is known.
fn files(args: &Args, base: Collected, read: Manifests, locale: Locale) -> anyhow::Result<u8> {
    let Manifests { mut documents, left_out, unread, folders } = read;
    let kustomized = Kustomized::of(&documents, folders);
    documents.retain(|document| !kustomized.is_patch(&document.file));
    for patch in kustomized.patches() {
        output::note(&format!("{patch} is left out: {}", input::PATCH));
    }
    let left_out = left_out.len() + kustomized.patches().len();
    let base = &base.beside(unread, left_out, args.recursive).kustomized(kustomized);
    if !args.correction.fix {
        return tell(args, &base.with(documents)?, locale);
    }
    let repaired =
        repair::repair(base, &documents, |report| select(args, report), repair::MOST_ROUNDS, locale)?;
    for left in &repaired.left {
        output::note(left);
    }
    for documents::Error { file, .. } in base.unread() {
        output::note(&match locale {
            Locale::En => format!("nothing of {file} is corrected: it cannot be read"),
            Locale::Es => format!("no se corrige nada de {file}: no se puede leer"),
        });
    }
    for (file, template) in &repaired.made {
        output::note(&match locale {
            Locale::En => {
                format!("{file} is made by Helm: correct {template} too, or the next rendering undoes this")
            }
            Locale::Es => {
                format!("{file} lo genera Helm: corrige también {template}, o la próxima vez se deshará esto")
            }
        });
    }
    let diff = repaired.diff();
    if args.correction.dry_run {
        output::print(diff.as_bytes())?;
        let [before, after] = [repaired.documents_before()?, repaired.documents()?];
        let examined = |documents| base.with(documents).map(|collected| examined(args, &collected));
        let [before, after] = [before, after].map(examined);
        leave(&after?, locale);
        return Ok(status(args, &before?));
    }
    if !diff.is_empty() && (args.yes || asked(&diff, locale)?) {
        repaired.write()?;
        output::note(&corrected(repaired.corrected, repaired.changes(), locale));
        return tell(args, &base.with(repaired.documents()?)?, locale);
    }
    tell(args, &base.with(repaired.documents_before()?)?, locale)
}

/// The cluster once nothing is wrong with it, or once nobody wants to wait any longer.
async fn settled(args: &Args, client: &Client, mut collected: Collected) -> anyhow::Result<Collected> {
    let started = Instant::now();
    let longest = args.wait.unwrap_or_default();
    while started.elapsed() < longest && status(args, &examined(args, &collected)) != output::CLEAN {
        tokio::time::sleep(PAUSE).await;
        collected = collect::cluster(args, client).await?;
    }
    Ok(collected)
}

/// Corrects the objects of a cluster.
async fn correct(args: &Args, client: &Client, collected: Collected, locale: Locale) -> anyhow::Result<u8> {
    let report = examined(args, &collected);
    let mut plan = repair_live::plan(client, &collected, &report, args.correction.force, locale).await?;
    let diff = plan.diff()?;
    if args.correction.dry_run {
        output::print(diff.as_bytes())?;
    }
    let applies = !args.correction.dry_run && !plan.changes.is_empty() && (args.yes || asked(&diff, locale)?);
    let done = if applies { Some((plan.apply(locale).await?, plan.changes.len())) } else { None };
    for left in &plan.left {
        output::note(left);
    }
    if args.correction.dry_run {
        leave(&report, locale);
        return Ok(status(args, &report));
    }
    let Some((findings, changed)) = done else { return tell(args, &collected, locale) };
    output::note(&corrected(findings, changed, locale));
    let collected = collect::cluster(args, client).await?;
    tell(args, &settled(args, client, collected).await?, locale)
}

/// Whether a person wants these changes.
fn asked(diff: &str, locale: Locale) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        let message = match locale {
            Locale::En => {
                "nobody can be asked whether to change this: use --yes, or --dry-run to see what would be changed\n"
            }
            Locale::Es => {
                "no hay a quién preguntar si cambiar esto: usa --yes, o --dry-run para ver qué cambiaría\n"
            }
        };
        return Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, message).into());
    }
    let question = match locale {
        Locale::En => "Change this? [y/N] ",
        Locale::Es => "¿Cambiar esto? [s/N] ",
    };
    write!(std::io::stderr(), "{diff}{question}")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes", "s", "sí", "si"].contains(&answer.trim().to_lowercase().as_str()))
}

fn corrected(findings: usize, places: usize, locale: Locale) -> String {
    match locale {
        Locale::En => format!("corrected {findings}, in {places} of the files or objects"),
        Locale::Es => format!("corregidos {findings}, en {places} de los ficheros u objetos"),
    }
}

/// Names what only a person can correct.
fn leave(report: &Report, locale: Locale) {
    for item in report.told().filter(|item| item.fix.is_none()) {
        let (code, object, message) = (item.code(), &item.diagnosis.object, item.message(locale));
        output::note(&match locale {
            Locale::En => format!("{code} ({object}) is left to you: {message}"),
            Locale::Es => format!("{code} ({object}) queda para ti: {message}"),
        });
    }
}

/// What is found and wanted.
fn examined(args: &Args, collected: &Collected) -> Report {
    let mut report = collected.examine();
    select(args, &mut report);
    report
}

/// Tells what is found.
fn tell(args: &Args, collected: &Collected, locale: Locale) -> anyhow::Result<u8> {
    let report = examined(args, collected);
    print(args.output, &report, locale)?;
    Ok(status(args, &report))
}

/// Prints the report and nothing else. What limits it is told beside it, unless the form has a place for that.
fn print(form: Form, report: &Report, locale: Locale) -> anyhow::Result<()> {
    if matches!(form, Form::Text | Form::Github | Form::Junit) {
        for note in &report.notes {
            output::note(note);
        }
    }
    match form {
        Form::Text => output::print_styled(&text::text(report, locale)),
        Form::Json => output::print(output::json_text(&json::json(report, locale))?.as_bytes()),
        Form::Sarif => {
            let folder = std::env::current_dir().context("failed to find the current folder")?;
            let sarif = sarif::sarif(report, &folder, locale);
            output::print(output::json_text(&sarif)?.as_bytes())
        }
        Form::Github => in_workflow(|folders| github::github(report, folders, locale)),
        Form::Junit => output::print(&junit::junit(report, locale).context("failed to write XML")?),
        Form::Html => {
            output::print(html::html(report, locale).context("failed to write the page")?.as_bytes())
        }
    }
}

/// Tells somebody who waits what is being read.
fn progress(what: &str) {
    if std::io::stderr().is_terminal() {
        // It makes room for the next one, or for the answer.
        drop(write!(std::io::stderr(), "\r\x1b[Kreading {what} …"));
    }
}

/// Takes what was told last off the screen.
fn end_progress() {
    if std::io::stderr().is_terminal() {
        drop(write!(std::io::stderr(), "\r\x1b[K"));
    }
}

#[cfg(test)]
mod tests;
