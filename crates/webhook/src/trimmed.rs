//! Reads an object without `metadata.managedFields`: nobody here needs them, and they hold most of a pod's maps.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads an object. What is none is read as it is.
pub(crate) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Without(&["metadata", "managedFields"]).deserialize(deserializer)
}

/// An object without the field at a path.
struct Without(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Without {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Without {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<Cow<'_, str>>()? {
            let value = match self.0 {
                [field] if *field == key => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                [field, rest @ ..] if *field == key => fields.next_value_seed(Self(rest))?,
                _ => fields.next_value()?,
            };
            object.insert(key.into_owned(), value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_managed_fields_are_left_out() {
        let text = r#"{"kind": "Pod", "metadata": {"name": "a", "managedFields": [{"x": {}}], "labels": {"managedFields": "b"}}, "managedFields": 1, "spec": null}"#;
        let read = object(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let kept = json!({
            "kind": "Pod", "metadata": {"name": "a", "labels": {"managedFields": "b"}}, "managedFields": 1, "spec": null,
        });
        assert_eq!(read, kept);
        for other in
            [json!(null), json!(true), json!(-7), json!(7), json!(0.5), json!("metadata"), json!([{}])]
        {
            let text = other.to_string();
            assert_eq!(object(&mut serde_json::Deserializer::from_str(&text)).unwrap(), other);
        }
    }
}
