use super::*;
use crate::runtime::object::{Dict, List};
use crate::runtime::ops::tests::Numbered;

struct Fixture {
    heap: Heap,
    list: Value,
    text: Value,
    tuple: Value,
}

impl Fixture {
    fn new() -> Fixture {
        let mut heap = Heap::new();
        let list = Value::from_list(List::from_ints(&mut heap, &[10, 20]).unwrap());
        let text = heap.str_value("añb");
        let tuple = Value::from_tuple(Tuple::new(&mut heap, &[Value::TRUE, Value::VOID]));
        Fixture { heap, list, text, tuple }
    }

    fn get(&mut self, object: Value, index: Value) -> std::result::Result<String, String> {
        let result = get_index(&mut self.heap, &Numbered, object, index);
        let mut out = String::new();
        let value = result.map_err(|error| error.to_string())?;
        text::write_text(&self.heap, &Numbered, &mut out, value).unwrap();
        Ok(out)
    }

    fn slice(&mut self, object: Value, start: i64, end: i64) -> std::result::Result<String, String> {
        let range = Value::from_range(Range::new(&mut self.heap, start, end));
        self.get(object, range)
    }
}

#[test]
fn items() {
    let mut f = Fixture::new();
    let (list, string, tuple) = (f.list, f.text, f.tuple);
    assert_eq!(f.get(list, Value::int(-1)).unwrap(), "20");
    assert_eq!(f.get(string, Value::int(1)).unwrap(), "ñ");
    assert_eq!(f.get(string, Value::int(-3)).unwrap(), "a");
    assert_eq!(f.get(tuple, Value::int(0)).unwrap(), "true");
    for (object, len) in [(list, 2), (string, 3), (tuple, 2)] {
        for index in [10, -10, len, i64::MIN, i64::MAX] {
            let expected = format!("Index {index} out of bounds for object with len {len}");
            assert_eq!(f.get(object, Value::int(index)).unwrap_err(), expected);
        }
    }
}

#[test]
fn slices() {
    let mut f = Fixture::new();
    let (list, string, tuple) = (f.list, f.text, f.tuple);
    assert_eq!(f.slice(list, 0, -1).unwrap(), "[10, 20]");
    assert_eq!(f.slice(list, -2, 2).unwrap(), "[20]");
    assert_eq!(f.slice(list, 2, 2).unwrap(), "[]");
    assert_eq!(f.slice(string, 1, 3).unwrap(), "ñb");
    assert_eq!(f.slice(tuple, 0, 1).unwrap(), "(true,)");
    assert_eq!(f.slice(list, 0, 3).unwrap_err(), "Index 3 out of bounds for object with len 2");
    assert_eq!(f.slice(list, -4, 1).unwrap_err(), "Index -4 out of bounds for object with len 2");
    let order = "Range start '3' must be less than or equal to range end '1'";
    assert_eq!(f.slice(string, 3, 1).unwrap_err(), order);
    let order = "Range start '-1' must be less than or equal to range end '1'";
    assert_eq!(f.slice(list, -1, 1).unwrap_err(), order);
}

#[test]
fn dicts_and_what_cannot_be_indexed() {
    let mut f = Fixture::new();
    let dict = Dict::new(&mut f.heap);
    dict.insert(&mut f.heap, Value::int(1), Value::TRUE).unwrap();
    let (dict, list, string) = (Value::from_dict(dict), f.list, f.text);
    let b = f.heap.str_value("b");
    assert_eq!(f.get(dict, Value::int(1)).unwrap(), "true");
    assert_eq!(f.get(dict, b).unwrap_err(), "Key 'b' not found");
    assert_eq!(f.get(dict, list).unwrap_err(), "Type 'list' cannot be a dict key");
    assert_eq!(f.get(Value::int(3), b).unwrap_err(), "Cannot index non-indexable type 'int'");
    assert_eq!(f.get(list, b).unwrap_err(), "Cannot index type 'list' with type 'string'");
    assert_eq!(f.get(string, Value::TRUE).unwrap_err(), "Cannot index type 'string' with type 'bool'");
}

#[test]
fn assignment() {
    let mut f = Fixture::new();
    let heap = &mut f.heap;
    set_index(heap, f.list, Value::int(-1), Value::VOID).unwrap();
    assert_eq!(f.list.as_list().unwrap().get(1).tag(), Tag::Void);
    let error = set_index(heap, f.list, Value::int(2), Value::VOID).unwrap_err();
    assert_eq!(error.to_string(), "Index 2 out of bounds for object with len 2");
    for (object, name) in [(f.text, "string"), (f.tuple, "tuple"), (Value::int(1), "int")] {
        let error = set_index(heap, object, Value::int(0), Value::VOID).unwrap_err();
        assert_eq!(error.to_string(), format!("Cannot assign into type '{name}'"));
    }
}
