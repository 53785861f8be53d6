//! How a Rust type becomes an Arrow array, and back. Works a column at a time: a list
//! encodes all its items as one child array, a struct each of its fields over all rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeListArray, ListArray, MapArray, PrimitiveArray, StringArray,
    StructArray, TimestampMillisecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType, UInt8Type, UInt32Type,
    UInt64Type,
};
use chrono::{DateTime, FixedOffset, SecondsFormat};

use crate::{Error, Result};

/// A type with an Arrow form. `None` stands for a null, or for the row of an absent parent.
pub(super) trait Columnar: Sized {
    /// Whether a field of this type may be null.
    const NULLABLE: bool = false;

    /// Its Arrow type.
    fn data_type() -> DataType;

    /// One array of all values.
    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef>;

    /// All values of an array; `column` names it in errors.
    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>>;

    /// What stands for a column or value that is not there.
    fn missing() -> Option<Self> {
        None
    }

    /// The field or fields that hold it in a struct.
    fn fields(name: &str, nullable: bool, out: &mut Vec<Field>) {
        out.push(Field::new(name, Self::data_type(), nullable || Self::NULLABLE));
    }

    /// The array or arrays of those fields.
    fn encode_fields(values: &[Option<&Self>], out: &mut Vec<ArrayRef>) -> Result<()> {
        out.push(Self::encode(values)?);
        Ok(())
    }

    /// The values out of those fields; a column that is not there reads as nulls.
    fn decode_fields(name: &'static str, columns: &StructArray) -> Result<Vec<Option<Self>>> {
        match columns.column_by_name(name) {
            Some(array) => Self::decode(name, array),
            None => Ok((0..columns.len()).map(|_| None).collect()),
        }
    }
}

pub(super) fn wrong(column: &'static str, message: impl Into<String>) -> Error {
    Error::Column { column, message: message.into() }
}

/// The array as `wanted`; a value that does not fit is an error, not a null.
fn cast(column: &'static str, array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    cast_with_options(array, wanted, &CastOptions { safe: false, ..CastOptions::default() })
        .map_err(|error| wrong(column, error.to_string()))
}

macro_rules! primitive {
    ($($rust:ty = $arrow:ty,)+) => {$(
        impl Columnar for $rust {
            fn data_type() -> DataType {
                <$arrow as arrow::datatypes::ArrowPrimitiveType>::DATA_TYPE
            }

            fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
                Ok(Arc::new(values.iter().map(|v| v.copied()).collect::<PrimitiveArray<$arrow>>()))
            }

            fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
                let array = cast(column, array, &Self::data_type())?;
                Ok(array.as_primitive::<$arrow>().iter().collect())
            }
        }
    )+};
}

primitive! {
    u8 = UInt8Type,
    u32 = UInt32Type,
    u64 = UInt64Type,
    i64 = Int64Type,
    f32 = Float32Type,
    f64 = Float64Type,
}

impl Columnar for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        Ok(Arc::new(values.iter().map(|v| v.copied()).collect::<BooleanArray>()))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Ok(cast(column, array, &DataType::Boolean)?.as_boolean().iter().collect())
    }
}

impl Columnar for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        strings(values.iter().map(|v| v.map(String::as_str)))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        let array = cast(column, array, &DataType::Utf8)?;
        Ok(array.as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect())
    }
}

/// A string column. Checks the limit of its offsets, at which the builder would panic.
fn strings<'a>(values: impl Iterator<Item = Option<&'a str>> + Clone) -> Result<ArrayRef> {
    let bytes: usize = values.clone().flatten().map(str::len).sum();
    if bytes > i32::MAX as usize {
        return Err(wrong("text", format!("{bytes} bytes in one batch; the limit is {}", i32::MAX)));
    }
    Ok(Arc::new(values.collect::<StringArray>()))
}

/// An enum by its text, with what stands for no text and for an unknown one.
macro_rules! text_enum {
    ($type:ty, missing $missing:expr, unknown $unknown:expr, { $($variant:path = $text:literal,)+ }) => {
        impl Columnar for $type {
            fn data_type() -> DataType {
                DataType::Utf8
            }

            fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
                let texts = values.iter().map(|v| v.map(|v| match v { $($variant => $text,)+ }));
                Ok(Arc::new(texts.collect::<arrow::array::StringArray>()))
            }

            fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
                super::codec::decode_texts(column, array, |text| match text { $($text => Some($variant),)+ _ => $unknown })
            }

            fn missing() -> Option<Self> {
                $missing
            }
        }
    };
}
pub(super) use text_enum;

pub(super) fn decode_texts<T>(
    column: &'static str,
    array: &ArrayRef,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let array = cast(column, array, &DataType::Utf8)?;
    array
        .as_string::<i32>()
        .iter()
        .map(|text| text.map(|t| parse(t).ok_or_else(|| wrong(column, format!("unknown value {t:?}")))).transpose())
        .collect()
}

impl<T: Columnar> Columnar for Option<T> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        T::data_type()
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        T::encode(&flatten(values))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Ok(T::decode(column, array)?.into_iter().map(Some).collect())
    }

    fn missing() -> Option<Self> {
        Some(None)
    }

    fn fields(name: &str, _nullable: bool, out: &mut Vec<Field>) {
        T::fields(name, true, out);
    }

    fn encode_fields(values: &[Option<&Self>], out: &mut Vec<ArrayRef>) -> Result<()> {
        T::encode_fields(&flatten(values), out)
    }

    fn decode_fields(name: &'static str, columns: &StructArray) -> Result<Vec<Option<Self>>> {
        Ok(T::decode_fields(name, columns)?.into_iter().map(Some).collect())
    }
}

fn flatten<'a, T>(values: &[Option<&'a Option<T>>]) -> Vec<Option<&'a T>> {
    values.iter().map(|v| v.and_then(Option::as_ref)).collect()
}

fn element_field<T: Columnar>() -> Arc<Field> {
    Arc::new(Field::new("element", T::data_type(), T::NULLABLE))
}

/// Which values are there, or `None` when all are.
pub(super) fn validity<T>(values: &[Option<T>]) -> Option<NullBuffer> {
    values.iter().any(Option::is_none).then(|| values.iter().map(Option::is_some).collect())
}

impl<T: Columnar> Columnar for Vec<T> {
    fn data_type() -> DataType {
        DataType::List(element_field::<T>())
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        let items: Vec<Option<&T>> = values.iter().flatten().flat_map(|v| v.iter().map(Some)).collect();
        if items.len() > i32::MAX as usize {
            return Err(wrong("list", format!("{} items in one batch", items.len())));
        }
        let offsets = OffsetBuffer::from_lengths(values.iter().map(|v| v.map_or(0, Vec::len)));
        Ok(Arc::new(ListArray::try_new(element_field::<T>(), offsets, T::encode(&items)?, validity(values))?))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        let (lengths, items): (Vec<usize>, ArrayRef) = if let Some(list) = array.as_list_opt::<i32>() {
            (list.offsets().lengths().collect(), items_of_list(list))
        } else if let Some(list) = array.as_list_opt::<i64>() {
            (list.offsets().lengths().collect(), items_of_large_list(list))
        } else {
            return Err(wrong(column, format!("a list was expected, not {}", array.data_type())));
        };
        let mut items = T::decode(column, &items)?.into_iter();
        lengths
            .into_iter()
            .enumerate()
            .map(|(row, length)| {
                let list: Vec<Option<T>> = items.by_ref().take(length).collect();
                if array.is_null(row) {
                    return Ok(None);
                }
                let list: Option<Vec<T>> = list.into_iter().map(|item| item.or_else(T::missing)).collect();
                list.map(Some).ok_or_else(|| wrong(column, format!("an item of row {row} is null")))
            })
            .collect()
    }

    fn missing() -> Option<Self> {
        Some(Vec::new())
    }
}

fn items_of_list(list: &ListArray) -> ArrayRef {
    let (first, last) = ends(list.value_offsets().iter().map(|&o| o as usize));
    list.values().slice(first, last - first)
}

fn items_of_large_list(list: &LargeListArray) -> ArrayRef {
    let (first, last) = ends(list.value_offsets().iter().map(|&o| o as usize));
    list.values().slice(first, last - first)
}

fn ends(mut offsets: impl DoubleEndedIterator<Item = usize>) -> (usize, usize) {
    let first = offsets.next().unwrap_or(0);
    (first, offsets.next_back().unwrap_or(first))
}

/// Four values as a list: Parquet has no array of fixed length.
impl Columnar for [f32; 4] {
    fn data_type() -> DataType {
        DataType::List(element_field::<f32>())
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        let lists: Vec<Option<Vec<f32>>> = values.iter().map(|v| v.map(|v| v.to_vec())).collect();
        Vec::<f32>::encode(&lists.iter().map(Option::as_ref).collect::<Vec<_>>())
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        Vec::<f32>::decode(column, array)?
            .into_iter()
            .map(|list| {
                list.map(|list| {
                    Self::try_from(list).map_err(|l| wrong(column, format!("{} values instead of 4", l.len())))
                })
                .transpose()
            })
            .collect()
    }
}

/// The names inside a map are those of the Parquet specification.
fn map_entry_fields() -> Vec<Field> {
    vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, false),
    ]
}

fn map_field() -> Arc<Field> {
    Arc::new(Field::new("key_value", DataType::Struct(map_entry_fields().into()), false))
}

impl Columnar for BTreeMap<String, String> {
    fn data_type() -> DataType {
        DataType::Map(map_field(), false)
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        let keys = strings(values.iter().flatten().flat_map(|map| map.keys().map(|k| Some(k.as_str()))))?;
        let texts = strings(values.iter().flatten().flat_map(|map| map.values().map(|v| Some(v.as_str()))))?;
        let entries = StructArray::try_new(map_entry_fields().into(), vec![keys, texts], None)?;
        let offsets = OffsetBuffer::from_lengths(values.iter().map(|v| v.map_or(0, BTreeMap::len)));
        Ok(Arc::new(MapArray::try_new(map_field(), offsets, entries, validity(values), false)?))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        let Some(map) = array.as_map_opt() else {
            return Err(wrong(column, format!("a map was expected, not {}", array.data_type())));
        };
        let (first, last) = ends(map.value_offsets().iter().map(|&o| o as usize));
        let entries = map.entries().slice(first, last - first);
        let keys = String::decode(column, entries.column(0))?;
        let values = String::decode(column, entries.column(1))?;
        let mut pairs = keys.into_iter().zip(values);
        Ok(map
            .offsets()
            .lengths()
            .enumerate()
            .map(|(row, length)| {
                // An entry without a value says nothing and is left out.
                let pairs = pairs.by_ref().take(length).filter_map(|(k, v)| Some((k?, v?))).collect();
                (!map.is_null(row)).then_some(pairs)
            })
            .collect())
    }

    fn missing() -> Option<Self> {
        Some(BTreeMap::new())
    }
}

/// JSON as text.
impl Columnar for serde_json::Value {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        let texts: Vec<Option<String>> = values.iter().map(|v| v.map(Self::to_string)).collect();
        strings(texts.iter().map(Option::as_deref))
    }

    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        let array = cast(column, array, &DataType::Utf8)?;
        array
            .as_string::<i32>()
            .iter()
            .map(|text| {
                text.map(|t| serde_json::from_str(t).map_err(|error| wrong(column, error.to_string()))).transpose()
            })
            .collect()
    }
}

/// A UTC timestamp and, beside it, the time as it was recorded.
impl Columnar for DateTime<FixedOffset> {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
    }

    fn encode(values: &[Option<&Self>]) -> Result<ArrayRef> {
        let millis = values.iter().map(|v| v.map(DateTime::timestamp_millis));
        Ok(Arc::new(millis.collect::<TimestampMillisecondArray>().with_timezone("UTC")))
    }

    /// Text (RFC 3339), or any timestamp; one without a zone is taken as UTC.
    fn decode(column: &'static str, array: &ArrayRef) -> Result<Vec<Option<Self>>> {
        if matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            return decode_texts(column, array, |text| DateTime::parse_from_rfc3339(text).ok());
        }
        let array = cast(column, array, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
        array
            .as_primitive::<TimestampMillisecondType>()
            .iter()
            .map(|millis| {
                millis
                    .map(|ms| {
                        DateTime::from_timestamp_millis(ms)
                            .map(|utc| utc.fixed_offset())
                            .ok_or_else(|| wrong(column, format!("{ms} is no time")))
                    })
                    .transpose()
            })
            .collect()
    }

    fn fields(name: &str, nullable: bool, out: &mut Vec<Field>) {
        out.push(Field::new(name, Self::data_type(), nullable));
        out.push(Field::new(format!("{name}_local"), DataType::Utf8, nullable));
    }

    fn encode_fields(values: &[Option<&Self>], out: &mut Vec<ArrayRef>) -> Result<()> {
        out.push(Self::encode(values)?);
        let texts: Vec<Option<String>> =
            values.iter().map(|v| v.map(|v| v.to_rfc3339_opts(SecondsFormat::AutoSi, false))).collect();
        out.push(strings(texts.iter().map(Option::as_deref))?);
        Ok(())
    }

    fn decode_fields(name: &'static str, columns: &StructArray) -> Result<Vec<Option<Self>>> {
        let absent = || new_null_array(&DataType::Utf8, columns.len());
        let column = |name: &str| columns.column_by_name(name).cloned().unwrap_or_else(absent);
        let exact = Self::decode(name, &column(&format!("{name}_local")))?;
        let utc = Self::decode(name, &column(name))?;
        Ok(exact.into_iter().zip(utc).map(|(exact, utc)| exact.or(utc)).collect())
    }
}
