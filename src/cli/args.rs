//! Options that several commands share, and what they turn into.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, WrapErr, miette};
use qingting_pipeline::import::{ImportOptions, Importer};
use qingting_pipeline::learned::Decide;
use qingting_pipeline::record::Provenance;
use qingting_pipeline::{Pipeline, assets::Assets};

use crate::batch::{self, Summary};
use crate::config::Settings;
use crate::diagnostic;
use crate::documents::Shelf;
use crate::insight::gaps::ArticleModels;

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Folder with configuration files that go over the built-in ones
    #[arg(long, value_name = "DIR", env = "QINGTING_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

impl ConfigArgs {
    pub(crate) fn load(&self) -> miette::Result<(Settings, Assets)> {
        Settings::load(self.config.as_deref()).map_err(|error| match error {
            crate::config::Error::File(file) => diagnostic::pipeline(file),
            other => miette!("{other}"),
        })
    }

    /// The settings, and the documents with what is published in a data folder, if there is one.
    pub(crate) fn load_with(&self, data: Option<&Path>) -> miette::Result<(Settings, Shelf)> {
        let (settings, files) = self.load()?;
        let shelf = match data {
            Some(data) => Shelf::of_folder(files, data).map_err(super::data::index)?,
            None => Shelf::new(files, []),
        };
        Ok((settings, shelf))
    }
}

/// Which models decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Models {
    /// The ones inside the program
    Static,
    /// The transformer
    Bert,
    /// The transformer where the static models are unsure
    Cascade,
}

impl Models {
    /// Lets the command line decide over the configuration.
    pub(crate) fn apply(chosen: Option<Self>, settings: &mut Settings) {
        settings.models.decide = match chosen {
            None => settings.models.decide,
            Some(Self::Static) => Decide::Static,
            Some(Self::Bert) => Decide::Bert,
            Some(Self::Cascade) => Decide::Cascade,
        };
    }

    /// The same for the knowledge base, which has no use for a cascade: whatever compares meanings compares all.
    pub(crate) fn apply_to_articles(chosen: Option<Self>, settings: &mut Settings) {
        settings.knowledge.models = match chosen {
            None => settings.knowledge.models,
            Some(Self::Static) => ArticleModels::Static,
            Some(Self::Bert | Self::Cascade) => ArticleModels::Bert,
        };
    }

    /// # Errors
    /// When other models are asked for than those inside the program.
    pub(crate) fn only_static(chosen: Option<Self>) -> miette::Result<()> {
        match chosen {
            None | Some(Self::Static) => Ok(()),
            Some(Self::Bert | Self::Cascade) => {
                Err(miette!(help = "leave --models out, or name static", "this command has no use for the transformer"))
            }
        }
    }
}

/// Loads the pipeline, with the transformer where the settings ask for it.
///
/// # Errors
/// When a file of the configuration or of a model is missing or wrong.
pub(crate) fn pipeline(settings: &Settings, assets: &Assets) -> miette::Result<Pipeline> {
    if settings.models.decide != Decide::Static {
        super::data::prepare_engine()?;
    }
    Pipeline::new(&settings.pipeline(), assets).map_err(diagnostic::pipeline)
}

/// Says on stderr what the transformer was asked.
pub(crate) fn report_deep(pipeline: &Pipeline) {
    let Some(report) = pipeline.deep_report().filter(|report| report.turns > 0) else {
        return;
    };
    let share = report.asked as f64 * 100.0 / report.turns as f64;
    eprintln!("transformer: asked about {} of {} turns ({share:.1}%)", report.asked, report.turns);
    if report.failed > 0 {
        let reason = report.reason.unwrap_or_default();
        eprintln!("warning: it failed on {} calls, which the static models judged alone: {reason}", report.failed);
    }
}

/// Inputs and how they are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// Files, or folders of files; the format is detected
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Format of the inputs instead of detecting it (see docs/formats.md)
    #[arg(long, value_name = "FORMAT")]
    pub(crate) from: Option<String>,
    /// Read written messages: FIELD=NAME pairs, e.g. call_id=id,started_at=time,title=title,text=text
    #[arg(long, value_name = "FIELD=NAME,...", value_delimiter = ',', value_parser = pair)]
    pub(crate) map: Vec<(String, String)>,
    /// Table (CSV or JSON Lines) with ids, times and agents of files that carry none
    #[arg(long, value_name = "FILE")]
    pub(crate) meta: Option<PathBuf>,
    /// Time zone of times without an offset [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Date of calls in files that carry no time
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<NaiveDate>,
    /// Refuse unknown fields instead of keeping them as attributes
    #[arg(long)]
    pub(crate) strict: bool,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Which models decide
    #[arg(long, value_enum)]
    pub(crate) models: Option<Models>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, name)) if !field.trim().is_empty() && !name.trim().is_empty() => {
            Ok((field.trim().to_owned(), name.trim().to_owned()))
        }
        _ => Err(format!("{text:?} is not FIELD=NAME")),
    }
}

/// What a batch needs, loaded.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// The documents that the pipeline was made of.
    pub(crate) shelf: Shelf,
    pub(crate) pipeline: Pipeline,
    pub(crate) importer: Importer,
    pub(crate) pool: rayon::ThreadPool,
    pub(crate) inputs: Vec<PathBuf>,
}

impl Loaded {
    /// Takes up what was published since.
    pub(crate) fn renew(&mut self, shelf: Shelf) -> miette::Result<()> {
        self.pipeline = pipeline(&self.settings, shelf.assets())?;
        self.shelf = shelf;
        Ok(())
    }
}

impl InputArgs {
    /// For a data folder by what is published there, else by the files.
    pub(crate) fn load(&self, data: Option<&Path>) -> miette::Result<Loaded> {
        let inputs = batch::expand(&self.inputs)?;
        self.load_for(inputs, data)
    }

    /// As [`Self::load`], for these inputs and no others.
    pub(crate) fn load_for(&self, inputs: Vec<PathBuf>, data: Option<&Path>) -> miette::Result<Loaded> {
        let (mut settings, shelf) = self.config.load_with(data)?;
        Models::apply(self.models, &mut settings);
        let pipeline = pipeline(&settings, shelf.assets())?;
        let importer = Importer::new(self.options(&settings)?).map_err(diagnostic::pipeline)?;
        let threads = self.threads.unwrap_or(settings.batch.threads);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("analyze-{i}"))
            .build()
            .into_diagnostic()
            .wrap_err("worker threads")?;
        Ok(Loaded { settings, shelf, pipeline, importer, pool, inputs })
    }

    /// Everything but the input's content that the result of reading and analysing it depends on.
    pub(crate) fn fingerprint(&self, provenance: &Provenance) -> String {
        format!(
            "{} {} {:?} {:?} {:?} {:?} {:?} {}",
            provenance.version,
            provenance.config_fingerprint,
            self.from,
            self.map,
            self.meta,
            self.timezone,
            self.date,
            self.strict
        )
    }

    fn options(&self, settings: &Settings) -> miette::Result<ImportOptions> {
        let mut options = ImportOptions {
            from: self.from.clone(),
            map: self.map.clone(),
            meta: self.meta.clone(),
            date: self.date,
            strict: self.strict,
            ..settings.import_options()
        };
        if let Some(zone) = &self.timezone {
            options.timezone = zone.parse().map_err(|_| {
                miette!(help = "name an IANA time zone such as Asia/Shanghai", "--timezone {zone}: not a time zone")
            })?;
        }
        Ok(options)
    }
}

/// Says on stderr what a batch did, the most urgent first, and gives the exit code.
pub(crate) fn report_summary(summary: &Summary, quarantine: &std::path::Path) -> u8 {
    if !summary.crisis_calls.is_empty() {
        eprintln!("危机情形 {} 通，请立即处理：{}", summary.crisis_calls.len(), first(&summary.crisis_calls));
    }
    if !summary.crisis_rejected.is_empty() {
        eprintln!(
            "隔离记录中有 {} 条疑似危机情形，请立即查看：{}",
            summary.crisis_rejected.len(),
            first(&summary.crisis_rejected)
        );
    }
    for warning in &summary.warnings {
        eprintln!("warning: {warning}");
    }
    let more = summary.warning_count - summary.warnings.len() as u64;
    if more > 0 {
        eprintln!("warning: and {more} more");
    }
    let replaced = match summary.superseded.len() {
        0 => String::new(),
        n => format!(", {n} replaced by a later record of the same id"),
    };
    eprintln!("{} calls analysed{replaced}", summary.calls);
    if summary.rejected > 0 {
        eprintln!("{} records could not be read: see {}", summary.rejected, quarantine.display());
        for explanation in &summary.explained {
            eprintln!("  {explanation}");
        }
        return super::QUARANTINED;
    }
    super::GOOD
}

fn first(ids: &[String]) -> String {
    let shown = ids.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(" ");
    if ids.len() > 10 { format!("{shown} ...") } else { shown }
}
