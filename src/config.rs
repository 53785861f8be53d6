//! Settings of the whole program: `config/default.toml` embedded, a user's folder over it,
//! the environment over that. Unknown keys are refused everywhere, with file and line.

use std::path::Path;

use qingting_pipeline::assets::{Assets, parse_toml};
use qingting_pipeline::config::{
    FactConfig, FindingConfig, ModelsConfig, NormalizeConfig, PipelineConfig, ScoreConfig, SegmentConfig, SignalConfig,
    TopicConfig,
};
use qingting_pipeline::import::ImportOptions;
use qingting_pipeline::topic::association::AssociationConfig;
use qingting_pipeline::topic::burst::BurstConfig;
use qingting_pipeline::topic::callers::CallerConfig;
use qingting_pipeline::topic::hotspot::HotspotConfig;
use serde::{Deserialize, Serialize};

use crate::access::AccessConfig;
use crate::coaching::CoachingConfig;
use crate::insight::InsightSettings;
use crate::insight::gaps::KnowledgeConfig;
use crate::originals::OriginalsConfig;
use crate::report::ReportConfig;
use crate::server::ServerConfig;

/// Prefix of the environment variables that override a setting:
/// `QINGTING__SERVER__LISTEN` is `listen` in `[server]`.
pub const ENV_PREFIX: &str = "QINGTING__";

/// Every setting, validated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Reading of inputs.
    pub import: ImportConfig,
    /// Cleaning and masking.
    pub normalize: NormalizeConfig,
    /// Trained models.
    pub models: ModelsConfig,
    /// Word segmentation.
    pub segment: SegmentConfig,
    /// Measurements.
    pub signal: SignalConfig,
    /// Detectors and thresholds.
    pub finding: FindingConfig,
    /// Facts of the call.
    pub fact: FactConfig,
    /// Scorecards.
    pub score: ScoreConfig,
    /// Topic clustering.
    pub topic: TopicConfig,
    /// Bursts of topics.
    pub burst: BurstConfig,
    /// Hot spots.
    pub hotspot: HotspotConfig,
    /// Associations.
    pub association: AssociationConfig,
    /// Caller patterns.
    pub callers: CallerConfig,
    /// The knowledge base's memory.
    pub knowledge: KnowledgeConfig,
    /// The report.
    pub report: ReportConfig,
    /// Coaching and bulletins.
    pub coaching: CoachingConfig,
    /// How long calls are kept.
    pub retention: RetentionConfig,
    /// What masking takes out of calls.
    pub originals: OriginalsConfig,
    /// The batch.
    pub batch: BatchConfig,
    /// The gRPC server.
    pub server: ServerConfig,
    /// Who may ask it.
    pub access: AccessConfig,
}

/// Reading of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportConfig {
    /// Zone of times that carry no offset.
    pub timezone: String,
    /// Longest line that is read, in MiB; longer ones are quarantined.
    pub max_line_mib: usize,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self { timezone: "Asia/Shanghai".to_owned(), max_line_mib: 16 }
    }
}

/// How long calls are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Days that `qingting prune` keeps, today among them; 0: it has to be told.
    pub keep_days: u32,
}

/// How a batch is worked through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// Worker threads; 0 takes one a core.
    pub threads: usize,
    /// Calls that are analysed together; memory grows with it.
    pub chunk_calls: usize,
    /// Calls after which an import makes what it has durable, at most 16384.
    pub commit_calls: usize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { threads: 0, chunk_calls: 256, commit_calls: 16_384 }
    }
}

/// What can be wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is missing or wrong.
    #[error(transparent)]
    File(#[from] qingting_pipeline::Error),
    /// An environment variable names no setting or has a value of the wrong kind.
    #[error("environment variable {name}: {message}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A value is outside of what the program can do.
    #[error("[{section}] {key}: {message}")]
    Value {
        /// The section.
        section: &'static str,
        /// The key.
        key: &'static str,
        /// What would be right.
        message: String,
    },
}

impl Settings {
    /// Reads the settings and the configuration files that go with them.
    ///
    /// # Errors
    /// When the folder is not there, or a file or variable is wrong.
    pub fn load(folder: Option<&Path>) -> Result<(Self, Assets), Error> {
        let assets = match folder {
            Some(folder) => Assets::with_overlay(folder)?,
            None => Assets::embedded(),
        };
        let settings: Self = parse_toml(&assets.read("default.toml")?)?;
        let settings = settings.with_environment(std::env::vars())?;
        settings.validate()?;
        Ok((settings, assets))
    }

    fn with_environment(self, variables: impl Iterator<Item = (String, String)>) -> Result<Self, Error> {
        let mut wanted: Vec<_> = variables.filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        wanted.sort();
        let mut settings = self;
        for (name, value) in wanted {
            let fail = |message: String| Error::Environment { name: name.clone(), message };
            let path: Vec<String> = name[ENV_PREFIX.len()..].to_lowercase().split("__").map(str::to_owned).collect();
            let mut table = toml::Table::try_from(&settings).map_err(|e| fail(e.to_string()))?;
            let (section, key) = match path.as_slice() {
                [section, key] => (section, key),
                _ => return Err(fail(format!("write it as {ENV_PREFIX}SECTION__KEY"))),
            };
            let Some(toml::Value::Table(inner)) = table.get_mut(section) else {
                return Err(fail(format!("there is no section [{section}]")));
            };
            // A bare word is a string; everything else is read as TOML would.
            let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"))
                .ok()
                .and_then(|mut t| t.remove("v"))
                .unwrap_or(toml::Value::String(value));
            inner.insert(key.clone(), parsed);
            settings = table.try_into().map_err(|e: toml::de::Error| fail(e.message().to_owned()))?;
        }
        Ok(settings)
    }

    fn validate(&self) -> Result<(), Error> {
        let value = |section, key, message: &str| Err(Error::Value { section, key, message: message.to_owned() });
        if self.import.timezone.parse::<chrono_tz::Tz>().is_err() {
            return value("import", "timezone", "name an IANA time zone such as Asia/Shanghai");
        }
        if self.import.max_line_mib == 0 {
            return value("import", "max_line_mib", "must be at least 1");
        }
        if self.batch.chunk_calls == 0 {
            return value("batch", "chunk_calls", "must be at least 1");
        }
        if !(1..=16_384).contains(&self.batch.commit_calls) {
            return value("batch", "commit_calls", "must be 1 to 16384");
        }
        if let Err((key, message)) = self.report.validate() {
            return value("report", key, &message);
        }
        if let Err((key, message)) = self.coaching.validate() {
            return value("coaching", key, &message);
        }
        if let Err((key, message)) = self.access.validate() {
            return value("access", key, &message);
        }
        self.server.validate().map_err(|wrong| Error::Value {
            section: "server",
            key: wrong.key,
            message: wrong.message,
        })
    }

    /// The part that an analysis depends on.
    pub fn pipeline(&self) -> PipelineConfig {
        PipelineConfig {
            normalize: self.normalize.clone(),
            models: self.models.clone(),
            segment: self.segment.clone(),
            signal: self.signal.clone(),
            finding: self.finding.clone(),
            fact: self.fact.clone(),
            score: self.score.clone(),
            topic: self.topic.clone(),
        }
    }

    /// The part that everything over many calls depends on.
    pub fn insight(&self) -> InsightSettings {
        InsightSettings {
            topic: self.topic.clone(),
            burst: self.burst,
            hotspot: self.hotspot,
            association: self.association,
            callers: self.callers,
            knowledge: self.knowledge,
            report: self.report,
            coaching: self.coaching.clone(),
        }
    }

    /// How inputs are read, before the command line has its say.
    pub fn import_options(&self) -> ImportOptions {
        ImportOptions {
            timezone: self.import.timezone.parse().unwrap_or(chrono_tz::Asia::Shanghai),
            max_line_bytes: self.import.max_line_mib << 20,
            ..ImportOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Settings, Error> {
        Settings::default().with_environment(variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    /// `config/default.toml` documents the defaults; it must say what the program does.
    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let asset = Assets::embedded().read("default.toml").unwrap();
        let documented: Settings = parse_toml(&asset).unwrap();
        assert_eq!(documented, Settings::default());
        let written: toml::Table = toml::from_str(&asset.text).unwrap();
        let all = toml::Table::try_from(Settings::default()).unwrap();
        for (section, values) in &all {
            for key in values.as_table().unwrap().keys() {
                let there = written.get(section).and_then(|s| s.get(key)).is_some();
                assert!(there, "config/default.toml does not document {key} in [{section}]");
            }
        }
    }

    #[test]
    fn the_environment_overrides_and_unknown_names_are_refused() {
        assert_eq!(with(&[("QINGTING__BATCH__THREADS", "3")]).unwrap().batch.threads, 3);
        assert_eq!(with(&[("QINGTING__IMPORT__TIMEZONE", "Asia/Urumqi")]).unwrap().import.timezone, "Asia/Urumqi");
        let unknown = with(&[("QINGTING__BATCH__THREDS", "3")]).unwrap_err().to_string();
        assert!(unknown.contains("QINGTING__BATCH__THREDS") && unknown.contains("threds"), "{unknown}");
        assert!(with(&[("QINGTING__NOWHERE__X", "3")]).unwrap_err().to_string().contains("no section [nowhere]"));
        assert!(with(&[("QINGTING__BATCH__THREADS", "many")]).is_err());
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        let mut settings = Settings::default();
        settings.import.timezone = "Beijing".to_owned();
        assert!(settings.validate().unwrap_err().to_string().contains("Asia/Shanghai"));
    }
}
