//! Texts and dicts: what of them native code does itself.

use super::*;

#[test]
fn characters_of_ascii_texts_are_compared_as_numbers() {
    let of = |text: &str| {
        region(&format!(
            "fn f : t {{ let n = 0; for c in t {{ if c == \"a\" or c == \"e\" {{ n += 1; }} }} return n; }} println(f(\"{text}\" * 500));"
        ))
    };
    let region = of("an example");
    assert!(body(&region).contains("load byte") && !body(&region).contains("call"), "{region}");
    assert_eq!(body(&region).matches("icmp eq").count() + body(&region).matches("icmp ne").count(), 2, "{region}");
    assert!(!body(&region).contains("charof"), "{region}");
    // The characters of another text are strings, as helpers make them.
    let region = of("an exämple");
    assert!(body(&region).contains("call next_item") && !body(&region).contains("load byte"), "{region}");
}

#[test]
fn a_character_at_a_position_is_a_byte() {
    let of = |text: &str| {
        region(&format!(
            "fn f : t {{ let n = 0; for i in 0..t.len() {{ if t[i] == t[0] {{ n += i; }} }} return n; }} println(f(\"{text}\" * 500));"
        ))
    };
    let region = of("an example");
    assert!(body(&region).contains("load byte") && !body(&region).contains("call"), "{region}");
    let region = of("an exämple");
    assert!(body(&region).contains("call str_index"), "{region}");
}

#[test]
fn a_character_is_the_number_that_it_was_made_of() {
    let of = |body: &str| {
        region(&format!(
            "fn f : t {{ let n = 0; for c in t {{ {body} }} return n; }} println(f(\"an example\" * 500));"
        ))
    };
    let region =
        of("n += core.ord(c); if c >= \"a\" and c <= \"m\" { n += 1; } if core.chr(core.ord(c)) == c { n += 1; }");
    assert!(!body(&region).contains("call") && body(&region).contains("load byte"), "{region}");
    // One that goes into a list is a string.
    let region = of("n += [c].len() + [c, 1][1]; let xs = [c]; xs.push(c); n += xs.len();");
    assert!(body(&region).contains("charof"), "{region}");
}

#[test]
fn texts_that_are_no_characters_are_compared_by_length_and_bytes() {
    let of = |right: &str| {
        region(&format!(
            "fn f : xs, w {{ let n = 0; for x in xs {{ if x == {right} {{ n += 1; }} }} return n; }} println(f([\"one\", \"two\", \"\"] * 500, \"two\"));"
        ))
    };
    for right in ["\"o\"", "\"\"", "\"ü\"", "\"two\"", "\"sixteen bytes!!!\""] {
        let region = of(right);
        assert!(!body(&region).contains("call"), "{region}");
    }
    for right in ["\"seventeen bytes..\"", "w"] {
        let region = of(right);
        assert!(body(&region).contains("call str_equal"), "{region}");
    }
}

#[test]
fn order_among_texts_and_characters_needs_the_first_byte_only() {
    let of = |right: &str| {
        region(&format!(
            "fn f : xs {{ let n = 0; for x in xs {{ if x < {right} {{ n += 1; }} }} return n; }} println(f([\"one\", \"two\", \"\"] * 500));"
        ))
    };
    assert!(!body(&of("\"o\"")).contains("call"));
    assert!(body(&of("\"on\"")).contains("call str_compare"));
}

#[test]
fn the_range_of_a_slice_is_not_made() {
    let region = region(
        "fn f : t { let n = 0; for i in 0..2000 { if t[i..i + 3] == \"abc\" { n += 1; } } return n; } println(f(\"xabc\" * 600));",
    );
    assert!(body(&region).contains("call str_slice") && !body(&region).contains("make"), "{region}");
}

#[test]
fn entries_of_dense_dicts_are_read_and_written_in_place() {
    let of = |key: &str| {
        region(&format!(
            "fn f : n {{ let d = {{}}; let t = 0; for i in 0..n {{ let k = {key}; d[k] = d.get(k, 0) + 1; if d.contains(k) {{ t += d[k]; }} }} return t; }} println(f(5000));"
        ))
    };
    let region = of("i % 10");
    assert!(body(&region).contains("load dicttag") && body(&region).contains("store dictpayload"), "{region}");
    let region = of("core.str(i % 10)");
    assert!(body(&region).contains("call dict_find_str") && !body(&region).contains("load dicttag"), "{region}");
}

#[test]
fn an_entry_is_looked_for_again_only_if_a_key_may_have_been_added_or_removed() {
    let finds = |of: &str| {
        let region = region(&format!(
            "fn f : words {{ let d = {{\"one\": 1, \"two\": 2, \"three\": 3}}; let e = {{}}; let t = 0; for w in words {{ {of} }} return t; }} println(f([\"one\", \"two\", \"three\"] * 2000));"
        ));
        body(&region).matches("call dict_find_str").count()
    };
    assert_eq!(finds("d[w] = d.get(w, 0) + 1;"), 1);
    assert_eq!(finds("if w in d { t += d[w]; d[w] = t % 7; }"), 1);
    assert_eq!(finds("t += d.get(w, 0); e[\"a\"] = t; t += d.get(w, 0);"), 3);
    assert_eq!(finds("t += d.get(w, 0); d.remove(w); t += d.get(w, 0);"), 2);
}

#[test]
fn methods_of_single_characters_are_tests_of_numbers() {
    let of = |body: &str| {
        region(&format!(
            "fn f : t {{ let n = 0; for c in t {{ {body} }} return n; }} println(f(\"An example, 1 or 2.\" * 500));"
        ))
    };
    for condition in [
        "c.is_digit() or c.is_alpha() or c.is_alnum()",
        "c.is_space() or c.is_upper() or c.is_lower()",
        "c in \" \\n\\t\"",
        "c.lower() == \"a\" or c.upper() == \"B\"",
    ] {
        let region = of(&format!("if {condition} {{ n += 1; }}"));
        assert!(!body(&region).contains("call"), "{condition}: {region}");
    }
    let region = of("n += c.trim().len();");
    assert!(body(&region).contains("call call_method"), "{region}");
}

#[test]
fn built_in_methods_and_functions_that_call_nothing_are_no_steps() {
    let of = |body: &str| {
        region(&format!(
            "fn f : s, n {{ let t = 0; let xs = [3, 1, 2]; let d = {{}}; for i in 0..n {{ {body} }} return t; }} println(f(\"walrus\", 5000));"
        ))
    };
    for (what, helper) in [
        ("t += xs.index_of(i % 4) + s.count(\"a\") + xs.sum();", "call_method"),
        ("xs.insert(0, i); t += xs.remove(0);", "call_method"),
        ("d[i] = t; t += d.values().len(); d.clear();", "call_method"),
        ("t += core.int(\"12\") + core.str(i).len();", "call_library"),
        ("let e = {\"a\": i}; t += e[\"a\"];", "make_dict"),
    ] {
        let region = of(what);
        assert!(body(&region).contains(&format!("call {helper}(")), "{what}: {region}");
        assert!(!body(&region).contains("call step"), "{what}: {region}");
    }
    // What runs Walrus code is left to the run time.
    let region = of("t += xs.sorted(: a, b { return a - b; }).len();");
    assert!(body(&region).contains("call step_call"), "{region}");
}

#[test]
fn a_method_of_a_dict_is_looked_for_among_keys_only_if_one_names_a_method() {
    let region =
        region("fn f : n { let d = {}; let t = 0; for i in 0..n { t += d.len(); } return t; } println(f(5000));");
    // The flag is that of the dict, and nothing changes it here.
    assert!(!body(&region).contains("load") || body(&region).contains("call dict_has_name"), "{region}");
}
