use super::*;
use crate::runtime::object::Dict;
use crate::runtime::ops::equal::equal;

fn message(result: Result<Value>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn numbers() {
    let mut heap = Heap::new();
    let heap = &mut heap;
    let (i, f) = (Value::int, Value::float);
    assert_eq!(add(heap, i(i64::MAX), i(1)).unwrap().as_int(), Some(i64::MIN));
    assert_eq!(add(heap, i(1), f(0.5)).unwrap().as_float(), Some(1.5));
    assert_eq!(sub(f(1.0), i(3)).unwrap().as_float(), Some(-2.0));
    assert_eq!(mul(heap, i(3), f(0.5)).unwrap().as_float(), Some(1.5));
    assert_eq!(div(i(-7), i(2)).unwrap().as_int(), Some(-3));
    assert_eq!(div(i(1), f(0.0)).unwrap().as_float(), Some(f64::INFINITY));
    assert_eq!(rem(i(-7), i(2)).unwrap().as_int(), Some(-1));
    assert_eq!(pow(i(2), i(-1)).unwrap().as_float(), Some(0.5));
    assert_eq!(pow(i(3), i(4)).unwrap().as_int(), Some(81));
    assert_eq!(pow(f(2.0), i(3)).unwrap().as_float(), Some(8.0));
    assert_eq!(shr(i(-8), i(1)).unwrap().as_int(), Some(-4));
    assert_eq!(neg(i(i64::MIN)).unwrap().as_int(), Some(i64::MIN));
    assert_eq!(bit_not(i(0)).unwrap().as_int(), Some(-1));
}

#[test]
fn error_texts() {
    let mut heap = Heap::new();
    let text = heap.str_value("s");
    let list = Value::from_list(List::new(&mut heap));
    let heap = &mut heap;
    let one = Value::int(1);
    assert_eq!(message(add(heap, one, text)), "Invalid operation '+' on operands 'int' and 'string'");
    assert_eq!(message(sub(list, text)), "Invalid operation '-' on operands 'list' and 'string'");
    assert_eq!(message(mul(heap, text, Value::float(2.0))), "Invalid operation '*' on operands 'string' and 'float'");
    assert_eq!(message(mul(heap, text, text)), "Invalid operation '*' on operands 'string' and 'string'");
    assert_eq!(message(div(one, Value::int(0))), "Division by zero");
    assert_eq!(message(rem(one, Value::int(0))), "Division by zero");
    assert_eq!(message(pow(Value::TRUE, one)), "Invalid operation '**' on operands 'bool' and 'int'");
    assert_eq!(message(bit_and(one, Value::float(1.0))), "Invalid operation '&' on operands 'int' and 'float'");
    assert_eq!(message(shl(one, Value::int(-1))), "Negative shift count");
    assert_eq!(message(neg(text)), "Invalid unary operation '-' on operand string");
    assert_eq!(message(bit_not(Value::VOID)), "Invalid unary operation '~' on operand void");
}

#[test]
fn concatenation() {
    let mut heap = Heap::new();
    let heap = &mut heap;
    let ints = List::from_ints(heap, &[1, 2]).unwrap();
    let floats = List::from_floats(heap, &[0.5]).unwrap();
    let empty = List::new(heap);
    let sum = add(heap, Value::from_list(ints), Value::from_list(floats)).unwrap().as_list().unwrap();
    assert_eq!((sum.len(), sum.get(0).as_int(), sum.get(2).as_float()), (3, Some(1), Some(0.5)));
    let sum = add(heap, Value::from_list(empty), Value::from_list(floats)).unwrap().as_list().unwrap();
    assert_eq!(sum.storage(), Storage::Floats);
    assert_ne!(sum, floats);

    let tuple = Value::from_tuple(Tuple::new(heap, &[Value::VOID]));
    let sum = add(heap, tuple, tuple).unwrap();
    assert_eq!(sum.as_tuple().unwrap().len(), 2);

    let (a, b) = (Dict::new(heap), Dict::new(heap));
    for (dict, entries) in [(a, [(1, 10), (2, 20)]), (b, [(3, 30), (1, 11)])] {
        for (key, value) in entries {
            dict.insert(heap, Value::int(key), Value::int(value)).unwrap();
        }
    }
    let sum = add(heap, Value::from_dict(a), Value::from_dict(b)).unwrap().as_dict().unwrap();
    let entries: Vec<_> = sum.entries(heap).map(|(key, value)| (key.int_bits(), value.int_bits())).collect();
    assert_eq!(entries, [(1, 11), (2, 20), (3, 30)]);
    assert_eq!(a.len(), 2);
}

#[test]
fn repetition() {
    let mut heap = Heap::new();
    let heap = &mut heap;
    let list = Value::from_list(List::from_ints(heap, &[1, 2, 3]).unwrap());
    for count in [0, 1, 2, 3, 7, 8, 100] {
        let product = mul(heap, Value::int(count), list).unwrap();
        let expected = List::from_ints(heap, &[1, 2, 3].repeat(count as usize)).unwrap();
        assert!(equal(heap, product, Value::from_list(expected)), "{count}");
    }
    assert!(mul(heap, list, Value::int(-1)).unwrap().as_list().unwrap().is_empty());
    let huge = Value::int(1_000_000_000_000_000_000);
    assert_eq!(message(mul(heap, list, huge)), "Value too large");
    let text = heap.str_value("ab");
    assert_eq!(message(mul(heap, huge, text)), "Value too large");
    assert_eq!(mul(heap, Value::int(2), text).unwrap().as_str().unwrap().as_str(), "abab");
    let tuple = Value::from_tuple(Tuple::new(heap, &[]));
    assert_eq!(message(mul(heap, tuple, huge)), "Invalid operation '*' on operands 'tuple' and 'int'");
}
