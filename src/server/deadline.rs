//! Deadlines of single requests. tonic drops a late handler and answers CANCELLED; this
//! answers DEADLINE_EXCEEDED a little earlier, and gives requests without a deadline one.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// Kept back from the client's own deadline, so that the answer is ours.
const MARGIN: Duration = Duration::from_millis(10);

/// How long a request may take: the configured limit, or the client's `grpc-timeout` if that is shorter.
pub(super) fn limit(metadata: &MetadataMap, configured: Duration) -> Duration {
    let client = metadata.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
    match client {
        Some(client) => configured.min(client.saturating_sub(MARGIN.min(client / 4))),
        None => configured,
    }
}

/// At most eight digits and a unit, as the gRPC protocol has it.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_deadline_holds() {
        let configured = Duration::from_secs(30);
        let mut metadata = MetadataMap::new();
        assert_eq!(limit(&metadata, configured), configured);
        for (header, expected) in [
            ("100m", Duration::from_millis(90)),
            ("20u", Duration::from_micros(15)),
            ("2S", Duration::from_millis(1990)),
            ("1H", configured),
            ("1x", configured),
            ("m", configured),
            ("123456789m", configured),
        ] {
            metadata.insert("grpc-timeout", header.parse().unwrap());
            assert_eq!(limit(&metadata, configured), expected, "{header}");
        }
    }
}
