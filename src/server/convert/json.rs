//! Free-form JSON (human labels) as `google.protobuf.Value` and back. The wire has doubles
//! only, so whole numbers within 2^53 come back as whole numbers.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::{Map, Number};

const EXACT: f64 = 9_007_199_254_740_992.0;

/// JSON on its way out.
pub(super) fn json_to_wire(value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(b) => Kind::BoolValue(b),
        serde_json::Value::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(s) => Kind::StringValue(s),
        serde_json::Value::Array(items) => {
            Kind::ListValue(ListValue { values: items.into_iter().map(json_to_wire).collect() })
        }
        serde_json::Value::Object(fields) => {
            Kind::StructValue(Struct { fields: fields.into_iter().map(|(k, v)| (k, json_to_wire(v))).collect() })
        }
    };
    Value { kind: Some(kind) }
}

/// JSON on its way in. Numbers that JSON cannot write become null.
pub(super) fn json_from_wire(value: Value) -> serde_json::Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(b)) => b.into(),
        Some(Kind::NumberValue(n)) if n.fract() == 0.0 && n.abs() <= EXACT => (n as i64).into(),
        Some(Kind::NumberValue(n)) => Number::from_f64(n).map_or(serde_json::Value::Null, serde_json::Value::Number),
        Some(Kind::StringValue(s)) => s.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json_from_wire).collect(),
        Some(Kind::StructValue(fields)) => {
            let map: Map<_, _> = fields.fields.into_iter().map(|(k, v)| (k, json_from_wire(v))).collect();
            map.into()
        }
    }
}
