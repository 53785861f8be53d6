//! Explanation templates: Chinese sentences with `{quote}` and the like in them. Owns
//! parsing and filling; which values a hit has is checked when the rule is loaded.

/// A placeholder of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// What was seen.
    Quote,
    /// The turn's whole text.
    Text,
    /// Number of the turn, from 1.
    Turn,
    /// Number of hits.
    Count,
    /// Milliseconds of the overlap or silence.
    Ms,
    /// The same in seconds, one decimal.
    Seconds,
    /// Spoken units a second, one decimal.
    Rate,
    /// Similarity in percent.
    Similarity,
}

impl Field {
    const ALL: [(&'static str, Self); 8] = [
        ("quote", Self::Quote),
        ("text", Self::Text),
        ("turn", Self::Turn),
        ("count", Self::Count),
        ("ms", Self::Ms),
        ("seconds", Self::Seconds),
        ("rate", Self::Rate),
        ("similarity", Self::Similarity),
    ];
}

/// Most characters of a quote in an explanation; the evidence has it in full.
const QUOTE_CHARS: usize = 30;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// What a template may say of one finding.
#[derive(Debug, Default)]
pub(super) struct Values<'a> {
    pub(super) quote: &'a str,
    pub(super) text: &'a str,
    pub(super) turn: usize,
    pub(super) count: usize,
    pub(super) ms: Option<u64>,
    pub(super) rate: Option<f32>,
    pub(super) similarity: Option<f32>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// A message when a brace is unbalanced or names no placeholder.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if before.contains('}') {
                return Err("a `}` without `{` in the explanation".to_owned());
            }
            let Some((name, tail)) = after.split_once('}') else {
                return Err("a `{` without `}` in the explanation".to_owned());
            };
            let Some((_, field)) = Field::ALL.into_iter().find(|(known, _)| *known == name) else {
                let names = Field::ALL.map(|(known, _)| known);
                let hint = crate::pattern::suggestion(name, names);
                return Err(format!("unknown placeholder `{{{name}}}` in the explanation{hint}"));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Field(field));
            rest = tail;
        }
        if rest.contains('}') {
            return Err("a `}` without `{` in the explanation".to_owned());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The placeholders in it.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.0.iter().filter_map(|part| match part {
            Part::Field(field) => Some(*field),
            Part::Text(_) => None,
        })
    }

    /// The sentence.
    pub(super) fn fill(&self, values: &Values<'_>) -> String {
        use std::fmt::Write as _;
        let mut out = String::new();
        for part in &self.0 {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(text) => out.write_str(text),
                Part::Field(Field::Quote) => write_short(&mut out, values.quote),
                Part::Field(Field::Text) => write_short(&mut out, values.text),
                Part::Field(Field::Turn) => write!(out, "{}", values.turn + 1),
                Part::Field(Field::Count) => write!(out, "{}", values.count),
                Part::Field(Field::Ms) => write!(out, "{}", values.ms.unwrap_or(0)),
                Part::Field(Field::Seconds) => write!(out, "{:.1}", values.ms.unwrap_or(0) as f64 / 1000.0),
                Part::Field(Field::Rate) => write!(out, "{:.1}", values.rate.unwrap_or(0.0)),
                Part::Field(Field::Similarity) => write!(out, "{:.0}%", values.similarity.unwrap_or(0.0) * 100.0),
            };
        }
        out
    }
}

fn write_short(out: &mut String, text: &str) -> std::fmt::Result {
    match text.char_indices().nth(QUOTE_CHARS) {
        None => out.push_str(text),
        Some((end, _)) => {
            out.push_str(&text[..end]);
            out.push('…');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled() {
        let template = Template::parse("坐席说“{quote}”，静默 {seconds} 秒（第{turn}轮）。").unwrap();
        let values = Values { quote: "稍等", turn: 3, ms: Some(12_340), ..Values::default() };
        assert_eq!(template.fill(&values), "坐席说“稍等”，静默 12.3 秒（第4轮）。");
        assert_eq!(template.fields().collect::<Vec<_>>(), [Field::Quote, Field::Seconds, Field::Turn]);
    }

    #[test]
    fn long_quotes_are_cut_at_a_character() {
        let template = Template::parse("{quote}").unwrap();
        let filled = template.fill(&Values { quote: &"好".repeat(31), ..Values::default() });
        assert_eq!(filled, format!("{}…", "好".repeat(30)));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(Template::parse("{qoute}").unwrap_err().contains("did you mean `quote`"));
        assert!(Template::parse("{quote").unwrap_err().contains("without `}`"));
        assert!(Template::parse("quote}").unwrap_err().contains("without `{`"));
    }
}
