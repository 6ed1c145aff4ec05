use proptest::prelude::*;

use super::decode::decode;
use super::encode::Layout;
use crate::runtime::error::{ErrorKind, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Dict, List, Tuple};
use crate::runtime::value::Value;

fn encode(heap: &Heap, value: Value) -> Result<String> {
    super::encode::encode(heap, value, Layout::COMPACT)
}

fn message<T>(result: Result<T>) -> String {
    match result.map_err(|error| error.into_kind()) {
        Err(ErrorKind::Message(text)) => text,
        Err(other) => panic!("another kind of error: {other:?}"),
        Ok(_) => panic!("no error"),
    }
}

fn again(text: &str) -> String {
    let mut heap = Heap::new();
    let value = decode(&mut heap, text).expect(text);
    encode(&heap, value).expect(text)
}

#[test]
fn what_is_decoded_is_encoded_compactly_and_sorted() {
    for (text, expected) in [
        (
            r#" {"b": [1, 2.0, -0.5], "a": {"x": null}, "b2": [true, false, []]} "#,
            r#"{"a":{"x":null},"b":[1,2.0,-0.5],"b2":[true,false,[]]}"#,
        ),
        ("[]", "[]"),
        ("{}", "{}"),
        (r#""\u00e9\ud83d\ude00\n\/\u0001""#, "\"é😀\\n/\\u0001\""),
        (r#"{"k":1,"k":2}"#, r#"{"k":2}"#),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9.223372036854775808e18"),
        ("-0.0", "-0.0"),
        ("1e2", "100.0"),
        ("1E-7", "1e-7"),
        ("1e300", "1e300"),
    ] {
        let result = again(text);
        if text == "9223372036854775808" {
            assert_eq!(result.parse::<f64>(), Ok(9_223_372_036_854_775_808.0));
        } else {
            assert_eq!(result, expected);
        }
    }
}

#[test]
fn malformed_text_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "unexpected end of text at line 1 column 1"),
        ("[1,\n 2,]", "unexpected character ']' at line 2 column 4"),
        ("[1 2]", "unexpected character '2' at line 1 column 4"),
        ("{1: 2}", "unexpected character '1' at line 1 column 2"),
        ("{\"a\" 2}", "unexpected character '2' at line 1 column 6"),
        ("{\"a\":2,}", "unexpected character '}' at line 1 column 8"),
        ("01", "unexpected character '1' at line 1 column 2"),
        ("1.", "unexpected end of text at line 1 column 3"),
        ("+1", "unexpected character '+' at line 1 column 1"),
        ("1e400", "number out of range at line 1 column 1"),
        ("NaN", "unexpected character 'N' at line 1 column 1"),
        ("trux", "unexpected character 'x' at line 1 column 4"),
        ("\"é\t\"", "unexpected character '\\t' at line 1 column 3"),
        ("\"abc", "unexpected end of text at line 1 column 5"),
        (r#""\x""#, "unexpected character 'x' at line 1 column 3"),
        (r#""\u12é4""#, "unexpected character 'é' at line 1 column 6"),
        (r#""\ud800""#, "lone surrogate in a string at line 1 column 2"),
        (r#""\ud800\u0041""#, "lone surrogate in a string at line 1 column 2"),
        (r#""\udc00""#, "lone surrogate in a string at line 1 column 2"),
        ("[] []", "unexpected character '[' at line 1 column 4"),
    ] {
        assert_eq!(message(decode(&mut Heap::new(), text)), format!("json.decode: {expected}"), "{text:?}");
    }
}

#[test]
fn what_json_cannot_say_is_refused() {
    let mut heap = Heap::new();
    for (value, problem) in [
        (Value::float(f64::NAN), "cannot encode NaN"),
        (Value::float(f64::NEG_INFINITY), "cannot encode -inf"),
        (Value::builtin(0), "cannot encode type 'function'"),
    ] {
        assert_eq!(message(encode(&heap, value)), format!("json.encode: {problem}"));
    }
    let dict = Dict::new(&mut heap);
    dict.insert(&mut heap, Value::int(1), Value::VOID).unwrap();
    let problem = "json.encode: keys must be strings, but found type 'int'";
    assert_eq!(message(encode(&heap, Value::from_dict(dict))), problem);
}

#[test]
fn a_value_may_occur_twice_but_not_inside_itself() {
    let mut heap = Heap::new();
    let inner = Value::from_tuple(Tuple::new(&mut heap, &[Value::int(1)]));
    let list = List::from_values(&mut heap, &[inner, inner]).unwrap();
    assert_eq!(encode(&heap, Value::from_list(list)).unwrap(), "[[1],[1]]");
    list.push(&mut heap, Value::from_list(list)).unwrap();
    assert_eq!(message(encode(&heap, Value::from_list(list))), "json.encode: value contains itself");
}

#[test]
fn depth_does_not_matter() {
    let depth = 200_000;
    let text = "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(again(&text), text);
}

#[test]
fn a_text_larger_than_the_heap_is_refused() {
    let mut heap = Heap::new();
    heap.set_max_heap(1 << 20);
    let mut value = Value::from_list(List::new(&mut heap));
    for _ in 0..64 {
        value = Value::from_list(List::from_values(&mut heap, &[value, value]).unwrap());
    }
    assert_eq!(message(encode(&heap, value)), "Value too large");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        // The other implementation reads only short decimals exactly.
        any::<i32>().prop_map(|int| Json::from(f64::from(int) / 64.0)),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn floats_come_back_bit_for_bit(float in any::<f64>()) {
        prop_assume!(float.is_finite());
        let mut heap = Heap::new();
        let text = encode(&heap, Value::float(float)).unwrap();
        let back = decode(&mut heap, &text).unwrap();
        prop_assert_eq!(back.as_float().map(f64::to_bits), Some(float.to_bits()), "{}", text);
    }

    /// Another implementation reads what this one writes, and the other way round.
    #[test]
    fn round_trip_agrees_with_serde(json in json()) {
        for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            let written = again(&text);
            let read: serde_json::Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&read, &json);
            prop_assert_eq!(again(&written), written);
        }
    }

    /// No text makes it panic, and it accepts no more and no less than another implementation.
    #[test]
    fn arbitrary_text_is_judged_as_serde_judges_it(text in r#"[\[\]{}:,"\\a-fnrtu0-9eE+\-. \n\t]{0,24}"#) {
        let ours = decode(&mut Heap::new(), &text).is_ok();
        let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{:?}", text);
    }
}
