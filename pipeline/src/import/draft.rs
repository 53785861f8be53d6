//! A call as a recogniser wrote it, before it is known who is who: segments with the vendor's
//! labels and in its unit of time. [`Draft::finish`] makes the record.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::clean::clean;
use super::source::Source;
use super::{Context, Fault, Imported, SourceRef, meta, roles};
use crate::record::{CallRecord, Role, Turn, Word};

/// What a recogniser counts time in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Unit {
    #[default]
    Milliseconds,
    Seconds,
}

impl Unit {
    fn other(self) -> Self {
        match self {
            Self::Milliseconds => Self::Seconds,
            Self::Seconds => Self::Milliseconds,
        }
    }

    fn factor(self) -> f64 {
        match self {
            Self::Milliseconds => 1.0,
            Self::Seconds => 1000.0,
        }
    }
}

/// One word with its times in the draft's unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DraftWord {
    pub(super) text: String,
    pub(super) start: f64,
    pub(super) end: f64,
}

/// One stretch of speech with the vendor's own labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Segment {
    /// Index in the vendor's own list, for error messages.
    pub(super) index: usize,
    pub(super) speaker: Option<String>,
    pub(super) channel: Option<String>,
    /// The role, where the vendor itself says it.
    pub(super) role: Option<Role>,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    pub(super) text: String,
    pub(super) words: Vec<DraftWord>,
    pub(super) energy_db: Option<f32>,
    pub(super) emotion: Option<String>,
    /// The vendor's own measurements of this segment, by name.
    pub(super) signals: Vec<(&'static str, Value)>,
}

impl Segment {
    /// Keeps a measurement, if there is one.
    pub(super) fn signal(&mut self, name: &'static str, value: Option<&Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.signals.push((name, value.clone()));
        }
    }
}

/// A call as a recogniser wrote it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Draft {
    /// The vendor's own name of the recording, where a file holds several.
    pub(super) own_id: Option<String>,
    pub(super) unit: Unit,
    /// The vendor's own name of the list of segments, for error messages.
    pub(super) list: &'static str,
    pub(super) segments: Vec<Segment>,
    pub(super) language: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

impl Draft {
    /// An empty draft; `list` is the vendor's own name of the list of segments.
    pub(super) fn new(unit: Unit, list: &'static str) -> Self {
        Self { unit, list, ..Self::default() }
    }

    /// Keeps a value of the vendor's as attribute, if it is there.
    pub(super) fn keep(&mut self, name: &str, value: Option<&Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.attributes.insert(name.to_owned(), super::fields::attribute(value));
        }
    }

    /// Makes the record. `ordinal` is given when the file holds more than this call.
    pub(super) fn finish(mut self, place: &Place, ordinal: Option<usize>, context: &Context) -> Imported {
        let row = context.meta.find(&place.name_of_file(), &place.stem, self.own_id.as_deref(), ordinal.is_some());
        let id = match (row.and_then(meta::Row::call_id), &self.own_id, ordinal) {
            (Some(id), _, _) => id.to_owned(),
            (None, Some(own), Some(_)) => own.clone(),
            (None, None, Some(ordinal)) => format!("{}-{ordinal}", place.stem),
            (None, _, None) => place.stem.clone(),
        };
        let id = super::clean::label(&id);
        if id.is_empty() {
            let fault = Fault::at("call_id", "neither the file nor its name gives an id");
            return Imported::Rejected(*fault.reject(place.source(), None, Some(self.readable())));
        }
        if let Err(fault) = self.settle_times() {
            return Imported::Rejected(*fault.reject(place.source(), Some(id), Some(self.readable())));
        }
        let mut record = CallRecord::new(id);
        // Vendors list one channel after the other. Without times the order is all there is.
        if self.segments.iter().all(|segment| segment.start.is_some()) {
            self.segments.sort_by(|a, b| a.start.unwrap_or(0.0).total_cmp(&b.start.unwrap_or(0.0)));
        }
        let assigned = roles::assign(&self.segments, row.and_then(meta::Row::agent_channel));
        self.warnings.extend(assigned.warnings);
        record.language = self.language;
        record.attributes = self.attributes;
        record.attributes.insert("vendor".to_owned(), place.format.to_owned());
        if assigned.inferred {
            record.attributes.insert("roles".to_owned(), "inferred".to_owned());
        }
        if !assigned.speakers.is_empty() {
            let map: serde_json::Map<String, Value> =
                assigned.speakers.iter().map(|(label, role)| (label.clone(), role.as_str().into())).collect();
            record.attributes.insert("vendor.speakers".to_owned(), Value::Object(map).to_string());
        }
        for (name, list) in turn_signals(&self.segments) {
            record.attributes.insert(format!("vendor.{name}"), Value::Array(list).to_string());
        }
        let mut cleaned = false;
        record.turns = self
            .segments
            .into_iter()
            .zip(assigned.roles)
            .map(|(segment, role)| {
                let (text, changed) = clean(segment.text);
                cleaned |= changed;
                turn(
                    segment.start,
                    segment.end,
                    segment.words,
                    Turn {
                        energy_db: segment.energy_db,
                        emotion: segment.emotion,
                        ..Turn::new(role, text.trim())
                    },
                )
            })
            .collect();
        if cleaned {
            self.warnings.push("control characters removed".to_owned());
        }
        if record.turns.is_empty() {
            self.warnings.push("no speech in it".to_owned());
        }
        if let Some(row) = row {
            row.fill(&mut record);
        }
        if record.started_at.is_none() {
            record.started_at =
                context.options.date.and_then(|date| super::time::midnight(date, context.options.timezone));
        }
        if record.started_at.is_some_and(|time| time > context.now) {
            self.warnings.push("started_at: in the future".to_owned());
        }
        Imported::Call { record: Box::new(record), source: place.source(), warnings: self.warnings }
    }

    /// What was said, to be checked for a crisis.
    fn readable(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Checks the times and makes them milliseconds. A file whose times make sense only in the
    /// other unit is read in that.
    fn settle_times(&mut self) -> Result<(), Fault> {
        let list = self.list;
        for segment in &self.segments {
            let at = |field: &str| format!("{list}[{}].{field}", segment.index);
            let times = [("start", segment.start), ("end", segment.end)];
            for (field, time) in times.into_iter().filter_map(|(f, t)| Some((f, t?))) {
                if time < 0.0 {
                    return Err(Fault::at(at(field), format!("negative: {time}")));
                }
                if !time.is_finite() || time > 1e12 {
                    return Err(Fault::at(at(field), format!("no time within a call: {time}")));
                }
            }
            if let (Some(start), Some(end)) = (segment.start, segment.end)
                && end < start
            {
                return Err(Fault::at(at("end"), format!("before the start: {start} to {end}")));
            }
        }
        if self.sounds_wrong() {
            self.unit = self.unit.other();
            self.warnings.push(format!(
                "times read as {}: otherwise nobody could speak that fast or slowly",
                match self.unit {
                    Unit::Seconds => "seconds",
                    Unit::Milliseconds => "milliseconds",
                }
            ));
        }
        let factor = self.unit.factor();
        for segment in &mut self.segments {
            segment.start = segment.start.map(|t| (t * factor).round());
            segment.end = segment.end.map(|t| (t * factor).round());
            segment.words.retain(|word| word.start >= 0.0 && word.end >= word.start && word.end < 1e12);
            for word in &mut segment.words {
                (word.start, word.end) = ((word.start * factor).round(), (word.end * factor).round());
            }
        }
        Ok(())
    }

    /// Whether the speech rate is impossible in the unit of the format and possible in the other.
    fn sounds_wrong(&self) -> bool {
        let (mut units, mut spoken) = (0.0, 0.0);
        for segment in &self.segments {
            if let (Some(start), Some(end)) = (segment.start, segment.end)
                && end > start
            {
                units += f64::from(spoken_units(&segment.text));
                spoken += end - start;
            }
        }
        let rate = |unit: Unit| units / (spoken * unit.factor() / 1000.0);
        units >= 10.0 && !(0.02..60.0).contains(&rate(self.unit)) && (0.2..20.0).contains(&rate(self.unit.other()))
    }
}

/// Chinese characters and words of other scripts: a rough count, enough for a plausible rate.
fn spoken_units(text: &str) -> u32 {
    let (mut units, mut in_word) = (0, false);
    for c in text.chars() {
        let han = matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}');
        let word = !han && c.is_alphanumeric();
        units += u32::from(han || (word && !in_word));
        in_word = word;
    }
    units
}

fn turn(start: Option<f64>, end: Option<f64>, words: Vec<DraftWord>, turn: Turn) -> Turn {
    let words = words
        .into_iter()
        .map(|w| Word {
            text: clean(w.text).0.trim().to_owned(),
            start_ms: w.start as u64,
            end_ms: w.end as u64,
        })
        .filter(|w| !w.text.is_empty())
        .collect();
    Turn { start_ms: start.map(|t| t as u64), end_ms: end.map(|t| t as u64), words, ..turn }
}

/// The vendor's measurements as one list a name, with one entry a turn.
fn turn_signals(segments: &[Segment]) -> BTreeMap<&'static str, Vec<Value>> {
    let mut lists: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
    for (i, segment) in segments.iter().enumerate() {
        for (name, value) in &segment.signals {
            let list = lists.entry(name).or_insert_with(|| vec![Value::Null; segments.len()]);
            if let Some(entry) = list.get_mut(i) {
                *entry = value.clone();
            }
        }
    }
    lists
}

/// Where a draft stood.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) stem: String,
    pub(super) format: &'static str,
    pub(super) line: Option<u64>,
}

impl Place {
    pub(super) fn new(source: &Source, format: &'static str) -> Self {
        Self { file: source.path.clone(), stem: source.stem(), format, line: None }
    }

    pub(super) fn source(&self) -> SourceRef {
        SourceRef { file: self.file.clone(), line: self.line }
    }

    fn name_of_file(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// A number, also one written as a string.
pub(super) fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    }
}

/// A label: a string that is not blank, or a number as a string.
pub(super) fn label(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A string, or nothing.
pub(super) fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

/// The elements of an array; none when it is something else.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A list that must be there: an empty one is a recording without speech.
///
/// # Errors
/// When it is missing or no list.
pub(super) fn required<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a [Value], Fault> {
    match value {
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(Fault::at(path, format!("expected an array, found {}", super::fields::kind(other)))),
        None => Err(Fault::at(path, "missing")),
    }
}
