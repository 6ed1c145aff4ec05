use proptest::prelude::*;

use super::*;

#[test]
fn appending_is_linear_and_older_strings_stay_what_they_are() {
    let mut heap = Heap::new();
    let mut strings = vec![heap.new_str("0")];
    let mut text = String::from("0");
    for i in 1..2000 {
        let digit = heap.new_str(&(i % 10).to_string());
        let longer = Str::concat(&mut heap, strings[i - 1], digit).unwrap();
        text.push_str(digit.as_str());
        strings.push(longer);
    }
    for (i, string) in strings.iter().enumerate() {
        assert_eq!(string.as_str(), &text[..=i]);
    }
    // Two continuations of one string do not see each other.
    let (a, b) = (heap.new_str("a"), heap.new_str("b"));
    let base = strings[1999];
    let (with_a, with_b) = (Str::concat(&mut heap, base, a).unwrap(), Str::concat(&mut heap, base, b).unwrap());
    assert!(with_a.as_str().ends_with("9a") && with_b.as_str().ends_with("9b"));
    let twice = Str::concat(&mut heap, with_a, with_a).unwrap();
    assert_eq!(twice.as_str(), with_a.as_str().repeat(2));
}

#[test]
fn a_million_appends_copy_little() {
    let mut heap = Heap::new();
    heap.set_threshold(8 << 20);
    let mut text = heap.new_str("é");
    let x = heap.new_str("x");
    let mut collections = 0;
    for _ in 0..1_000_000 {
        text = Str::concat(&mut heap, text, x).unwrap();
        if heap.should_collect() {
            heap.collect(|marker| marker.mark(crate::runtime::value::Value::from_str(text)));
            collections += 1;
        }
    }
    assert_eq!((text.byte_len(), text.char_len()), (1_000_002, 1_000_001));
    // 48 bytes per string: more collections would mean that the text itself was copied over and over.
    assert!((1..20).contains(&collections), "{collections}");
}

#[test]
fn slices_and_characters_count_characters() {
    let mut heap = Heap::new();
    let text = heap.new_str("añ😀b");
    assert!(!text.is_ascii());
    assert_eq!(text.char_len(), 4);
    assert_eq!(text.char_at(2), Some('😀'));
    assert_eq!(text.char_at(4), None);
    assert_eq!(text.slice(&mut heap, 1, 3).unwrap().unwrap().as_str(), "ñ😀");
    assert_eq!(text.slice(&mut heap, 4, 4).unwrap().unwrap().as_str(), "");
    assert!(text.slice(&mut heap, 3, 5).unwrap().is_none());
    assert!(text.slice(&mut heap, 3, 2).unwrap().is_none());
}

#[test]
fn a_loop_over_long_text_by_index_is_linear() {
    let mut heap = Heap::new();
    let count = 300_000;
    let text = heap.new_str(&"é😀a".repeat(count / 3));
    let forward = (0..count).filter(|&i| text.locate_char(&heap, i) == Some('é')).count();
    let backward = (0..count).rev().filter(|&i| text.locate_char(&heap, i) == Some('a')).count();
    // Walking from an end each time would take some 10^11 steps.
    assert_eq!((forward, backward), (count / 3, count / 3));
}

#[test]
fn repetition() {
    let mut heap = Heap::new();
    let text = heap.new_str("ab");
    assert_eq!(text.repeat(&mut heap, 3).unwrap().as_str(), "ababab");
    assert_eq!(text.repeat(&mut heap, 0).unwrap(), heap.empty_str());
    assert_eq!(heap.empty_str().repeat(&mut heap, usize::MAX).unwrap(), heap.empty_str());
    assert_eq!(text.repeat(&mut heap, usize::MAX).unwrap_err().to_string(), "Value too large");
}

proptest! {
    #[test]
    fn looks_by_index_agree_with_chars_in_any_order(
        text in "[aé😀]{0,40}", other in "[aé]{0,5}", looks in prop::collection::vec((any::<bool>(), 0..42usize), 0..60)
    ) {
        let mut heap = Heap::new();
        let strings = [heap.new_str(&text), heap.new_str(&other)];
        for (first, index) in looks {
            let string = strings[usize::from(!first)];
            prop_assert_eq!(string.locate_char(&heap, index), string.char_at(index));
            prop_assert_eq!(string.locate(&heap, index), string.byte_offset(index));
        }
    }

    #[test]
    fn slices_agree_with_chars(text in "[a-cé😀]{0,20}", a in 0..22usize, b in 0..22usize) {
        let mut heap = Heap::new();
        let string = heap.new_str(&text);
        let chars: Vec<char> = text.chars().collect();
        prop_assert_eq!(string.char_len(), chars.len());
        prop_assert_eq!(string.char_at(a), chars.get(a).copied());
        let expected = chars.get(a..b).map(|chars| chars.iter().collect::<String>());
        let slice = string.slice(&mut heap, a, b).unwrap();
        prop_assert_eq!(slice.map(|slice| slice.as_str().to_owned()), expected);
    }

    #[test]
    fn concatenations_in_any_order(picks in prop::collection::vec((any::<usize>(), any::<usize>()), 1..60)) {
        let mut heap = Heap::new();
        let mut pool: Vec<(Gc<Str>, String)> =
            ["", "a", "é", "a longer piece of text, enough to go into a buffer of its own soon"]
                .into_iter().map(|text| (heap.new_str(text), text.to_owned())).collect();
        for (a, b) in picks {
            let (left, right) = (&pool[a % pool.len()], &pool[b % pool.len()]);
            if left.1.len() + right.1.len() > 5000 {
                continue;
            }
            let joined = (Str::concat(&mut heap, left.0, right.0).unwrap(), format!("{}{}", left.1, right.1));
            pool.push(joined);
        }
        for (string, text) in &pool {
            prop_assert_eq!(string.as_str(), text);
            prop_assert_eq!(string.is_ascii(), text.is_ascii());
            prop_assert_eq!(string.char_len(), text.chars().count());
        }
    }
}
